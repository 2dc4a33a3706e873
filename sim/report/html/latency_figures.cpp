// Distributions of TTFT and TPOT against the objectives.
#include "sim/report/html/design_row.hpp"
#include "sim/report/html/figures.hpp"
#include "sim/report/html/result_node.hpp"
#include "sim/report/html/vega_spec.hpp"

namespace moeplan::sim {
namespace {

using text::Json;
using text::Node;

constexpr double kMs = 1e3;
constexpr std::size_t kMostPoints = 400;  // of a curve

struct Latency {
  const char* id;
  const char* key;  // "ttft": keys ttft_s of the curve, ttft_p50_s and ttft_p99_s of the objectives
  const char* name;
  const char* meaning;
};

void add_objectives(const Node& result, const Latency& what, std::vector<Json>& layers) {
  for (const char* percentile : {"p50", "p99"}) {
    const auto bound =
        number_at(result, std::string("objectives/") + what.key + "_" + percentile + "_s");
    if (bound) {
      for (Json& each : rule_at("x", kMs * *bound, std::string(percentile) + " objective")) {
        layers.push_back(std::move(each));
      }
    }
  }
}

std::optional<ReportFigure> cdf_figure(const Node& result, const Latency& what) {
  std::vector<Json> data;
  std::vector<std::string> names;
  ReportTable table{{"design", "p50", "p90", "p95", "p99", "standard error of p99", "largest"}, {}};
  for (const DesignRow& row : named_designs(result)) {
    const std::vector<double> shares = numbers_at(*row.node, "latency_cdf/fractions");
    const std::vector<double> values =
        numbers_at(*row.node, std::string("latency_cdf/") + what.key + "_s");
    if (shares.empty() || shares.size() != values.size() || shares.size() > kMostPoints) {
      continue;
    }
    const std::string name = row.role + ": " + row.label;
    names.push_back(name);
    for (std::size_t i = 0; i < shares.size(); ++i) {
      data.push_back(Json::object()
                         .set("design", name)
                         .set("latency_ms", kMs * values[i])
                         .set("requests_percent", 100.0 * shares[i]));
    }
    const Node* all = at(*row.node, what.key);
    const auto figure = [&](const char* key) {
      return all != nullptr ? duration_text(number_at(*all, key)) : std::string("-");
    };
    table.rows.push_back({name, figure("p50_s"), figure("p90_s"), figure("p95_s"), figure("p99_s"),
                          figure("p99_standard_error_s"), figure("max_s")});
  }
  if (data.empty()) {
    return std::nullopt;
  }
  const Json x =
      channel("latency_ms", "quantitative", std::string(what.name) + ", ms (logarithmic)")
          .set("scale", Json::object().set("type", "log").set("nice", false))
          .set("axis", Json::object().set("format", "~s").set("labelOverlap", true));
  const Json y = channel("requests_percent", "quantitative", "requests within, %")
                     .set("scale", Json::object().set("domain", std::vector<int>{0, 100}));
  Json color = colors("design", "", names);
  color.set("legend", Json::object().set("orient", "top").set("columns", 1).set("labelLimit", 560));
  std::vector<Json> layers = {
      layer(mark("line").set("interpolate", "linear").set("strokeWidth", 2),
            Json::object()
                .set("x", x)
                .set("y", y)
                .set("color", color)
                .set("order", channel("requests_percent", "quantitative", ""))),
      layer(mark("point").set("filled", true).set("size", 60).set("opacity", 0.0),
            Json::object()
                .set("x", x)
                .set("y", y)
                .set("color", color)
                .set("tooltip", hover({{"design", "design", ""},
                                       {"latency_ms", "ms", ",.4r"},
                                       {"requests_percent", "requests within, %", ".1f"}})))};
  add_objectives(result, what, layers);
  return ReportFigure{what.id, std::string(what.name) + " of all requests", what.meaning,
                      layered(260, data, layers), table};
}

}  // namespace

std::optional<ReportFigure> ttft_figure(const Node& result) {
  return cdf_figure(result,
                    {"ttft_cdf", "ttft", "Time to first token",
                     "Share of the requests whose first token came within a time, from arrival, "
                     "queueing included. Left of a dashed rule is within the objective: a p99 "
                     "objective asks for the curve to pass 99 % before it."});
}

std::optional<ReportFigure> tpot_figure(const Node& result) {
  return cdf_figure(result,
                    {"tpot_cdf", "tpot", "Time per output token",
                     "Share of the requests whose mean time between output tokens stayed below a "
                     "time. Left of a dashed rule is within the objective."});
}

}  // namespace moeplan::sim
