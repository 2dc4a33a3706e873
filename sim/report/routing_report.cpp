#include "sim/report/routing_report.hpp"

#include <fmt/format.h>

#include "sim/plan/reasons.hpp"

namespace moeplan::sim {

using text::Json;

Json router_json(const std::optional<models::RouterEffect>& effect) {
  if (!effect) {
    return {};
  }
  return Json::object()
      .set("mode", std::string(models::name_of(effect->mode)))
      .set("skew", effect->pruned.median)
      .set("skew_unpruned", effect->unpruned.median)
      .set("skew_worst_layer", effect->pruned.worst)
      .set("skew_worst_layer_unpruned", effect->unpruned.worst)
      .set("effective_top_k", effect->effective_top_k)
      .set("output_scale", effect->output_scale);
}

Json buffers_json(const std::optional<BufferUse>& buffers) {
  return buffers ? Json::object()
                       .set("dropped_fraction", buffers->dropped_fraction)
                       .set("padding_fraction", buffers->padding_fraction)
                 : Json();
}

Json routing_json(const Scenario& scenario) {
  if (scenario.routing.layers().empty()) {
    return {};
  }
  const ExpertRouting& routing = scenario.workload.routing;
  const models::SkewStatistics skew = models::skew_statistics(scenario.routing.unpruned());
  const bool measured = routing.distribution == RoutingDistribution::measured;
  return Json::object()
      .set("distribution", std::string(name_of(routing.distribution)))
      .set("description", describe(routing))
      .set("file", measured ? Json(routing.file.filename().string()) : Json())
      .set("file_sha256", measured ? Json(routing.sha256) : Json())
      .set("skew_median", skew.median)
      .set("skew_worst", skew.worst)
      .set("skew_worst_layer", scenario.routing.layers()[skew.worst_layer].index);
}

TextTable routing_table(const std::vector<const Design*>& designs, const Scenario& scenario) {
  TextTable table({"routing", "router", "busiest expert / mean, median layer", "worst layer",
                   "experts per token", "output scale", "dropped %", "padding %"});
  for (const Design* d : designs) {
    if (d->candidate.experts_kept == 0) {
      continue;
    }
    const auto& unpruned = scenario.routing.unpruned();
    const models::SkewStatistics skew =
        d->router ? d->router->pruned : models::skew_statistics(unpruned);
    const auto& buffers = d->metrics.buffers;
    table.add({describe(*d, scenario),
               d->router ? std::string(models::name_of(d->router->mode)) : "as trained",
               fmt::format("{:.2f}", skew.median), fmt::format("{:.2f}", skew.worst),
               fmt::format("{:.2f}", d->router ? d->router->effective_top_k
                                               : unpruned.layer(0).effective_top_k()),
               d->router && !d->router->output_scale
                   ? "-"
                   : fmt::format("{:.2f}", d->router ? *d->router->output_scale : 1.0),
               buffers ? fmt::format("{:.1f}", 100.0 * buffers->dropped_fraction) : "0",
               buffers ? fmt::format("{:.1f}", 100.0 * buffers->padding_fraction) : "0"});
  }
  return table;
}

std::string routing_text(const Scenario& scenario) {
  if (scenario.routing.layers().empty()) {
    return "";
  }
  const models::SkewStatistics skew = models::skew_statistics(scenario.routing.unpruned());
  return fmt::format(
      "routing: {}; busiest expert over the mean {:.2f} in the median layer, {:.2f} in the worst "
      "(layer {})",
      describe(scenario.workload.routing), skew.median, skew.worst,
      scenario.routing.layers()[skew.worst_layer].index);
}

}  // namespace moeplan::sim
