#pragma once
// RankClock: CLOCK_MONOTONIC of every rank, and rank 0's as the common one. Not MPI_Wtime, whose
// origin differs between the processes of one kernel in some libraries. Only in builds with MPI.

#include <vector>

namespace moeplan::calibrate {

// Offset to rank 0's clock at one instant of the own one.
struct ClockOffset {
  double at = 0.0;          // s, own clock
  double offset = 0.0;      // s, own minus rank 0's
  double round_trip = 0.0;  // s, of the fastest ping-pong: the offset is off by at most half of it
};

class RankClock {
 public:
  static double now();  // s of CLOCK_MONOTONIC, this process's

  // Collective: measures the offset of each rank by `rounds` ping-pongs with rank 0, the fastest of
  // which counts, and keeps it beside the earlier ones.
  void synchronise(int rank, int ranks, int rounds);
  // The offsets' line through time where they span a second, their last one else.
  double to_common(double own) const { return own - offset_at(own); }
  double to_own(double common) const { return common + offset_at(common + last_.offset); }
  const ClockOffset& last() const { return last_; }
  double drift() const { return drift_; }  // s/s against rank 0

 private:
  double offset_at(double own) const { return last_.offset + drift_ * (own - last_.at); }
  std::vector<ClockOffset> measured_;
  ClockOffset last_;
  double drift_ = 0.0;
};

// Least-squares slope of offset over time; 0 where the offsets span less than a second, or where
// they moved less than their own uncertainty (half round trips).
double clock_drift(const std::vector<ClockOffset>& offsets);

}  // namespace moeplan::calibrate
