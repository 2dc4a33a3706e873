// Run by mpirun from calibrate_bench: our osu mode against a loop as the OSU benchmarks write it,
// turn by turn in one run. Rank 0 writes the ratio of the means farthest from 1 to the file that
// is the only argument.
#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <vector>

#include "calibrate/all2all/exchange_grid.hpp"
#include "calibrate/all2all/mpi_session.hpp"
#include "calibrate/all2all/mpi_transport.hpp"
#include "calibrate/all2all/timed_exchange.hpp"
#include "calibrate/measurement/fingerprint.hpp"
#include "calibrate/measurement/summary.hpp"

namespace moeplan::calibrate {
namespace {

constexpr int kRounds = 61;
constexpr int kIterations = 16;
constexpr int kSkipped = 4;

// Seconds: barrier, call, own duration; the mean over iterations, then over ranks.
double plain_loop(std::int64_t bytes, int ranks) {
  const int part = static_cast<int>(bytes / ranks);
  std::vector<char> send(static_cast<std::size_t>(bytes), 'a');
  std::vector<char> receive(send.size());
  std::vector<int> counts(static_cast<std::size_t>(ranks), part);
  std::vector<int> places;
  for (int i = 0; i < ranks; ++i) {
    places.push_back(i * part);
  }
  double sum = 0.0;
  for (int i = 0; i < kSkipped + kIterations; ++i) {
    MPI_Barrier(MPI_COMM_WORLD);
    const double begin = RankClock::now();
    MPI_Alltoallv(send.data(), counts.data(), places.data(), MPI_CHAR, receive.data(),
                  counts.data(), places.data(), MPI_CHAR, MPI_COMM_WORLD);
    sum += i < kSkipped ? 0.0 : RankClock::now() - begin;
  }
  double all = 0.0;
  MPI_Reduce(&sum, &all, 1, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
  return all / kIterations / ranks;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return quantile(values, 0.5);
}

int run(const char* file) {
  MpiSession session;
  const RankWorld world = session.world();
  HostMemory memory;
  MpiTransport transport;
  const ExchangeEnds ends{memory, transport, memory_bytes() / session.ranks()};
  touch_every_pair(session.rank(), session.ranks(), ends);
  ExchangeGrid grid = exchange_grid(world, {.smallest = 16 * 1024,
                                            .largest = 1024 * 1024,
                                            .families = {"all2allv"},
                                            .patterns = {"uniform"}});
  std::vector<std::string> ids;
  for (const auto& [id, exchange] : grid.cases) {
    ids.push_back(id);
  }
  RankCases cases(
      session, ids,
      [&](const std::string& id) { return make_exchange(grid.cases.at(id), session.rank(), ends); },
      StartMode::osu);
  double farthest = 1.0;
  for (const auto& [id, exchange] : grid.cases) {
    if (exchange.combine) {
      continue;
    }
    std::vector<double> ratios;
    for (int round = 0; round < kRounds; ++round) {
      const double plain = plain_loop(exchange.bytes, session.ranks());
      if (session.rank() != 0) {
        cases.follow();
        continue;
      }
      double sum = 0.0;
      {
        MadeCase made = cases.lead(id);
        TimedCase& timed = *std::get<std::unique_ptr<TimedCase>>(made);
        for (int i = 0; i < kSkipped + kIterations; ++i) {
          const double seconds = timed.sample();
          sum += i < kSkipped ? 0.0 : seconds;
        }
      }
      cases.finish(0);
      ratios.push_back(sum / kIterations / plain);
    }
    if (session.rank() == 0) {
      const double ratio = median(ratios);
      fmt::print(stderr, "{}: {:.3f}\n", id, ratio);
      if (std::abs(std::log(ratio)) > std::abs(std::log(farthest))) {
        farthest = ratio;
      }
    }
  }
  if (session.rank() == 0) {
    std::ofstream(file) << fmt::format("{:.4f}\n", farthest);
  }
  return 0;
}

}  // namespace
}  // namespace moeplan::calibrate

int main(int argc, char** argv) { return argc == 2 ? moeplan::calibrate::run(argv[1]) : 2; }
