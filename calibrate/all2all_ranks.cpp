// The ranks' side of moeplan-measure all2all.
#include <algorithm>
#include <csignal>
#include <exception>
#include <optional>
#include <system_error>

#include "calibrate/all2all_launches.hpp"
#ifdef MOEPLAN_HAS_MPI
#include "calibrate/all2all/exchange_path.hpp"
#include "calibrate/all2all/mpi_session.hpp"
#include "calibrate/all2all/rank_cases.hpp"
#include "calibrate/all2all/timed_exchange.hpp"
#include "calibrate/layer/moe_layer.hpp"
#endif
#include "calibrate/measurement/device_error.hpp"
#include "models/text/input_error.hpp"
#include "models/text/load.hpp"
#include "models/units/require.hpp"

namespace moeplan::calibrate {

#ifdef MOEPLAN_HAS_MPI

namespace {

constexpr int kNoDevice = 6;
constexpr int kCrashed = 128 + SIGABRT;  // to supervise: a crash, which may not come again

volatile std::sig_atomic_t stop_wish = 0;

void wish_to_stop(int) { stop_wish = 1; }

StartMode mode_of(const std::string& name) {
  const std::vector<std::string>& names = start_mode_names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) {
      return static_cast<StartMode>(i);
    }
  }
  require(false, "a name of start_mode_names");
  return StartMode::barrier;
}

// The parent read the file; on another host it may not be there.
std::string matrices_of(const ExchangeSweep& sweep,
                        const std::function<void(const std::string&)>& complain) {
  try {
    return sweep.matrices.empty() ? std::string() : text::read_file(sweep.matrices);
  } catch (const InputError& error) {
    complain(error.what());
    MpiSession::end_all_ranks(3);
  }
}

// 0 when the launch is complete. The others follow until finish(), also when this throws.
int lead(const ExchangeSweep& sweep, const PreparedExchanges& prepared, int launch,
         RankCases& cases, const std::function<void(const SweepProgress&)>& progress) {
  Journal journal(sweep.journal, prepared.header);
  StopRule rule = network_rule();
  rule.longest = sweep.longest_visit;
  rule.warm_longest = std::min(rule.warm_longest, sweep.longest_visit);
  const LaunchOptions options{
      .rule = rule, .stop = [] { return stop_wish != 0; }, .progress = progress};
  const LaunchEnd end = run_launch(
      journal, launch, [&](const std::string& id) { return cases.lead(id); }, options,
      steady_clock());
  return end == LaunchEnd::stopped ? 128 + SIGUSR1 : 0;
}

}  // namespace

bool built_with_mpi() { return true; }

int answer_world(const ExchangeSweep& sweep, const std::string& probe, ExchangeDevices& devices) {
  MpiSession session;
  RankWorld world = session.world();
  try {
    const ExchangePath path(session, way_of(sweep, world), devices, world);
  } catch (const DeviceError& error) {
    world.problem = error.what();  // on all ranks: it throws together
  }
  if (session.rank() == 0) {
    text::write_file(probe, to_json(world).pretty());
  }
  return 0;
}

int run_exchange_ranks(const ExchangeSweep& sweep, int launch, ExchangeDevices& devices,
                       const std::function<void(const SweepProgress&)>& progress,
                       const std::function<void(const std::string&)>& complain) {
  std::signal(SIGUSR1, wish_to_stop);
  MpiSession session;
  RankWorld world = session.world();
  const bool first = session.rank() == 0;
  std::optional<ExchangePath> path;
  try {
    path.emplace(session, way_of(sweep, world), devices, world);
  } catch (const DeviceError& error) {
    if (first) {
      complain(error.what());
    }
    return kNoDevice;
  }
  const std::string matrices = session.from_first(first ? matrices_of(sweep, complain) : "");
  const PreparedExchanges prepared = prepare(sweep, world, matrices);
  touch_every_pair(session.rank(), session.ranks(), path->ends());
  std::vector<std::string> ids;
  for (const GridPoint& point : prepared.grid.points) {
    ids.push_back(point.id);
  }
  std::sort(ids.begin(), ids.end());
  RankCases cases(
      session, ids,
      [&](const std::string& id) -> MadeRankCase {
        const auto layer = prepared.layers.find(id);
        if (layer != prepared.layers.end()) {
          return std::make_unique<MoeLayer>(layer->second, session.rank(), session.ranks(),
                                            product_names().front());
        }
        return make_exchange(prepared.grid.cases.at(id), session.rank(), path->ends());
      },
      mode_of(prepared.start));
  if (!first) {
    try {
      return cases.follow();
    } catch (const DeviceError& error) {
      complain(error.what());
      MpiSession::end_all_ranks(kCrashed);
    }
  }
  std::exception_ptr problem;
  int code = 1;  // as main says it: the launcher hands on the code of whichever rank ends first
  try {
    code = lead(sweep, prepared, launch, cases, progress);
  } catch (const InputError&) {
    code = 3;
    problem = std::current_exception();
  } catch (const std::system_error&) {
    code = 6;
    problem = std::current_exception();
  } catch (const std::exception&) {
    problem = std::current_exception();
  }
  cases.finish(code);
  if (problem) {
    std::rethrow_exception(problem);
  }
  return code;
}

#else

bool built_with_mpi() { return false; }

int answer_world(const ExchangeSweep&, const std::string&, ExchangeDevices&) {
  require(false, "ranks need a build with MPI");
  return 1;
}

int run_exchange_ranks(const ExchangeSweep&, int, ExchangeDevices&,
                       const std::function<void(const SweepProgress&)>&,
                       const std::function<void(const std::string&)>&) {
  require(false, "ranks need a build with MPI");
  return 1;
}

#endif

}  // namespace moeplan::calibrate
