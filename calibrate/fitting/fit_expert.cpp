#include <algorithm>
#include <map>
#include <optional>
#include <set>

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
    return expert_part_seconds(theta_of(v, sms, tiles), rows[i]->part, rows[i]->shape,
                               rows[i]->load);
  };
  return problem;
}

bool only_parts(const std::vector<const ExpertSample*>& rows) {
  return std::all_of(rows.begin(), rows.end(), [](const ExpertSample* row) {
    return row->part != models::ExpertPart::layer;
  });
}

// Parameters that single GEMMs have; the others would be refused one by one.
std::vector<bool> free_parameters(const FitProblem& problem, bool parts) {
  std::vector<bool> free;
  for (const Parameter& parameter : problem.parameters) {
    const std::string& name = parameter.name;
    free.push_back(!parts || name == "launch_s" || name == "inner_s" || name == "bandwidth_Bps" ||
                   name == "compute_flops" || name == "norm" || name == "reread");
  }
  return free;
}

// The fit with what no device can do held at its limit: weights read or products computed above the
// peak rates, or memory and compute time that hinder each other (norm below 1). Rows that call for
// one of these do not tell the limits apart; their other parameters are fitted again around it.
FitOutcome fit_within_limits(FitProblem& problem, std::vector<bool> free, const models::Gpu& gpu,
                             models::Precision precision) {
  struct Limit {
    const char* name;
    double value;
    bool lower;  // else an upper one
  };
  const Limit limits[] = {{"norm", 1.0, true},
                          {"bandwidth_Bps", gpu.bandwidth.value(), false},
                          {"compute_flops", gpu.peak_for(precision).value(), false}};
  FitOutcome found = fit(problem, {.warm = {}, .warm_determined = free});
  for (bool again = true; again;) {
    again = false;
    for (const Limit& limit : limits) {
      for (std::size_t i = 0; i < problem.parameters.size(); ++i) {
        const double value = found.theta[i];
        if (problem.parameters[i].name != limit.name || !found.determined[i] ||
            (limit.lower ? value >= limit.value : value <= limit.value)) {
          continue;
        }
        problem.parameters[i].neutral = limit.value;
        free = found.determined;
        free[i] = false;
        std::vector<double> warm = found.theta;
        warm[i] = limit.value;
        found = fit(problem, {.starts = 2, .warm = warm, .warm_determined = free});
        again = true;  // the refit may have moved another one over its limit
      }
    }
  }
  return found;
}

// Which tiles a kernel uses is not in the tables: the rule with the best fit, the first one unless
// another is clearly better.
models::TileRule best_tiles(const std::vector<const ExpertSample*>& rows, const models::Gpu& gpu,
                            bool parts) {
  using models::TileRule;
  TileRule best = TileRule::by_tokens;
  double lowest = 0.0;
  for (const TileRule tiles : {TileRule::by_tokens, TileRule::by_local_experts, TileRule::fixed}) {
    const FitProblem problem = problem_of(rows, gpu, tiles);
    const double cost = fit(problem, {.starts = 1,
                                      .converged = 1e-6,
                                      .warm = {},
                                      .warm_determined = free_parameters(problem, parts)})
                            .cost;
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

// What is held out together: the experts of the layer, or of the rank where all layers have as
// many.
std::vector<std::int64_t> counts_of(const std::vector<const ExpertSample*>& rows) {
  std::vector<std::int64_t> layer;
  std::vector<std::int64_t> rank;
  for (const ExpertSample* row : rows) {
    layer.push_back(row->shape.experts);
    rank.push_back(row->shape.local_experts);
  }
  const bool varies = std::any_of(layer.begin(), layer.end(),
                                  [&](std::int64_t count) { return count != layer.front(); });
  return varies ? layer : rank;
}

// Launches and traffic around GEMMs that were timed alone, as data-sheet laws have them.
constexpr double kLaunchesAround = 3.0;  // permute, activation, weighted sum
constexpr double kLaunch = 2e-6;         // s
constexpr double kTrafficEfficiency = 0.70;

void add_surroundings(models::FittedLaw& law, const models::Gpu& gpu) {
  law.theta["launch_s"] = six_digits(law.value("launch_s") + kLaunchesAround * kLaunch);
  law.theta["local_traffic_Bps"] = six_digits(kTrafficEfficiency * gpu.bandwidth.value());
}

// The rows of one family, and the groups of them that are held out.
struct ExpertRows {
  std::vector<const ExpertSample*> fitted;
  std::vector<Key> shapes;
  std::vector<int> shape_of;  // [fitted]
  std::vector<std::int64_t> counts;
  std::vector<int> count_of;  // [fitted]
  bool by_rank = false;       // counts are the rank's experts
};

ExpertRows group(std::vector<const ExpertSample*> fitted) {
  ExpertRows rows{.fitted = std::move(fitted)};
  const std::vector<std::int64_t> counts = counts_of(rows.fitted);
  for (std::size_t i = 0; i < rows.fitted.size(); ++i) {
    rows.shape_of.push_back(shape_index(rows.shapes, rows.fitted[i]->key()));
    rows.count_of.push_back(shape_index(rows.counts, counts[i]));
    rows.by_rank = rows.by_rank || counts[i] != rows.fitted[i]->shape.experts;
  }
  return rows;
}

// Predictions of some rows by fits that had not seen their group.
struct HeldOutRows {
  std::vector<double> predicted;
  std::vector<double> measured;
  std::vector<int> group;

  std::optional<models::FitErrors::HeldOut> errors() const {
    if (measured.empty()) {
      return std::nullopt;
    }
    const ErrorSummary summary = summarize(predicted, measured);
    return models::FitErrors::HeldOut{summary.median_abs, summary.p90_abs};
  }
};

}  // namespace

FittedFamily fit_expert(const std::vector<ExpertSample>& samples, const models::Gpu& gpu) {
  require(!samples.empty(), "a fit needs samples");
  std::map<std::string, std::vector<const ExpertSample*>> by_distribution;
  std::vector<const ExpertSample*> everything;
  std::vector<const ExpertSample*> exact;
  std::set<std::string> exact_names;
  for (const ExpertSample& sample : samples) {
    by_distribution[sample.distribution].push_back(&sample);
    everything.push_back(&sample);
    if (!sample.drawn()) {
      exact.push_back(&sample);
      exact_names.insert(sample.distribution);
    }
  }
  const std::vector<const ExpertSample*>& reported = exact.empty() ? everything : exact;
  std::vector<const ExpertSample*> fitted;
  for (const ExpertSample* row : reported) {
    if (!is_cached(*row, gpu)) {
      fitted.push_back(row);
    }
  }
  const ExpertRows rows = group(fitted);
  const bool parts = only_parts(rows.fitted);
  const models::TileRule tiles = best_tiles(rows.fitted, gpu, parts);
  FitProblem problem = problem_of(rows.fitted, gpu, tiles);
  FamilyFit found{.all = fit_within_limits(problem, free_parameters(problem, parts), gpu,
                                           samples.front().origin.precision),
                  .held_out = {}};
  found.held_out =
      hold_out(problem, found.all, rows.shape_of, static_cast<int>(rows.shapes.size()));
  const auto without_count =
      rows.count_of == rows.shape_of  // the same groups, numbered alike
          ? found.held_out
          : hold_out(problem, found.all, rows.count_of, static_cast<int>(rows.counts.size()));

  FittedFamily family;
  family.law = law_from(problem, found.all);
  family.law.constants = {{"multiprocessors", static_cast<double>(gpu.multiprocessors)},
                          {"tile_rule", static_cast<double>(tiles)}};
  family.law.distribution = exact_names.size() == 1 ? *exact_names.begin()
                            : exact.empty()         ? "power_law"
                                                    : "mixed";
  family.law.info.kernel = "expert";
  family.law.info.kernel_source = samples.front().origin.kernel_source;
  family.law.info.dtype = std::string(name_of(samples.front().origin.precision));
  family.law.info.form = "tiled_experts_v1";
  family.law.info.domain = domain_of(rows.fitted);
  if (parts) {
    add_surroundings(family.law, gpu);
  }

  const models::ExpertLatency law(family.law);
  const double sms = gpu.multiprocessors;
  const auto seconds_by = [&](const std::vector<double>& theta, const ExpertSample& row) {
    return expert_part_seconds(theta_of(theta, sms, tiles), row.part, row.shape, row.load);
  };
  const auto report = [&](const std::string& distribution,
                          const std::vector<const ExpertSample*>& of) {
    FamilyReport line{.kernel = "expert",
                      .kernel_source = family.law.info.kernel_source,
                      .dtype = family.law.info.dtype,
                      .distribution = distribution};
    std::vector<double> predicted;
    std::vector<double> measured;
    HeldOutRows by_shape;
    HeldOutRows by_count;
    const auto held = [](HeldOutRows& into, double prediction, const ExpertSample& row,
                         std::ptrdiff_t group) {
      into.predicted.push_back(prediction);
      into.measured.push_back(row.origin.seconds);
      into.group.push_back(static_cast<int>(group));
    };
    std::vector<Key> shapes;
    for (const ExpertSample* row : of) {
      predicted.push_back(seconds_by(found.all.theta, *row));
      measured.push_back(row->origin.seconds);
      line.extrapolated_points += law.estimate(row->shape, row->load).extrapolated ? 1 : 0;
      shape_index(shapes, row->key());
      const auto key = std::find(rows.shapes.begin(), rows.shapes.end(), row->key());
      if (!found.held_out.empty() && key != rows.shapes.end()) {
        held(by_shape,
             seconds_by(found.held_out[static_cast<std::size_t>(key - rows.shapes.begin())], *row),
             *row, key - rows.shapes.begin());
      }
      const std::int64_t experts = rows.by_rank ? row->shape.local_experts : row->shape.experts;
      const auto count = std::find(rows.counts.begin(), rows.counts.end(), experts);
      if (!without_count.empty() && count != rows.counts.end()) {
        held(by_count,
             seconds_by(without_count[static_cast<std::size_t>(count - rows.counts.begin())], *row),
             *row, count - rows.counts.begin());
      }
    }
    line.shapes = static_cast<std::int64_t>(shapes.size());
    line.errors = summarize(predicted, measured);
    line.leave_one_shape_out = by_shape.errors();
    line.leave_one_expert_count_out = by_count.errors();
    line.held_out_coverage =
        held_out_coverage(by_shape.predicted, by_shape.measured, by_shape.group);
    family.reports.push_back(line);
  };
  report(family.law.distribution, reported);
  for (const auto& [distribution, of] : by_distribution) {
    if (distribution != family.law.distribution) {
      report(distribution, of);
    }
  }
  family.law.errors = errors_from(family.reports.front());

  // What a prediction has to allow for: shapes it has not seen, else numbers of experts; of rows
  // that read their weights from memory.
  std::vector<double> predicted;
  std::vector<double> measured;
  for (std::size_t i = 0; i < rows.fitted.size(); ++i) {
    const auto shape = static_cast<std::size_t>(rows.shape_of[i]);
    const auto count = static_cast<std::size_t>(rows.count_of[i]);
    predicted.push_back(seconds_by(!found.held_out.empty()  ? found.held_out[shape]
                                   : !without_count.empty() ? without_count[count]
                                                            : found.all.theta,
                                   *rows.fitted[i]));
    measured.push_back(rows.fitted[i]->origin.seconds);
  }
  const double band = log_sd(predicted, measured);
  family.law.info.discrepancy_sd_log =
      six_digits(found.held_out.empty() ? std::max(band, kUnseenBand) : band);
  return family;
}

}  // namespace moeplan::calibrate
