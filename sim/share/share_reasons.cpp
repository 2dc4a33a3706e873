// A comparison of strategies in sentences: what each costs and why, what to be careful about.

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "models/units/parse.hpp"
#include "sim/share/share.hpp"

namespace moeplan::sim {
namespace {

double percent(double fraction) { return 100.0 * fraction; }

// "72,000" would need a locale: whole dollars.
std::string money(const Strategy& s) {
  return fmt::format("{:.0f} USD a month", s.usd_per_month());
}

std::string engines_text(std::int64_t engines) {
  return fmt::format("{} engine{}", engines, engines == 1 ? "" : "s");
}

std::size_t peak_hour(const std::vector<PerSecond>& rates) {
  return static_cast<std::size_t>(std::max_element(rates.begin(), rates.end()) - rates.begin());
}

// "128 experts for chat, 64 experts for code", "112 experts for all".
std::string variants_text(const Share& share, const Strategy& s) {
  std::vector<std::string> parts;
  std::set<std::string> different;
  for (std::size_t t = 0; t < s.tasks.size(); ++t) {
    const std::string variant = variant_text(share.tasks[t].plan.designs[s.tasks[t].design]);
    different.insert(variant);
    parts.push_back(fmt::format("{} for {}", variant, share.tasks[t].scenario.name));
  }
  return different.size() == 1 ? *different.begin() + " for all" : joined(parts);
}

void add_recommendation(const Share& share, std::vector<std::string>& out) {
  if (!share.recommended) {
    out.push_back("No strategy meets every task's objectives and its accuracy gate.");
    return;
  }
  const Strategy& best = share.strategies[*share.recommended];
  std::string text = fmt::format("{} is the cheapest: {}, {} ({})", best.name, money(best),
                                 engines_text(best.engines), variants_text(share, best));
  for (const Strategy& other : share.strategies) {
    if (&other != &best && other.works()) {
      text += other.rent == best.rent ? fmt::format("; {} costs the same", other.name)
                                      : fmt::format("; {} costs {:.0f} % more ({}, {})", other.name,
                                                    percent(other.rent / best.rent - 1.0),
                                                    money(other), engines_text(other.engines));
    }
  }
  out.push_back(text + ".");
}

void add_peaks(const Share& share, std::vector<std::string>& out) {
  std::vector<std::string> peaks;
  PerSecond sum_of_peaks;
  std::vector<PerSecond> sums(kHoursOfDay);
  for (const ShareTask& task : share.tasks) {
    peaks.push_back(fmt::format("{} at hour {} ({:.3g} requests/s)", task.scenario.name,
                                peak_hour(task.rates), in_per_second(task.peak())));
    sum_of_peaks += task.peak();
    for (std::size_t h = 0; h < kHoursOfDay; ++h) {
      sums[h] += task.rates[h];
    }
  }
  const PerSecond peak_of_sum = sums[peak_hour(sums)];
  out.push_back(fmt::format(
      "Busiest hours: {}. Together the busiest hour has {:.3g} requests/s, {:.0f} % of the sum of "
      "the peaks: that is what sharing can save.",
      joined(peaks), in_per_second(peak_of_sum), percent(peak_of_sum / sum_of_peaks)));
}

void add_shared(const Share& share, std::vector<std::string>& out) {
  const Strategy& s = share.strategies[1];
  if (!s.works()) {
    out.push_back(fmt::format("A shared model does not work: {}.", s.why_not));
    return;
  }
  for (std::size_t t = 0; t < share.tasks.size(); ++t) {
    const ShareTask& task = share.tasks[t];
    const Design& shared = task.plan.designs[s.tasks[t].design];
    const Design* own = task.best();
    if (own != nullptr && own->candidate.experts_kept != shared.candidate.experts_kept) {
      out.push_back(fmt::format(
          "Shared, {} is served by {} instead of {}: an engine carries {:.3g} instead of {:.3g} "
          "requests/s per GPU of it.",
          task.scenario.name, variant_text(shared), variant_text(*own),
          shared.capacity.load / shared.candidate.gpus, own->capacity.load / own->candidate.gpus));
    }
  }
  if (s.mix) {
    out.push_back(fmt::format(
        "Mixed traffic: {} mixes of the day simulated on {} without the spare ones, every task "
        "judged by its own objectives; tightest {}{}.",
        s.mix->runs, engines_text(s.engines - s.spare), s.mix->tightest,
        s.engines > s.mix->linear_engines
            ? fmt::format("; a mix linear in work would have asked for {}",
                          engines_text(s.mix->linear_engines))
            : std::string("; a mix linear in work asks for as many")));
  }
}

void add_adaptive(const Share& share, std::vector<std::string>& out) {
  const Strategy& s = share.strategies[2];
  if (!s.works()) {
    out.push_back(fmt::format("An adaptive fleet does not work: {}.", s.why_not));
    return;
  }
  const Adaptation& a = *s.adaptation;
  std::vector<std::string> reloads;
  for (std::size_t t = 0; t < share.tasks.size(); ++t) {
    reloads.push_back(
        fmt::format("{} for {}", to_text(s.tasks[t].reload), share.tasks[t].scenario.name));
  }
  const double day = 86400.0 * static_cast<double>(a.engines);
  out.push_back(fmt::format(
      "Adaptive: {} and {} switch{} a day; an engine that switches serves nothing for {}; together "
      "{:.2f} % of the fleet's time.",
      engines_text(a.engines), a.switches, a.switches == 1 ? "" : "es", joined(reloads),
      percent(a.lost.value() / day)));
  if (s.one_less) {
    out.push_back(fmt::format("With one engine less {:.2f} % of the day's work would go unserved.",
                              percent(s.one_less->unserved_fraction)));
  }
  if (s.reactive && s.reactive->unserved_fraction > 0.0) {
    out.push_back(fmt::format(
        "A policy that only reacts, on the same engines, would leave {:.2f} % unserved.",
        percent(s.reactive->unserved_fraction)));
  }
  for (std::size_t t = 0; t < share.tasks.size(); ++t) {
    if (s.tasks[t].reload > share.options.window) {
      out.push_back(
          fmt::format("Reloading for {} takes longer than a window of {}: no engine is "
                      "switched to it.",
                      share.tasks[t].scenario.name, to_text(share.options.window)));
    }
  }
}

// Sentences of the tasks' plans, those common to all once.
void add_plan_warnings(const Share& share, std::vector<std::string>& out) {
  const auto all_say = [&](const std::string& warning) {
    return std::all_of(share.tasks.begin(), share.tasks.end(), [&](const ShareTask& task) {
      return std::count(task.plan.warnings.begin(), task.plan.warnings.end(), warning) > 0;
    });
  };
  std::set<std::string> said;
  for (const ShareTask& task : share.tasks) {
    for (const std::string& warning : task.plan.warnings) {
      if (said.insert(warning).second) {
        out.push_back(all_say(warning) ? warning : task.scenario.name + ": " + warning);
      }
    }
  }
}

}  // namespace

std::string variant_text(const Design& design) {
  return design.candidate.experts_kept == 0
             ? "the dense model"
             : fmt::format("{} experts", design.candidate.experts_kept);
}

std::vector<std::string> share_reasons(const Share& share) {
  std::vector<std::string> out;
  add_recommendation(share, out);
  add_peaks(share, out);
  if (!share.strategies[0].works()) {
    out.push_back(fmt::format("Separate fleets do not work: {}.", share.strategies[0].why_not));
  }
  add_shared(share, out);
  add_adaptive(share, out);
  return out;
}

std::vector<std::string> share_warnings(const Share& share) {
  std::vector<std::string> out;
  out.push_back(fmt::format(
      "Assumed, not measured: weights load at {} into each GPU, an engine drains for {} before "
      "(--load-rate, --drain).",
      to_text(share.options.load_rate), to_text(share.options.drain)));
  out.push_back(
      "The day is taken as known and each hour's rate as steady; the same day repeats. Traffic "
      "that "
      "departs from it finds engines on the wrong variant for at least a reload.");
  const Strategy& shared = share.strategies[1];
  if (shared.works() && shared.mix) {
    out.push_back(
        "A shared model was chosen as if work added up (linear mix); only the fleet chosen was "
        "simulated under mixed traffic.");
    if (shared.mix->undecided) {
      out.push_back(
          "Mixed traffic: an objective is met, but by less than the error of the estimate.");
    }
    if (shared.mix->prefixes_ignored) {
      out.push_back(
          "Mixed traffic was simulated without what prompts have in common: conservative.");
    }
  }
  const Strategy& adaptive = share.strategies[2];
  if (adaptive.works() && adaptive.adaptation && !adaptive.adaptation->periodic) {
    out.push_back("The assignment of engines did not repeat within ten days.");
  }
  if (adaptive.works() && adaptive.spare > 0) {
    out.push_back("A spare engine of an adaptive fleet must reload before it replaces another.");
  }
  std::set<std::string> metrics;
  for (const ShareTask& task : share.tasks) {
    metrics.insert(task.scenario.accuracy ? task.scenario.accuracy->description().metric : "");
  }
  if (metrics.size() > 1) {
    out.push_back(
        "Accuracies weighted by traffic average different metrics: read the tasks' own figures.");
  }
  add_plan_warnings(share, out);
  return out;
}

}  // namespace moeplan::sim
