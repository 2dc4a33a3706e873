// Cost laws against measured points (moeplan validate --points N).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "sim/report/html/figures.hpp"
#include "sim/report/html/result_node.hpp"
#include "sim/report/html/vega_spec.hpp"

namespace moeplan::sim {
namespace {

using text::Json;
using text::Node;

constexpr double kUs = 1e6;
constexpr std::size_t kMostSeries = 6;  // of a figure, told apart by colour
constexpr std::size_t kMostPoints = 2000;
constexpr std::size_t kMostFamilies = 100;

// Exchanges, which a plan's layouts hang on, before kernels.
int rank_of(const Node& family) {
  static const std::vector<std::string> kOrder = {
      "all2all", "allgather", "reducescatter",     "allreduce",        "expert",
      "dense",   "mla",       "attention_prefill", "attention_decode", "permute"};
  const auto found = std::find(kOrder.begin(), kOrder.end(), text_at(family, "kernel"));
  return static_cast<int>(found - kOrder.begin());
}

std::string family_name(const Node& family) {
  return text_at(family, "kernel") + ", " + text_at(family, "kernel_source") + ", " +
         text_at(family, "dtype") +
         (text_at(family, "distribution").empty() ? "" : ", " + text_at(family, "distribution"));
}

// The series with the most points, in the order in which they come.
std::vector<std::string> series_of(const Node& family) {
  std::map<std::string, std::size_t> points;
  std::vector<std::string> order;
  for (const Node& point : items_at(family, "measured_points")) {
    const std::string name = text_at(point, "series");
    if (++points[name] == 1) {
      order.push_back(name);
    }
  }
  std::stable_sort(order.begin(), order.end(), [&](const std::string& a, const std::string& b) {
    return points[a] > points[b];
  });
  order.resize(std::min(order.size(), kMostSeries));
  return order;
}

std::optional<ReportFigure> fit_figure(const Node& family, std::size_t number) {
  const std::vector<std::string> series = series_of(family);
  const std::string axis = text_at(family, "axis");
  std::vector<Json> data;
  ReportTable table{
      {"series", axis, "measured", "predicted", "predicted / measured", "extrapolated"}, {}};
  for (const Node& point : items_at(family, "measured_points")) {
    const auto work = number_at(point, "work");
    const auto measured = number_at(point, "measured_s");
    const auto predicted = number_at(point, "predicted_s");
    const std::string name = text_at(point, "series");
    const bool drawn = std::find(series.begin(), series.end(), name) != series.end();
    if (!drawn || !work || !measured || !predicted || *work <= 0.0 || *measured <= 0.0 ||
        *predicted <= 0.0 || data.size() == kMostPoints) {
      continue;
    }
    const bool outside = is_true(point, "extrapolated");
    data.push_back(Json::object()
                       .set("series", name)
                       .set("work", *work)
                       .set("measured_us", kUs * *measured)
                       .set("predicted_us", kUs * *predicted)
                       .set("extrapolated", outside));
    table.rows.push_back({name, digits_text(work), duration_text(measured),
                          duration_text(predicted), digits_text(*predicted / *measured),
                          outside ? "yes" : "no"});
  }
  if (data.empty()) {
    return std::nullopt;
  }
  const auto logarithmic = [](const char* field, const std::string& title) {
    return channel(field, "quantitative", title)
        .set("scale", Json::object().set("type", "log").set("nice", false))
        .set("axis", Json::object().set("format", "~s").set("labelOverlap", true));
  };
  Json color = colors("series", "", series);
  color.set("legend", Json::object().set("orient", "top").set("columns", 3).set("labelLimit", 300));
  const Json about = hover({{"series", "series", ""},
                            {"work", "work", ",.6~r"},
                            {"measured_us", "measured, us", ",.4~r"},
                            {"predicted_us", "predicted, us", ",.4~r"}});
  const Json x = logarithmic("work", axis + " (logarithmic)");
  const std::string y_title = "time, us (logarithmic)";
  std::vector<Json> layers = {
      layer(mark("line").set("strokeWidth", 1.5),
            Json::object()
                .set("x", x)
                .set("y", logarithmic("predicted_us", y_title))
                .set("color", color)),
      layer(mark("point").set("filled", true).set("size", 36).set("opacity", 0.85),
            Json::object()
                .set("x", x)
                .set("y", logarithmic("measured_us", y_title))
                .set("color", color)
                .set("tooltip", about))};
  return ReportFigure{
      fmt::format("fit_{}", number), "Fit: " + family_name(family),
      fmt::format("Dots are measured, lines are what the cost law says: median error {}, p90 {} of "
                  "{} rows.{}",
                  percent_text(number_at(family, "median_abs_error")),
                  percent_text(number_at(family, "p90_abs_error")), text_at(family, "points"),
                  series.size() == kMostSeries ? " The series with the most rows are drawn." : ""),
      layered(300, data, layers), std::move(table)};
}

}  // namespace

std::vector<ReportFigure> fit_figures(const Node& validation) {
  std::vector<const Node*> families;
  for (const Node& family : items_at(validation, "families")) {
    families.push_back(&family);
  }
  // The best measured family of every kernel before the second of any.
  std::stable_sort(families.begin(), families.end(), [](const Node* x, const Node* y) {
    return items_at(*x, "measured_points").size() > items_at(*y, "measured_points").size();
  });
  std::map<int, int> seen;
  std::map<std::pair<int, int>, const Node*> in_turn;
  for (const Node* family : families) {
    const int rank = rank_of(*family);
    in_turn[{seen[rank]++, rank}] = family;
  }
  std::vector<ReportFigure> figures;
  for (const auto& [turn, family] : in_turn) {
    if (figures.size() == kMostFits) {
      break;
    }
    if (auto figure = fit_figure(*family, figures.size() + 1)) {
      figures.push_back(std::move(*figure));
    }
  }
  return figures;
}

std::optional<ReportFigure> validation_table(const Node& validation) {
  ReportTable table{{"family", "shapes", "rows", "median error", "p90 error", "bias",
                     "in the law's 5 to 95 % band"},
                    {}};
  for (const Node& family : items_at(validation, "families")) {
    if (table.rows.size() < kMostFamilies) {
      table.rows.push_back({family_name(family), text_at(family, "shapes"),
                            text_at(family, "points"),
                            percent_text(number_at(family, "median_abs_error")),
                            percent_text(number_at(family, "p90_abs_error")),
                            percent_text(number_at(family, "bias")),
                            percent_text(number_at(family, "band_covered_fraction"))});
    }
  }
  if (table.rows.empty()) {
    return std::nullopt;
  }
  return ReportFigure{"validation", "Cost laws against measurements",
                      "Relative error of the predicted time, per family of kernels.", Json(),
                      std::move(table)};
}

}  // namespace moeplan::sim
