#include "sim/uncertainty/uncertainty.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

// Members of the profiles' ensemble among which the tornado takes the 5th and 95th percentile.
constexpr std::uint64_t kMembers = 64;

struct Compared {
  std::size_t design = 0;
  std::vector<std::string> roles;
};

// The designs that a plan names, and the cheapest acceptable one of every other GPU.
std::vector<Compared> compared_designs(const Plan& plan) {
  std::vector<Compared> compared;
  const auto add = [&](std::size_t design, const std::string& role) {
    const auto found = std::find_if(compared.begin(), compared.end(),
                                    [&](const Compared& c) { return c.design == design; });
    if (found == compared.end()) {
      compared.push_back({design, {role}});
    } else {
      found->roles.push_back(role);
    }
  };
  add(*plan.recommended, "recommendation");
  if (plan.baseline) {
    add(*plan.baseline, "baseline");
  }
  if (plan.runner_up) {
    add(*plan.runner_up, "runner_up");
  }
  std::map<std::string, std::size_t> cheapest;  // by GPU
  for (std::size_t i = 0; i < plan.designs.size(); ++i) {
    const Design& d = plan.designs[i];
    if (!d.accuracy_allowed || d.verdict == Verdict::missed) {
      continue;
    }
    const auto [best, fresh] = cheapest.emplace(d.gpu, i);
    if (!fresh && preferred(d, plan.designs[best->second])) {
      best->second = i;
    }
  }
  if (cheapest.size() > 1) {
    for (const auto& [gpu, design] : cheapest) {
      add(design, "cheapest_on_" + gpu);
    }
  }
  return compared;
}

// samples: [draws][designs].
DesignIntervals intervals_of(const std::vector<std::vector<Sample>>& samples, std::size_t design) {
  DesignIntervals result;
  std::size_t meets = 0;
  std::size_t cheapest = 0;
  for (const std::vector<Sample>& draw : samples) {
    const Sample& own = draw[design];
    meets += own.meets ? 1 : 0;
    const bool dearer = std::any_of(draw.begin(), draw.end(), [&](const Sample& other) {
      return other.can_serve && other[Figure::month_cost] < own[Figure::month_cost];
    });
    cheapest += own.can_serve && !dearer ? 1 : 0;
  }
  result.meets = probability_of(meets, samples.size());
  result.cheapest = probability_of(cheapest, samples.size());
  std::vector<double> values(samples.size());
  for (std::size_t f = 0; f < kFigureCount; ++f) {
    for (std::size_t i = 0; i < samples.size(); ++i) {
      values[i] = samples[i][design].figures[f];
    }
    if (std::none_of(values.begin(), values.end(), [](double v) { return std::isnan(v); })) {
      result.figures[f] = interval_of(values);
    }
  }
  return result;
}

// The worlds of a tornado: per input its low and its high end.
struct Ends {
  std::size_t input = 0;
  double low = 0.0;
  double high = 0.0;
  World at_low;
  World at_high;
};

std::vector<Ends> ends_of(const UncertainInputs& inputs, const DesignSampler& sampler,
                          const Design& design) {
  const double low = kLevels.front();
  const double high = kLevels.back();
  const double estimate = sampler.saturated(inputs.apply(inputs.estimate()));
  std::vector<Ends> all;
  for (std::size_t k = 0; k < inputs.all().size(); ++k) {
    const UncertainInput& in = inputs.all()[k];
    if (in.kind == InputKind::parameters) {
      // Slow members first: 0.05 and 0.95 of the time of a full step, as for a law.
      std::vector<std::pair<double, std::uint64_t>> members;
      for (std::uint64_t m = 0; m < kMembers; ++m) {
        members.emplace_back(-sampler.saturated(inputs.apply(inputs.only_member(k, m))), m);
      }
      std::sort(members.begin(), members.end());
      const auto at = [&](double level) {
        return members[static_cast<std::size_t>(level * static_cast<double>(kMembers - 1))].second;
      };
      if (members.front().first != members.back().first) {
        all.push_back(
            {k, low, high, inputs.only_member(k, at(low)), inputs.only_member(k, at(high))});
      }
      continue;
    }
    const bool other_gpu = !in.gpu.empty() && in.gpu != design.gpu;
    const bool other_count =
        in.kind == InputKind::accuracy && in.experts_kept != design.candidate.experts_kept;
    Ends ends{k, inputs.value(k, low), inputs.value(k, high), inputs.only(k, low),
              inputs.only(k, high)};
    const bool unused =
        in.kind == InputKind::law && sampler.saturated(inputs.apply(ends.at_high)) == estimate;
    if (!other_gpu && !other_count && !unused) {
      all.push_back(std::move(ends));
    }
  }
  return all;
}

double range(const TornadoBar& bar, Figure figure) {
  const double low = bar.at_low[figure];
  const double high = bar.at_high[figure];
  return low == high ? 0.0 : std::abs(high - low);  // of two infinities: none
}

bool moves_nothing(const TornadoBar& bar) {
  for (std::size_t f = 0; f < kFigureCount; ++f) {
    const double low = bar.at_low.figures[f];
    const double high = bar.at_high.figures[f];
    if (!(std::isnan(low) && std::isnan(high)) && low != high) {
      return false;
    }
  }
  return true;
}

std::vector<std::string> notes_of(const Scenario& scenario, const UncertainInputs& inputs) {
  std::vector<std::string> notes;
  notes.push_back(
      "Chance within a run (arrivals, lengths, jitter) is the same in all draws: intervals are of "
      "what is not known, not of what fluctuates.");
  if (scenario.uncertainty.price > 0.0) {
    notes.push_back(
        fmt::format("Prices are taken to be within {:.0f} % in nine of ten cases "
                    "(uncertainty.price).",
                    100.0 * scenario.uncertainty.price));
  }
  if (scenario.planned && !scenario.routing.layers().empty()) {
    notes.push_back("Routing is as pruning.plan has it: its skew is not varied.");
  }
  const bool ensemble = std::any_of(inputs.all().begin(), inputs.all().end(), [](const auto& in) {
    return in.kind == InputKind::parameters;
  });
  notes.push_back(ensemble
                      ? "Parameters of fitted laws are drawn from the covariance of their fit; "
                        "held-out errors of laws, drawn beside them, contain a part of it."
                      : "No law of these GPUs has a fit with a covariance: data-sheet laws err by "
                        "their assumed band only.");
  return notes;
}

Uncertainty measure(const Scenario& scenario, const std::vector<const Design*>& designs,
                    const std::vector<DesignSampler>& samplers, std::int64_t draws,
                    const WorkOptions& options) {
  require(draws >= kFewestDraws, "percentiles need draws");
  std::vector<Candidate> candidates;
  for (const Design* design : designs) {
    candidates.push_back(design->candidate);
  }
  const UncertainInputs inputs(scenario, candidates);
  const std::vector<Ends> ends = ends_of(inputs, samplers.front(), *designs.front());
  const auto count = static_cast<std::size_t>(draws);
  std::vector<std::vector<Sample>> samples(count);
  Uncertainty result{.draws = draws, .seed = scenario.seed};
  result.tornado.resize(ends.size());
  // The estimate, the draws, and both ends of every bar, in one queue.
  for_each_index(1 + count + 2 * ends.size(), options, [&](std::size_t i) {
    if (i == 0) {
      result.estimate = samplers.front().sample(inputs.apply(inputs.estimate()));
    } else if (i <= count) {
      const DrawnScenario world = inputs.apply(inputs.draw(i - 1));
      for (const DesignSampler& sampler : samplers) {
        samples[i - 1].push_back(sampler.sample(world));
      }
    } else {
      const std::size_t side = i - 1 - count;
      TornadoBar& bar = result.tornado[side / 2];
      const Ends& own = ends[side / 2];
      (side % 2 == 0 ? bar.at_low : bar.at_high) =
          samplers.front().sample(inputs.apply(side % 2 == 0 ? own.at_low : own.at_high));
    }
  });
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const UncertainInput& in = inputs.all()[ends[i].input];
    TornadoBar& bar = result.tornado[i];
    bar.input = in.name;
    bar.unit = in.unit;
    bar.low = ends[i].low;
    bar.high = ends[i].high;
  }
  for (std::size_t i = 0; i < designs.size(); ++i) {
    result.designs.push_back(intervals_of(samples, i));
  }
  result.tornado_figure =
      std::isnan(result.estimate[Figure::capacity_cost]) ? Figure::tpot_p99 : Figure::capacity_cost;
  std::erase_if(result.tornado, moves_nothing);
  std::stable_sort(result.tornado.begin(), result.tornado.end(),
                   [&](const TornadoBar& a, const TornadoBar& b) {
                     return range(a, result.tornado_figure) > range(b, result.tornado_figure);
                   });
  result.notes = notes_of(scenario, inputs);
  return result;
}

}  // namespace

Probability probability_of(std::size_t hits, std::size_t draws) {
  const double n = static_cast<double>(draws);
  const double p = static_cast<double>(hits) / n;
  return {.value = p, .error = std::sqrt(p * (1.0 - p) / n)};
}

std::optional<Uncertainty> uncertainty_of(const Scenario& scenario, const Plan& plan,
                                          std::int64_t draws, const WorkOptions& options) {
  if (!plan.recommended || scenario.objectives.search == SearchGoal::most_traffic) {
    return std::nullopt;
  }
  const std::vector<Compared> compared = compared_designs(plan);
  std::vector<const Design*> designs;
  std::vector<DesignSampler> samplers;
  for (const Compared& one : compared) {
    designs.push_back(&plan.designs[one.design]);
    samplers.emplace_back(scenario, plan.designs[one.design]);
  }
  Uncertainty result = measure(scenario, designs, samplers, draws, options);
  for (std::size_t i = 0; i < compared.size(); ++i) {
    result.designs[i].design = compared[i].design;
    result.designs[i].roles = compared[i].roles;
  }
  return result;
}

Uncertainty uncertainty_of(const Scenario& scenario, const Design& design, std::int64_t draws,
                           const WorkOptions& options) {
  Uncertainty result =
      measure(scenario, {&design}, {DesignSampler::fixed(scenario, design)}, draws, options);
  result.designs.front().roles = {"design"};
  return result;
}

}  // namespace moeplan::sim
