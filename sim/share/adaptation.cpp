#include "sim/share/adaptation.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <tuple>

#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

constexpr int kMostDays = 10;
constexpr double kRounding = 1e-9;  // of demand that is a whole number but for rounding

void check(const AdaptationInput& input) {
  require(!input.demand.empty() && !input.demand.front().empty(), "there are windows and tasks");
  const std::size_t tasks = input.demand.front().size();
  require(input.variant.size() == tasks && input.reload.size() == tasks,
          "every task has a variant and a reload time");
  require(input.window > Seconds(0.0) && input.hold >= Seconds(0.0), "times are positive");
  for (const std::vector<double>& row : input.demand) {
    require(row.size() == tasks, "every window has the demand of every task");
    require(std::all_of(row.begin(), row.end(), [](double d) { return d >= 0.0; }),
            "demand is not negative");
  }
}

// [windows][tasks], whole engines.
std::vector<std::vector<std::int64_t>> needs_of(const AdaptationInput& input) {
  std::vector<std::vector<std::int64_t>> needs;
  for (const std::vector<double>& row : input.demand) {
    needs.emplace_back();
    for (const double demand : row) {
      needs.back().push_back(whole_engines(demand));
    }
  }
  return needs;
}

std::vector<std::int64_t> peaks_of(const std::vector<std::vector<std::int64_t>>& needs) {
  std::vector<std::int64_t> peaks = needs.front();
  for (const auto& row : needs) {
    for (std::size_t t = 0; t < row.size(); ++t) {
      peaks[t] = std::max(peaks[t], row[t]);
    }
  }
  return peaks;
}

std::int64_t sum(const std::vector<std::int64_t>& values) {
  return std::accumulate(values.begin(), values.end(), std::int64_t{0});
}

// Integral over a window of max(0, demand - engines that serve), of which `missing` engines each
// serve nothing for so long, all from the same end of the window.
Seconds unserved_of(double demand, std::int64_t engines, std::vector<Seconds> missing,
                    Seconds window) {
  std::sort(missing.begin(), missing.end());
  Seconds total;
  Seconds from;
  auto away = static_cast<std::int64_t>(missing.size());
  const auto piece = [&](Seconds until) {
    const double short_of = demand - kRounding - static_cast<double>(engines - away);
    total += (until - from) * std::max(0.0, short_of);
    from = until;
  };
  for (const Seconds back : missing) {
    piece(std::min(back, window));
    --away;
  }
  piece(window);
  return total;
}

class Policy {
 public:
  Policy(const AdaptationInput& input, std::int64_t engines)
      : input_(input),
        needs_(needs_of(input)),
        hold_(static_cast<std::int64_t>(std::ceil(input.hold / input.window - kRounding))),
        count_(needs_.front().size(), 0) {
    assign_first(engines);
  }

  Adaptation run() {
    Adaptation day;
    std::vector<std::vector<std::int64_t>> midnight;
    for (int d = 0; d < kMostDays && !day.periodic; ++d) {
      midnight = state();
      day = one_day();
      day.periodic = state() == midnight;
    }
    return day;
  }

 private:
  struct Engine {
    std::size_t task = 0;
    std::int64_t since = 0;  // window of its last switch, counted from the first day
  };
  struct Move {
    std::size_t from = 0;
    std::size_t to = 0;
    Seconds reload;  // 0 s: of the same variant
  };

  // What the first window needs, then what the peaks need, then the first task.
  void assign_first(std::int64_t engines) {
    const std::vector<std::int64_t> peaks = peaks_of(needs_);
    for (std::int64_t i = 0; i < engines; ++i) {
      std::size_t to = most_lacking(needs_.front());
      to = count_[to] < needs_.front()[to] ? to : most_lacking(peaks);
      to = count_[to] < peaks[to] ? to : 0;
      engines_.push_back({to, -hold_});
      ++count_[to];
    }
  }

  std::size_t most_lacking(const std::vector<std::int64_t>& wanted) const {
    std::size_t most = 0;
    for (std::size_t t = 1; t < wanted.size(); ++t) {
      most = wanted[t] - count_[t] > wanted[most] - count_[most] ? t : most;
    }
    return most;
  }

  // [tasks], ages of its engines' last switches, as far as they matter, in order.
  std::vector<std::vector<std::int64_t>> state() const {
    std::vector<std::vector<std::int64_t>> ages(count_.size());
    for (const Engine& engine : engines_) {
      ages[engine.task].push_back(std::min(hold_, now_ - engine.since));
    }
    for (std::vector<std::int64_t>& of_task : ages) {
      std::sort(of_task.begin(), of_task.end());
    }
    return ages;
  }

  Adaptation one_day() {
    Adaptation day;
    day.engines = static_cast<std::int64_t>(engines_.size());
    Seconds demanded;
    for (std::size_t w = 0; w < needs_.size(); ++w) {
      const std::vector<std::int64_t> before = count_;
      const std::vector<Move> moves = moves_into(w);
      ++now_;
      AdaptationWindow window{.engines = count_, .switches = 0};
      for (const Move& move : moves) {
        window.switches += move.reload > Seconds(0.0) ? 1 : 0;
        day.lost += move.reload;
      }
      day.switches += window.switches;
      const std::size_t previous = (w + needs_.size() - 1) % needs_.size();
      for (std::size_t t = 0; t < count_.size(); ++t) {
        demanded += input_.window * input_.demand[w][t];
        day.unserved += input_.foresight ? leaving_cost(moves, t, previous, before[t])
                                         : arriving_cost(moves, t, w);
        day.unserved += input_.foresight
                            ? unserved_of(input_.demand[w][t], count_[t], {}, input_.window)
                            : Seconds(0.0);
      }
      day.windows.push_back(std::move(window));
    }
    if (demanded > Seconds(0.0)) {
      day.unserved_fraction = day.unserved / demanded;
    }
    return day;
  }

  // What the window before lacks at its end for the engines that left the task, beyond what it
  // lacked anyway.
  Seconds leaving_cost(const std::vector<Move>& moves, std::size_t task, std::size_t previous,
                       std::int64_t engines) const {
    std::vector<Seconds> missing;
    for (const Move& move : moves) {
      if (move.from == task) {
        missing.push_back(move.reload);
      }
    }
    const double demand = input_.demand[previous][task];
    return unserved_of(demand, engines, missing, input_.window) -
           unserved_of(demand, engines, {}, input_.window);
  }

  // What a window lacks in all, with the engines that came to the task still reloading.
  Seconds arriving_cost(const std::vector<Move>& moves, std::size_t task, std::size_t w) const {
    std::vector<Seconds> missing;
    for (const Move& move : moves) {
      if (move.to == task) {
        missing.push_back(move.reload);
      }
    }
    return unserved_of(input_.demand[w][task], count_[task], missing, input_.window);
  }

  // Moves engines until every task has what window w needs, or nobody can spare one.
  std::vector<Move> moves_into(std::size_t w) {
    std::vector<Move> moves;
    std::vector<std::int64_t> wanted = needs_[w];
    while (true) {
      const std::size_t to = most_lacking(wanted);
      if (count_[to] >= wanted[to]) {
        return moves;
      }
      std::optional<std::size_t> donor = best_donor(to, w, true);
      donor = donor ? donor : best_donor(to, w, false);
      if (!donor) {
        wanted[to] = count_[to];  // the others may still get theirs
        continue;
      }
      Engine& engine = engines_[*donor];
      const bool same = input_.variant[engine.task] == input_.variant[to];
      moves.push_back({engine.task, to, same ? Seconds(0.0) : input_.reload[to]});
      --count_[engine.task];
      ++count_[to];
      engine.since = same ? engine.since : now_ + 1;
      engine.task = to;
    }
  }

  // Index of the engine to give to `to`; nothing when nobody has one to spare. spares_now: its task
  // does not need it in the window before w either, while it reloads.
  std::optional<std::size_t> best_donor(std::size_t to, std::size_t w, bool spares_now) const {
    const std::size_t previous = (w + needs_.size() - 1) % needs_.size();
    std::optional<std::size_t> best;
    std::tuple<bool, std::int64_t, std::int64_t> best_rank;
    for (std::size_t from = 0; from < count_.size(); ++from) {
      const bool same = input_.variant[from] == input_.variant[to];
      const bool waits =
          spares_now && input_.foresight && !same && input_.reload[to] > Seconds(0.0);
      const std::int64_t left = count_[from] - 1;
      if (from == to || left < needs_[w][from] || (waits && left < needs_[previous][from]) ||
          (!same && input_.reload[to] > input_.window)) {
        continue;
      }
      const std::optional<std::size_t> engine = oldest_of(from, same);
      const std::tuple rank{same, missed_in(from, w, left), left - needs_[w][from]};
      if (engine && (!best || rank > best_rank)) {
        best = engine;
        best_rank = rank;
      }
    }
    return best;
  }

  // The task's engine that switched first, where it may switch again; any_age: without that rule.
  std::optional<std::size_t> oldest_of(std::size_t task, bool any_age) const {
    std::optional<std::size_t> oldest;
    for (std::size_t i = 0; i < engines_.size(); ++i) {
      if (engines_[i].task == task && (any_age || now_ + 1 - engines_[i].since >= hold_) &&
          (!oldest || engines_[i].since < engines_[*oldest].since)) {
        oldest = i;
      }
    }
    return oldest;
  }

  // Windows from w on until the task needs more than `left` engines; their number when never.
  std::int64_t missed_in(std::size_t task, std::size_t w, std::int64_t left) const {
    for (std::size_t ahead = 0; ahead < needs_.size(); ++ahead) {
      if (needs_[(w + ahead) % needs_.size()][task] > left) {
        return static_cast<std::int64_t>(ahead);
      }
    }
    return static_cast<std::int64_t>(needs_.size());
  }

  const AdaptationInput& input_;
  std::vector<std::vector<std::int64_t>> needs_;  // [windows][tasks]
  std::int64_t hold_;                             // windows
  std::int64_t now_ = 0;                          // windows that have passed
  std::vector<Engine> engines_;
  std::vector<std::int64_t> count_;  // [tasks], of engines_
};

}  // namespace

std::int64_t whole_engines(double demand) {
  return static_cast<std::int64_t>(std::ceil(demand - kRounding));
}

std::int64_t separate_engines(const AdaptationInput& input) {
  check(input);
  return sum(peaks_of(needs_of(input)));
}

std::int64_t fewest_engines(const AdaptationInput& input) {
  check(input);
  const auto needs = needs_of(input);
  const std::vector<std::int64_t> peaks = peaks_of(needs);
  std::int64_t most = 1;
  for (std::size_t w = 0; w < needs.size(); ++w) {
    const auto& next = needs[(w + 1) % needs.size()];
    std::int64_t total = 0;
    for (std::size_t t = 0; t < next.size(); ++t) {
      const bool instant =
          input.reload[t] == Seconds(0.0) ||
          std::count(input.variant.begin(), input.variant.end(), input.variant[t]) > 1;
      total += instant                          ? needs[w][t]
               : input.reload[t] > input.window ? peaks[t]
                                                : std::max(needs[w][t], next[t]);
    }
    most = std::max(most, total);
  }
  return most;
}

Adaptation adapt(const AdaptationInput& input, std::int64_t engines) {
  check(input);
  require(engines >= 1, "a fleet has at least one engine");
  return Policy(input, engines).run();
}

Adaptation smallest_fleet(const AdaptationInput& input) {
  require(input.foresight, "the smallest fleet is that of a known day");
  const std::int64_t most = std::max<std::int64_t>(1, separate_engines(input));
  for (std::int64_t engines = std::min(fewest_engines(input), most); engines < most; ++engines) {
    Adaptation run = adapt(input, engines);
    if (run.periodic && run.unserved == Seconds(0.0)) {
      return run;
    }
  }
  return adapt(input, most);
}

}  // namespace moeplan::sim
