#include "calibrate/all2all/rank_clock.hpp"

#include <mpi.h>

#include <array>
#include <cmath>
#include <ctime>

#include "calibrate/all2all/mpi_session.hpp"

namespace moeplan::calibrate {
namespace {

constexpr int kTag = 1;
constexpr double kShortestSpan = 1.0;  // s

}  // namespace

double clock_drift(const std::vector<ClockOffset>& offsets) {
  if (offsets.size() < 2 || offsets.back().at - offsets.front().at < kShortestSpan) {
    return 0.0;
  }
  const auto n = static_cast<double>(offsets.size());
  double at = 0.0;
  double offset = 0.0;
  double unsure = 0.0;
  for (const ClockOffset& row : offsets) {
    at += row.at / n;
    offset += row.offset / n;
    unsure += 0.5 * row.round_trip / n;
  }
  double above = 0.0;
  double below = 0.0;
  for (const ClockOffset& row : offsets) {
    above += (row.at - at) * (row.offset - offset);
    below += (row.at - at) * (row.at - at);
  }
  const double slope = above / below;
  const double moved = std::abs(slope) * (offsets.back().at - offsets.front().at);
  return moved > unsure ? slope : 0.0;
}

double RankClock::now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

void RankClock::synchronise(int rank, int ranks, int rounds) {
  const auto send = [](double value, int to) {
    mpi_check(MPI_Send(&value, 1, MPI_DOUBLE, to, kTag, MPI_COMM_WORLD), "MPI_Send");
  };
  const auto receive = [](int from) {
    double value = 0.0;
    mpi_check(MPI_Recv(&value, 1, MPI_DOUBLE, from, kTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE),
              "MPI_Recv");
    return value;
  };
  for (int other = 1; other < ranks; ++other) {
    if (rank == 0) {
      ClockOffset best;
      for (int i = 0; i < rounds; ++i) {
        const double begin = now();
        send(begin, other);
        const double theirs = receive(other);
        const double end = now();
        if (i == 0 || end - begin < best.round_trip) {
          best = {.at = theirs, .offset = theirs - 0.5 * (begin + end), .round_trip = end - begin};
        }
      }
      const std::array<double, 3> found = {best.at, best.offset, best.round_trip};
      mpi_check(MPI_Send(found.data(), 3, MPI_DOUBLE, other, kTag, MPI_COMM_WORLD), "MPI_Send");
    } else if (rank == other) {
      for (int i = 0; i < rounds; ++i) {
        receive(0);
        send(now(), 0);
      }
      std::array<double, 3> found{};
      mpi_check(MPI_Recv(found.data(), 3, MPI_DOUBLE, 0, kTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE),
                "MPI_Recv");
      measured_.push_back({.at = found[0], .offset = found[1], .round_trip = found[2]});
      last_ = measured_.back();
      drift_ = clock_drift(measured_);
    }
  }
}

}  // namespace moeplan::calibrate
