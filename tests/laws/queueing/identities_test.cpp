// Laws that hold exactly on every run, not only on average: Little's identity on a window,
// utilisation, work and customer conservation, closed batches, scale invariance, determinism
// (tests.md C2 4, 6, 7, 12, 13, 15, 24, 27).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <memory>

#include "sim/engine/random_stream.hpp"
#include "tests/laws/queueing/station.hpp"

namespace moeplan::sim {
namespace {

StationPlan mixed_plan(int servers, double rho, std::uint64_t seed, double speed = 1.0) {
  auto gaps = std::make_shared<RandomStream>(seed, "gaps");
  auto services = std::make_shared<RandomStream>(seed, "services");
  StationPlan plan;
  plan.servers = servers;
  plan.per_batch = 20'000;
  plan.keep_visits = true;
  plan.gap = [=] { return seconds(gaps->exponential(1e-3 / (rho * servers) / speed)); };
  plan.service = [=] { return seconds(services->log_normal(std::log(8e-4), 0.7) / speed); };
  return plan;
}

// Integral of the number present over [0, end] = sum over customers of the time they spent in the
// station before end; those still present count up to the end. In integers: equal, not close.
TEST(Identities, LittleOnAWindowWithItsBoundaryTerms) {
  for (const int servers : {1, 3}) {
    for (const double rho : {0.5, 0.95, 1.3}) {  // also where the line grows without end
      const StationRun run = Station(mixed_plan(servers, rho, 21)).run();
      SimDuration stays;
      int present = 0;
      for (const Visit& visit : run.visits) {
        stays += visit.departure.value_or(run.end) - visit.arrival;
        present += !visit.departure.has_value();
      }
      EXPECT_EQ(run.customer_time, stays);
      // The same as L = lambda W, in doubles, to 1e-9.
      const double window = in_seconds(run.end);
      const double count = static_cast<double>(run.visits.size());
      const double number = in_seconds(run.customer_time) / window;
      EXPECT_NEAR(number / (count / window * (in_seconds(stays) / count)), 1.0, 1e-9);
      if (rho > 1.0) {
        EXPECT_GT(present, 0);  // the boundary terms are really there
      }
    }
  }
}

// Busy time = sum of services given, the running ones up to the end; share <= 1 per server.
TEST(Identities, UtilisationLaw) {
  for (const int servers : {1, 3}) {
    for (const double rho : {0.5, 1.3}) {
      const StationRun run = Station(mixed_plan(servers, rho, 22)).run();
      SimDuration served;
      for (const Visit& visit : run.visits) {
        if (visit.start) {
          served += std::min(*visit.start + visit.service, run.end) - *visit.start;
        }
      }
      EXPECT_EQ(run.busy, served);
      EXPECT_LE(run.busy, servers * run.end.since_start());
    }
  }
}

// arrival <= start, departure = start + service, first come first served; all are accounted for.
// The station itself refuses idle servers before a line, and time running backwards.
TEST(Identities, CausalityAndOrderOfService) {
  const StationRun run = Station(mixed_plan(3, 0.95, 23)).run();
  ASSERT_EQ(run.visits.size(), 20'000u);
  const Visit* previous = nullptr;
  for (const Visit& visit : run.visits) {
    if (visit.start) {
      EXPECT_GE(*visit.start, visit.arrival);
      EXPECT_EQ(visit.departure.value_or(*visit.start + visit.service),
                *visit.start + visit.service);
    } else {
      EXPECT_FALSE(visit.departure.has_value());
    }
    if (previous != nullptr) {
      EXPECT_GE(visit.arrival, previous->arrival);
      EXPECT_TRUE(previous->start || !visit.start);
      if (visit.start) {
        EXPECT_GE(*visit.start, *previous->start);
      }
    }
    previous = &visit;
  }
}

// 500 customers at once, one server, nobody after them for a long time: the last one leaves after
// the sum of the services, to the picosecond.
TEST(Identities, ClosedBatchTakesTheSumOfItsServices) {
  StationPlan plan = mixed_plan(1, 0.5, 24);
  int arrivals = 0;
  plan.per_batch = 500;
  plan.gap = [&arrivals] { return ++arrivals <= 500 ? seconds(0) : hours(1); };
  const StationRun run = Station(plan).run();
  SimDuration sum;
  for (const Visit& visit : run.visits) {
    sum += visit.service;
  }
  ASSERT_EQ(run.visits.size(), 500u);
  EXPECT_EQ(run.visits.back().departure, SimTime{} + sum);
  EXPECT_EQ(run.busy, sum);
}

// Two customers by hand. Arrivals 10 and 13, services 5 and 4 (ps): the first is served 10..15, the
// second waits 2 and is served 15..19. A third arrival at 40 ends the run. Number present: 1 in
// [10,13), 2 in [13,15), 1 in [15,19): 3 + 4 + 4 = 11. Busy 5 + 4 = 9.
TEST(Identities, TwoCustomersByHand) {
  StationPlan plan;
  plan.per_batch = 2;
  plan.keep_visits = true;
  const double gaps[] = {10e-12, 3e-12, 27e-12};
  const double services[] = {5e-12, 4e-12};
  int gap = 0;
  int service = 0;
  plan.gap = [&] { return seconds(gaps[gap++]); };
  plan.service = [&] { return seconds(services[service++]); };
  const StationRun run = Station(plan).run();
  EXPECT_EQ(run.visits[0], (Visit{SimTime(10), SimDuration(5), SimTime(10), SimTime(15)}));
  EXPECT_EQ(run.visits[1], (Visit{SimTime(13), SimDuration(4), SimTime(15), SimTime(19)}));
  EXPECT_EQ(run.end, SimTime(40));
  EXPECT_EQ(run.customer_time, SimDuration(11));
  EXPECT_EQ(run.busy, SimDuration(9));
}

// Everything s times faster: every instant of customer i is s times earlier, but for the roundings
// before it. An instant is reached over at most i + 1 gaps and i + 1 services; each was rounded by
// at most half a picosecond in either run, so |s t' - t| <= (2 i + 2) (1 + s) / 2 ps. The order of
// service is that of arrival in both.
TEST(Identities, ScaleInvariance) {
  const StationRun slow = Station(mixed_plan(3, 0.9, 25)).run();
  for (const std::int64_t s : {2, 3, 10}) {
    const StationRun fast = Station(mixed_plan(3, 0.9, 25, static_cast<double>(s))).run();
    ASSERT_EQ(fast.visits.size(), slow.visits.size());
    for (std::size_t i = 0; i < slow.visits.size(); ++i) {
      const auto allowed = SimDuration(static_cast<std::int64_t>(i + 1) * (1 + s));
      const auto close = [&](SimTime quick, SimTime steady) {
        const SimDuration gap = quick.since_start() * s - steady.since_start();
        return gap <= allowed && SimDuration{} - gap <= allowed;
      };
      ASSERT_TRUE(close(fast.visits[i].arrival, slow.visits[i].arrival)) << i;
      ASSERT_EQ(fast.visits[i].start.has_value(), slow.visits[i].start.has_value()) << i;
      if (slow.visits[i].start) {
        ASSERT_TRUE(close(*fast.visits[i].start, *slow.visits[i].start)) << i;
      }
    }
  }
}

TEST(Identities, SameSeedSameRunAlsoBesideAnotherSimulation) {
  const auto simulate = [](std::uint64_t seed) { return Station(mixed_plan(2, 0.9, seed)).run(); };
  const StationRun alone = simulate(26);
  auto beside = std::async(std::launch::async, simulate, 26);
  const StationRun other = simulate(27);
  const StationRun threaded = beside.get();
  EXPECT_EQ(threaded.visits, alone.visits);
  EXPECT_EQ(threaded.end, alone.end);
  EXPECT_NE(other.visits, alone.visits);
}

// A second server, or other services, leaves every arrival where it was.
TEST(Identities, ArrivalsDoNotFeelTheServers) {
  StationPlan more = mixed_plan(1, 0.9, 28);
  more.servers = 2;
  StationPlan slower = mixed_plan(1, 0.9, 28);
  slower.service = [] { return seconds(5e-4); };
  const StationRun plain = Station(mixed_plan(1, 0.9, 28)).run();
  for (const StationRun& run : {Station(more).run(), Station(slower).run()}) {
    ASSERT_EQ(run.visits.size(), plain.visits.size());
    EXPECT_EQ(run.end, plain.end);
    for (std::size_t i = 0; i < plain.visits.size(); ++i) {
      ASSERT_EQ(run.visits[i].arrival, plain.visits[i].arrival);
    }
    EXPECT_NE(run.visits, plain.visits);
  }
}

}  // namespace
}  // namespace moeplan::sim
