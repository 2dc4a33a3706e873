#include <algorithm>
#include <map>

#include "calibrate/fitting/fit_kernels.hpp"
#include "models/latency/expert_latency.hpp"
#include "models/units/require.hpp"

namespace moeplan::calibrate {
namespace {

using models::ExpertSample;
using models::ExpertTheta;

double per_unit(double rate) { return rate > 0.0 ? 1.0 / rate : 0.0; }

// In the order of parameters().
ExpertTheta theta_of(std::span<const double> v, double multiprocessors, models::TileRule tiles) {
  return {.launch = v[0],
          .expert_parallel = v[1],
          .inner = v[2],
          .bandwidth = v[3],
          .compute = v[4],
          .norm = v[5],
          .traffic = per_unit(v[6]),
          .local_traffic = per_unit(v[7]),
          .token_traffic = per_unit(v[8]),
          .reread = v[9],
          .top1 = v[10],
          .multiprocessors = multiprocessors,
          .tiles = tiles};
}

std::vector<Parameter> parameters(const models::Gpu& gpu, models::Precision precision) {
  const double bandwidth = gpu.bandwidth.value();
  const double peak = gpu.peak_for(precision).value();
  return {{"launch_s", 22e-6, 22e-6},
          {"expert_parallel_s", 6e-6, 0.0},
          {"inner_s", 1.4e-9, 0.0},
          {"bandwidth_Bps", 0.9 * bandwidth, 0.9 * bandwidth},
          {"compute_flops", 0.7 * peak, 0.7 * peak},
          {"norm", 2.0, 2.0},
          {"traffic_Bps", 0.7 * bandwidth, 0.0},
          {"local_traffic_Bps", 0.7 * bandwidth, 0.0},
          {"token_traffic_Bps", 0.7 * bandwidth, 0.0},
          {"reread", 3.0, 0.0},
          {"top1_s", 6e-12, 0.0}};
}

FitProblem problem_of(const std::vector<const ExpertSample*>& rows, const models::Gpu& gpu,
                      models::TileRule tiles) {
  FitProblem problem;
  problem.parameters = parameters(gpu, rows.front()->origin.precision);
  for (const ExpertSample* row : rows) {
    problem.seconds.push_back(row->origin.seconds);
  }
  problem.law = [rows, sms = static_cast<double>(gpu.multiprocessors), tiles](
                    std::span<const double> v, std::size_t i) {
    return expert_seconds(theta_of(v, sms, tiles), rows[i]->shape, rows[i]->load);
  };
  return problem;
}

// Which tiles a kernel uses is not in the tables: the rule with the best fit, the first one unless
// another is clearly better.
models::TileRule best_tiles(const std::vector<const ExpertSample*>& rows, const models::Gpu& gpu) {
  models::TileRule best = models::TileRule::by_tokens;
  double lowest = 0.0;
  for (const models::TileRule tiles :
       {models::TileRule::by_tokens, models::TileRule::by_local_experts, models::TileRule::fixed}) {
    const double cost = fit(problem_of(rows, gpu, tiles), {.starts = 1, .converged = 1e-6}).cost;
    if (tiles == best || cost < 0.9 * lowest) {
      best = tiles;
      lowest = cost;
    }
  }
  return best;
}

std::map<std::string, models::Interval> domain_of(const std::vector<const ExpertSample*>& rows) {
  std::map<std::string, models::Interval> domain;
  for (const ExpertSample* row : rows) {
    cover(domain, "tokens", row->load.tokens);
    cover(domain, "pairs", row->load.pairs);
    cover(domain, "active_experts", row->load.active_experts);
    cover(domain, "hidden", static_cast<double>(row->shape.hidden));
    cover(domain, "intermediate", static_cast<double>(row->shape.intermediate));
    cover(domain, "top_k", static_cast<double>(row->shape.top_k));
  }
  return domain;
}

using Key = decltype(ExpertSample{}.key());

}  // namespace

FittedFamily fit_expert(const std::vector<ExpertSample>& samples, const models::Gpu& gpu) {
  require(!samples.empty(), "a fit needs samples");
  std::map<std::string, std::vector<const ExpertSample*>> by_distribution;
  std::vector<const ExpertSample*> everything;
  for (const ExpertSample& sample : samples) {
    by_distribution[sample.distribution].push_back(&sample);
    everything.push_back(&sample);
  }
  const bool balanced = by_distribution.count("balanced") > 0;
  const std::vector<const ExpertSample*>& rows =
      balanced ? by_distribution["balanced"] : everything;

  std::vector<Key> keys;
  std::vector<int> shape_of;
  for (const ExpertSample* row : rows) {
    shape_of.push_back(shape_index(keys, row->key()));
  }
  const models::TileRule tiles = best_tiles(rows, gpu);
  const FitProblem problem = problem_of(rows, gpu, tiles);
  const FamilyFit found = fit_family(problem, shape_of, static_cast<int>(keys.size()));

  FittedFamily family;
  family.law = law_from(problem, found.all);
  family.law.constants = {{"multiprocessors", static_cast<double>(gpu.multiprocessors)},
                          {"tile_rule", static_cast<double>(tiles)}};
  family.law.distribution = balanced ? "balanced" : "power_law";
  family.law.info.kernel = "expert";
  family.law.info.kernel_source = samples.front().origin.kernel_source;
  family.law.info.dtype = std::string(name_of(samples.front().origin.precision));
  family.law.info.form = "tiled_experts_v1";
  family.law.info.domain = domain_of(rows);

  const models::ExpertLatency law(family.law);
  std::vector<double> fitted_predicted;
  std::vector<double> fitted_measured;
  const auto report = [&](const std::string& distribution,
                          const std::vector<const ExpertSample*>& of) {
    FamilyReport line{.kernel = "expert",
                      .kernel_source = family.law.info.kernel_source,
                      .dtype = family.law.info.dtype,
                      .distribution = distribution};
    std::vector<double> predicted;
    std::vector<double> measured;
    std::vector<double> held_out;
    std::vector<double> held_out_measured;
    std::vector<Key> shapes;
    for (const ExpertSample* row : of) {
      const models::Estimate estimate = law.estimate(row->shape, row->load);
      predicted.push_back(in_seconds(estimate.duration));
      measured.push_back(row->origin.seconds);
      line.extrapolated_points += estimate.extrapolated ? 1 : 0;
      shape_index(shapes, row->key());
      const auto key = std::find(keys.begin(), keys.end(), row->key());
      if (!found.held_out.empty() && key != keys.end()) {
        const auto& theta = found.held_out[static_cast<std::size_t>(key - keys.begin())];
        held_out.push_back(
            expert_seconds(theta_of(theta, static_cast<double>(gpu.multiprocessors), tiles),
                           row->shape, row->load));
        held_out_measured.push_back(row->origin.seconds);
      }
    }
    line.shapes = static_cast<std::int64_t>(shapes.size());
    line.errors = summarize(predicted, measured);
    if (!held_out.empty()) {
      const ErrorSummary errors = summarize(held_out, held_out_measured);
      line.leave_one_shape_out = {errors.median_abs, errors.p90_abs};
    }
    if (family.reports.empty()) {
      const bool has = !held_out.empty();
      family.law.info.discrepancy_sd_log =
          six_digits(log_sd(has ? held_out : predicted, has ? held_out_measured : measured));
    }
    family.reports.push_back(line);
  };
  report(family.law.distribution, rows);
  for (const auto& [distribution, of] : by_distribution) {
    if (distribution != family.law.distribution) {
      report(distribution, of);
    }
  }
  family.law.errors = errors_from(family.reports.front());
  return family;
}

}  // namespace moeplan::calibrate
