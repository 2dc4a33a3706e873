#pragma once
// RankCases: timed cases that all ranks run together. Rank 0 leads: to the sweep it looks like any
// device whose cases are sampled; the other ranks follow its commands. Only in builds with MPI.

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "calibrate/all2all/mpi_session.hpp"
#include "calibrate/all2all/rank_clock.hpp"
#include "calibrate/measurement/sweep.hpp"

namespace moeplan::calibrate {

// One rank's part of a case. Built and destroyed on all ranks together.
class RankCase {
 public:
  virtual ~RankCase() = default;
  virtual void run() = 0;  // what is timed
  // Throws: DeviceError where what arrived is not what was sent. Called once, after the first run.
  virtual void check() {}
  virtual bool takes_part() const { return true; }  // its duration counts
  virtual double share() const { return 1.0; }      // of the duration that the figure is
};
using MadeRankCase = std::variant<std::unique_ptr<RankCase>, Skipped>;

// How ranks begin, and what the figure is.
enum class StartMode {
  window,   // all at one instant of the common clock; last end minus that instant. Samples that a
            // rank began late are taken again
  barrier,  // after a barrier; the longest duration of a rank, which has the barrier's skew in it
  osu       // after a barrier; the mean duration over ranks, as the OSU benchmarks average
};
const std::vector<std::string>& start_mode_names();

class RankCases {
 public:
  // make: builds this rank's part of the case with that id; must answer alike on all ranks.
  // ids: sorted, the same on all ranks.
  RankCases(const MpiSession& session, std::vector<std::string> ids,
            std::function<MadeRankCase(const std::string& id)> make, StartMode mode);

  // Of rank 0. Skipped where any rank skips. Throws: DeviceError.
  MadeCase lead(const std::string& id);
  // Of rank 0, last: the other ranks' follow() returns code.
  void finish(int code);
  // Of the others.
  int follow();

 private:
  friend class LedCase;
  struct Command;
  struct Timing;
  void tell(Command& command) const;
  MadeRankCase make_everywhere(const std::string& id);
  Timing take(double start);
  void check_everywhere();
  void synchronise_when_due();

  const MpiSession& session_;
  std::vector<std::string> ids_;
  std::function<MadeRankCase(const std::string& id)> make_;
  StartMode mode_;
  RankClock clock_;
  double synchronised_ = 0.0;  // own clock of rank 0
  std::unique_ptr<RankCase> now_;
};

}  // namespace moeplan::calibrate
