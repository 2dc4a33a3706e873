// What the numbers rest on: errors of the cost laws, and designs that fell out.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "sim/report/html/figures.hpp"
#include "sim/report/html/result_node.hpp"
#include "sim/report/html/vega_spec.hpp"

namespace moeplan::sim {
namespace {

using text::Json;
using text::Node;

constexpr std::size_t kMostRows = 200;

struct Kernel {
  std::size_t laws = 0;
  double median = 0.0;  // the worst of its laws
  double p90 = 0.0;
};

}  // namespace

std::optional<ReportFigure> law_errors_figure(const Node& result) {
  std::map<std::string, Kernel> kernels;
  std::vector<std::string> order;
  ReportTable table{{"law", "gpu", "precision", "median error", "p90 error", "sd of the log",
                     "from a data sheet", "source"},
                    {}};
  for (const Node& law : items_at(result, "provenance/laws")) {
    const double median = number_at(law, "median_abs_error").value_or(0.0);
    const double p90 = number_at(law, "p90_abs_error").value_or(0.0);
    if (table.rows.size() < kMostRows) {
      table.rows.push_back({text_at(law, "kernel") + ": " + text_at(law, "kernel_source"),
                            text_at(law, "gpu"), text_at(law, "dtype"), percent_text(median),
                            percent_text(p90), digits_text(number_at(law, "discrepancy_sd_log")),
                            is_true(law, "datasheet") ? "yes" : "no", text_at(law, "source")});
    }
    if (p90 <= 0.0 || kernels.size() > kMostRows) {
      continue;  // from a data sheet, or without residuals: nothing to draw
    }
    const std::string name = text_at(law, "gpu") + " " + text_at(law, "kernel");
    if (kernels.count(name) == 0) {
      order.push_back(name);
    }
    Kernel& kernel = kernels[name];
    ++kernel.laws;
    kernel.median = std::max(kernel.median, median);
    kernel.p90 = std::max(kernel.p90, p90);
  }
  if (table.rows.empty()) {
    return std::nullopt;
  }
  std::vector<Json> data;
  for (const std::string& name : order) {
    const Kernel& kernel = kernels[name];
    data.push_back(Json::object()
                       .set("kernel", name)
                       .set("laws", kernel.laws)
                       .set("median_percent", 100.0 * kernel.median)
                       .set("p90_percent", 100.0 * kernel.p90));
  }
  const Json y = channel("kernel", "nominal", "")
                     .set("sort", Json())
                     .set("axis", Json::object().set("labelLimit", 280));
  const auto x = [](const char* field) {
    return channel(field, "quantitative", "|predicted / measured - 1| of the fit, %");
  };
  const Json about = hover({{"kernel", "kernel", ""},
                            {"laws", "laws", "d"},
                            {"median_percent", "median, %", ".1f"},
                            {"p90_percent", "p90, %", ".1f"}});
  const std::vector<Json> layers = {
      layer(mark("rule").set("strokeWidth", 2).set("color", kPalette[5]),
            Json::object()
                .set("y", y)
                .set("x", x("median_percent"))
                .set("x2", Json::object().set("field", "p90_percent"))),
      layer(mark("point")
                .set("filled", true)
                .set("size", 80)
                .set("color", kPalette[0])
                .set("opacity", 1.0),
            Json::object().set("y", y).set("x", x("median_percent")).set("tooltip", about)),
      layer(mark("point")
                .set("shape", "diamond")
                .set("filled", true)
                .set("size", 90)
                .set("color", kPalette[3])
                .set("opacity", 1.0),
            Json::object().set("y", y).set("x", x("p90_percent")).set("tooltip", about))};
  return ReportFigure{
      "law_errors", "How well the cost laws fit their measurements",
      "Per kernel, the worst of its laws: median (dot) and 90th percentile (diamond) of the "
      "relative error on the measurements they were fitted to. Laws from data sheets have no "
      "measurements and are in the table only.",
      data.empty() ? Json() : layered(static_cast<int>(40 + 22 * data.size()), data, layers),
      table};
}

std::optional<ReportFigure> infeasible_table(const Node& plan) {
  struct Why {
    std::size_t designs = 0;
    std::string example;
  };
  std::map<std::string, Why> reasons;
  std::size_t all = 0;
  for (const Node& design : items_at(plan, "infeasible")) {
    ++all;
    Why& why = reasons[text_at(design, "code")];
    ++why.designs;
    if (why.example.empty()) {
      why.example = fmt::format("{} experts, {} GPUs: {}", text_at(design, "experts_kept"),
                                text_at(design, "gpus"), text_at(design, "reason"));
    }
  }
  if (all == 0) {
    return std::nullopt;
  }
  ReportTable table{{"code", "designs", "for example"}, {}};
  for (const auto& [code, why] : reasons) {
    table.rows.push_back({code, fmt::format("{}", why.designs), why.example});
  }
  return ReportFigure{
      "infeasible", "Designs that do not work",
      fmt::format("{} of the designs cannot carry the traffic within the objectives, or "
                  "cannot be built.",
                  all),
      Json(), table};
}

}  // namespace moeplan::sim
