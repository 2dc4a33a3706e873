#include "calibrate/all2all/rank_cases.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <array>
#include <new>

#include "calibrate/measurement/device_error.hpp"

namespace moeplan::calibrate {
namespace {

constexpr double kSynchroniseEvery = 10.0;  // s
constexpr int kFirstRounds = 200;
constexpr int kLaterRounds = 50;
constexpr double kShortestLead = 100e-6;  // s between a command and the start it names
constexpr double kLongestLead = 20e-3;
constexpr double kLateFraction = 0.02;  // of the last duration; a later start is a late one
constexpr double kLateLeast = 2e-6;     // s
constexpr int kMostLate = 20;           // in a row; then the sample counts, and is flagged

}  // namespace

struct RankCases::Command {
  enum What : int { kMake, kSample, kCheck, kDrop, kSynchronise, kFinish };
  double what = kFinish;
  double number = 0.0;  // kMake: of the id; kSample: start, common clock; kSynchronise: rounds;
                        // kFinish: code
};

struct RankCases::Timing {
  double last_end = 0.0;  // common clock
  double longest = 0.0;   // s
  double latest = 0.0;    // start of a rank behind the common one, s
  double mean = 0.0;      // s
};

const std::vector<std::string>& start_mode_names() {
  static const std::vector<std::string> kNames = {"window", "barrier", "osu"};
  return kNames;
}

// A case as rank 0's sweep sees it.
class LedCase : public TimedCase {
 public:
  explicit LedCase(RankCases& ranks) : ranks_(ranks) {}
  ~LedCase() override {
    RankCases::Command drop{.what = RankCases::Command::kDrop};
    ranks_.tell(drop);
    ranks_.now_.reset();
  }

  double sample() override {
    ranks_.synchronise_when_due();
    for (int late = 0;; ++late) {
      RankCases::Command command{.what = RankCases::Command::kSample};
      if (ranks_.mode_ == StartMode::window) {
        command.number = RankClock::now() + lead_;
      }
      ranks_.tell(command);
      const RankCases::Timing timing = ranks_.take(command.number);
      const double figure = figure_of(timing, command.number);
      ++taken_;
      const bool in_time = ranks_.mode_ != StartMode::window ||
                           timing.latest <= std::max(kLateLeast, kLateFraction * figure);
      if (in_time) {
        lead_ = std::max(kShortestLead, 0.95 * lead_);
      } else if (late < kMostLate) {
        ++discarded_;
        lead_ = std::min(kLongestLead, 2.0 * lead_);
        continue;
      } else {
        kept_late_ = true;
      }
      if (!checked_) {
        checked_ = true;
        RankCases::Command check{.what = RankCases::Command::kCheck};
        ranks_.tell(check);
        ranks_.check_everywhere();
      }
      return figure * ranks_.now_->share();
    }
  }

  std::vector<std::string> flags() const override {
    std::vector<std::string> out;
    if (kept_late_) {
      out.emplace_back("late_start");
    } else if (10 * discarded_ > taken_) {
      out.emplace_back("late_starts_discarded");
    }
    return out;
  }

 private:
  double figure_of(const RankCases::Timing& timing, double start) const {
    return ranks_.mode_ == StartMode::window    ? timing.last_end - start
           : ranks_.mode_ == StartMode::barrier ? timing.longest
                                                : timing.mean;
  }

  RankCases& ranks_;
  double lead_ = kShortestLead;
  std::int64_t taken_ = 0;
  std::int64_t discarded_ = 0;
  bool kept_late_ = false;
  bool checked_ = false;
};

RankCases::RankCases(const MpiSession& session, std::vector<std::string> ids,
                     std::function<MadeRankCase(const std::string& id)> make, StartMode mode)
    : session_(session), ids_(std::move(ids)), make_(std::move(make)), mode_(mode) {
  clock_.synchronise(session_.rank(), session_.ranks(), kFirstRounds);
  synchronised_ = RankClock::now();
}

void RankCases::tell(Command& command) const {
  mpi_check(MPI_Bcast(&command, 2, MPI_DOUBLE, 0, MPI_COMM_WORLD), "MPI_Bcast");
}

MadeRankCase RankCases::make_everywhere(const std::string& id) {
  MadeRankCase made = Skipped{};
  std::string problem;
  try {
    made = make_(id);
  } catch (const DeviceError& error) {
    problem = error.what();
  } catch (const std::bad_alloc&) {
    problem = "out of memory";
  }
  session_.fail_together(problem);
  int skipped = std::holds_alternative<Skipped>(made) ? 1 : 0;
  mpi_check(MPI_Allreduce(MPI_IN_PLACE, &skipped, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD),
            "MPI_Allreduce");
  if (skipped == 1 && !std::holds_alternative<Skipped>(made)) {
    made = Skipped{"not possible on another rank"};
  }
  return made;
}

RankCases::Timing RankCases::take(double start) {
  double begin = 0.0;
  if (mode_ == StartMode::window) {
    const double own_start = clock_.to_own(start);
    while (RankClock::now() < own_start) {
    }
    begin = RankClock::now();
  } else {
    mpi_check(MPI_Barrier(MPI_COMM_WORLD), "MPI_Barrier");
    begin = RankClock::now();
  }
  now_->run();
  const double end = RankClock::now();
  const bool counts = now_->takes_part();
  std::array<double, 3> most = {clock_.to_common(counts ? end : begin), counts ? end - begin : 0.0,
                                clock_.to_common(begin) - start};
  std::array<double, 2> sum = {counts ? end - begin : 0.0, counts ? 1.0 : 0.0};
  std::array<double, 3> all_most{};
  std::array<double, 2> all_sum{};
  mpi_check(MPI_Reduce(most.data(), all_most.data(), 3, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD),
            "MPI_Reduce");
  mpi_check(MPI_Reduce(sum.data(), all_sum.data(), 2, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD),
            "MPI_Reduce");
  return {.last_end = all_most[0],
          .longest = all_most[1],
          .latest = all_most[2],
          .mean = all_sum[1] > 0.0 ? all_sum[0] / all_sum[1] : 0.0};
}

void RankCases::check_everywhere() {
  std::string problem;
  try {
    now_->check();
  } catch (const DeviceError& error) {
    problem = error.what();
  }
  int wrong = problem.empty() ? 0 : 1;
  mpi_check(MPI_Allreduce(MPI_IN_PLACE, &wrong, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD),
            "MPI_Allreduce");
  if (wrong > 0) {
    throw DeviceError(problem.empty() ? fmt::format("{} ranks received wrong bytes", wrong)
                                      : problem);
  }
}

void RankCases::synchronise_when_due() {
  if (RankClock::now() - synchronised_ > kSynchroniseEvery) {
    Command command{.what = Command::kSynchronise, .number = kLaterRounds};
    tell(command);
    clock_.synchronise(session_.rank(), session_.ranks(), kLaterRounds);
    synchronised_ = RankClock::now();
  }
}

MadeCase RankCases::lead(const std::string& id) {
  const auto found = std::lower_bound(ids_.begin(), ids_.end(), id);
  if (found == ids_.end() || *found != id) {
    return Skipped{"a point that this version does not know"};
  }
  Command command{.what = Command::kMake, .number = static_cast<double>(found - ids_.begin())};
  tell(command);
  MadeRankCase made = make_everywhere(id);
  if (auto* skipped = std::get_if<Skipped>(&made)) {
    return *skipped;
  }
  now_ = std::move(std::get<std::unique_ptr<RankCase>>(made));
  return std::make_unique<LedCase>(*this);
}

void RankCases::finish(int code) {
  Command command{.what = Command::kFinish, .number = static_cast<double>(code)};
  tell(command);
}

int RankCases::follow() {
  for (;;) {
    Command command;
    tell(command);
    try {
      switch (static_cast<int>(command.what)) {
        case Command::kMake: {
          MadeRankCase made = make_everywhere(ids_.at(static_cast<std::size_t>(command.number)));
          if (auto* own = std::get_if<std::unique_ptr<RankCase>>(&made)) {
            now_ = std::move(*own);
          }
          break;
        }
        case Command::kSample:
          take(command.number);
          break;
        case Command::kCheck:
          check_everywhere();
          break;
        case Command::kDrop:
          now_.reset();
          break;
        case Command::kSynchronise:
          clock_.synchronise(session_.rank(), session_.ranks(), static_cast<int>(command.number));
          break;
        default:
          return static_cast<int>(command.number);
      }
    } catch (const DeviceError&) {
      // Of make_everywhere and check_everywhere all ranks throw, and rank 0 records it; of a call
      // to MPI it may be this one alone, and the others would wait.
      if (static_cast<int>(command.what) != Command::kMake &&
          static_cast<int>(command.what) != Command::kCheck) {
        throw;
      }
    }
  }
}

}  // namespace moeplan::calibrate
