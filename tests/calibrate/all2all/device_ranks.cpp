// Run by mpirun from device_ranks_test: exchanges between planted GPUs.
//   device_ranks ways                         every exchange, every way, checked twice
//   device_ranks probe TRANSPORT FAULT FILE   what moeplan-measure asks its ranks first
//   device_ranks launch TRANSPORT FAULT FILE  a launch of a small sweep, FILE its journal
#include "tests/calibrate/all2all/device_ranks.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "calibrate/all2all/exchange_path.hpp"
#include "calibrate/all2all/timed_exchange.hpp"
#include "calibrate/all2all_launches.hpp"
#include "calibrate/measurement/device_error.hpp"
#include "tests/calibrate/all2all/planted_devices.hpp"

using namespace moeplan;
using namespace moeplan::calibrate;

namespace {

// The device's memory holds what was sent, for every case of a grid; sizes that 2 and 3 ranks
// divide and sizes that they do not.
int run_ways() {
  MpiSession session;
  RankWorld world = session.world();
  int checked = 0;
  for (const ExchangeWay way :
       {ExchangeWay::host, ExchangeWay::device, ExchangeWay::host_staged, ExchangeWay::nccl}) {
    const auto devices = tests::planted_devices("", way == ExchangeWay::device);
    const ExchangePath path(session, way, *devices, world);
    touch_every_pair(session.rank(), session.ranks(), path.ends());
    const ExchangeGrid grid = exchange_grid(world, {.smallest = 100, .largest = 70000});
    for (const auto& [id, exchange] : grid.cases) {
      MadeRankCase made = make_exchange(exchange, session.rank(), path.ends());
      RankCase& timed = *std::get<std::unique_ptr<RankCase>>(made);
      for (int run = 0; run < 2; ++run) {
        timed.run();
        timed.check();
        ++checked;
      }
    }
  }
  if (session.rank() == 0) {
    fmt::print("checked {}\n", checked);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto complain = [](const std::string& why) { fmt::print(stderr, "{}\n", why); };
  try {
    if (words.at(0) == "ways") {
      return run_ways();
    }
    const auto devices = tests::planted_devices(words.at(2), false);
    const ExchangeSweep sweep = tests::device_sweep(words.at(1), words.at(3));
    return words[0] == "probe" ? answer_world(sweep, words[3], *devices)
                               : run_exchange_ranks(
                                     sweep, 0, *devices, [](const SweepProgress&) {}, complain);
  } catch (const std::exception& error) {
    complain(error.what());
    MpiSession::end_all_ranks(4);
  }
}
