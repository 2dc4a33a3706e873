#include "sim/workload/request_source.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "sim/engine/event_queue.hpp"

namespace moeplan::sim {
namespace {

const LengthDistribution kPrompt = LogNormalLength::from_median(760.0, 0.985, 2, 14050);
const LengthDistribution kOutput = LogNormalLength::from_median(151.0, 0.859, 7, 1000);

RequestMix poisson(double rate, std::int64_t count = 1000) {
  return {PoissonArrivals{per_second(rate)}, kPrompt, kOutput, count};
}
RequestMix closed(std::int32_t concurrency, std::int64_t count = 1000) {
  return {ClosedLoop{concurrency}, kPrompt, kOutput, count};
}

std::vector<RequestSpec> drain(RequestSource source) {
  std::vector<RequestSpec> requests;
  while (const auto request = source.next()) {
    requests.push_back(*request);
  }
  return requests;
}

// Runs the closed loop on a server that takes output_tokens ms for a request, without limit on how
// many it serves at once. Returns the requests in the order handed out.
std::vector<RequestSpec> run_closed_loop(const RequestMix& mix, std::uint64_t seed) {
  RequestSource source(mix, seed);
  EventQueue<int> completions;
  std::vector<RequestSpec> requests;
  const auto serve = [&](const RequestSpec& request) {
    requests.push_back(request);
    completions.push(request.arrival + milliseconds(request.output_tokens), 0);
  };
  while (const auto request = source.next()) {
    serve(*request);
  }
  while (!completions.empty()) {
    const SimTime now = completions.pop().time;
    EXPECT_FALSE(source.next().has_value());  // a closed loop waits for completions
    if (const auto request = source.on_completion(now)) {
      EXPECT_EQ(request->arrival, now);
      serve(*request);
    }
  }
  return requests;
}

TEST(RequestSource, SameSeedSameRequests) {
  EXPECT_EQ(drain(RequestSource(poisson(5.0), 1)), drain(RequestSource(poisson(5.0), 1)));
  EXPECT_NE(drain(RequestSource(poisson(5.0), 1)), drain(RequestSource(poisson(5.0), 2)));
  EXPECT_EQ(run_closed_loop(closed(8), 1), run_closed_loop(closed(8), 1));
}

TEST(RequestSource, EndsAfterItsCountInOrderOfArrival) {
  const std::vector<RequestSpec> requests = drain(RequestSource(poisson(5.0, 777), 1));
  ASSERT_EQ(requests.size(), 777u);
  EXPECT_GT(requests.front().arrival, SimTime{});
  for (std::size_t i = 1; i < requests.size(); ++i) {
    EXPECT_GE(requests[i].arrival, requests[i - 1].arrival);
  }
  EXPECT_EQ(run_closed_loop(closed(8, 777), 1).size(), 777u);
  EXPECT_EQ(run_closed_loop(closed(8, 3), 1).size(), 3u);  // fewer than the concurrency
}

// The n-th arrival of a Poisson process of rate r: mean n / r, standard deviation sqrt(n) / r. The
// gaps' coefficient of variation s / m is 1 with variance (2 + 1 - 2) / n = 1 / n: for gaps of mean
// 1, n Var(s) = (E(g-1)^4 - 1) / 4 = 2, n Var(m) = 1, n Cov(s, m) = E(g-1)^3 / 2 = 1.
TEST(RequestSource, PoissonHasItsRateAndScatter) {
  constexpr std::int64_t kCount = 100'000;
  const std::vector<RequestSpec> requests = drain(RequestSource(poisson(40.0, kCount), 4));
  const double n = static_cast<double>(kCount);
  const double span = in_seconds(requests.back().arrival);
  EXPECT_NEAR(span, n / 40.0, 3.0 * std::sqrt(n) / 40.0);
  double squares = 0.0;
  SimTime previous;
  for (const RequestSpec& request : requests) {
    squares += std::pow(in_seconds(request.arrival - previous) - span / n, 2);
    previous = request.arrival;
  }
  EXPECT_NEAR(std::sqrt(squares / n) / (span / n), 1.0, 3.0 / std::sqrt(n));
}

// tests.md C2 15: s times the rate, every arrival s times earlier, within half a picosecond per
// gap in either run: |s t' - t| <= (i + 1) (1 + s) / 2 ps.
TEST(RequestSource, ArrivalsScaleWithTheRate) {
  const std::vector<RequestSpec> slow = drain(RequestSource(poisson(3.0), 5));
  for (const std::int64_t s : {2, 7}) {
    const std::vector<RequestSpec> fast =
        drain(RequestSource(poisson(3.0 * static_cast<double>(s)), 5));
    for (std::size_t i = 0; i < slow.size(); ++i) {
      const auto difference = fast[i].arrival.picoseconds() * s - slow[i].arrival.picoseconds();
      ASSERT_LE(2 * std::abs(difference), static_cast<std::int64_t>(i + 1) * (1 + s)) << i;
      ASSERT_EQ(fast[i].prompt_tokens, slow[i].prompt_tokens);
      ASSERT_EQ(fast[i].output_tokens, slow[i].output_tokens);
    }
  }
}

// tests.md C2 27: one distribution changes, nothing else does.
TEST(RequestSource, StreamsAreSeparate) {
  const std::vector<RequestSpec> base = drain(RequestSource(poisson(5.0), 6));
  RequestMix other_output = poisson(5.0);
  other_output.output = FixedLength{1};
  RequestMix other_prompt = poisson(5.0);
  other_prompt.prompt = LogNormalLength::from_median(50.0, 0.2, 1, 99);
  const std::vector<RequestSpec> a = drain(RequestSource(other_output, 6));
  const std::vector<RequestSpec> b = drain(RequestSource(other_prompt, 6));
  for (std::size_t i = 0; i < base.size(); ++i) {
    ASSERT_EQ(a[i].arrival, base[i].arrival);
    ASSERT_EQ(a[i].prompt_tokens, base[i].prompt_tokens);
    ASSERT_EQ(a[i].output_tokens, 1);
    ASSERT_EQ(b[i].arrival, base[i].arrival);
    ASSERT_EQ(b[i].output_tokens, base[i].output_tokens);
    ASSERT_LE(b[i].prompt_tokens, 99);
  }
}

// Request i has the same lengths whatever the arrivals are: common random numbers for candidates.
TEST(RequestSource, LengthsDependOnSeedAndNumberOnly) {
  const std::vector<RequestSpec> open = drain(RequestSource(poisson(5.0), 7));
  for (const auto& other :
       {drain(RequestSource(poisson(500.0), 7)), run_closed_loop(closed(1), 7),
        run_closed_loop(closed(64), 7), drain(RequestSource(poisson(5.0, 2000), 7))}) {
    for (std::size_t i = 0; i < open.size(); ++i) {
      ASSERT_EQ(other[i].prompt_tokens, open[i].prompt_tokens) << i;
      ASSERT_EQ(other[i].output_tokens, open[i].output_tokens) << i;
    }
  }
  // Prompt and output lengths are uncorrelated (here in logarithms, n = 1000: 4 / sqrt(n) = 0.13).
  double xy = 0.0;
  double xx = 0.0;
  double yy = 0.0;
  for (const RequestSpec& request : open) {
    const double x = std::log(request.prompt_tokens / 760.0);
    const double y = std::log(request.output_tokens / 151.0);
    xy += x * y;
    xx += x * x;
    yy += y * y;
  }
  EXPECT_LT(std::fabs(xy / std::sqrt(xx * yy)), 0.13);
}

TEST(RequestSource, ClosedLoopStartsWithItsConcurrencyAtTimeZero) {
  RequestSource source(closed(5), 8);
  EXPECT_TRUE(source.is_closed_loop());
  for (int i = 0; i < 5; ++i) {
    const auto request = source.next();
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->arrival, SimTime{});
  }
  EXPECT_FALSE(source.next().has_value());
  const auto sixth = source.on_completion(SimTime(123));
  ASSERT_TRUE(sixth.has_value());
  EXPECT_EQ(sixth->arrival, SimTime(123));
  EXPECT_EQ(source.handed_out(), 6);
  EXPECT_FALSE(source.next().has_value());
}

// One slot, service of output_tokens ms: the last arrival is the sum of the earlier services.
TEST(RequestSource, ClosedLoopOfOneIsSerial) {
  const std::vector<RequestSpec> requests = run_closed_loop(closed(1, 50), 9);
  SimTime expected;
  for (const RequestSpec& request : requests) {
    EXPECT_EQ(request.arrival, expected);
    expected += milliseconds(request.output_tokens);
  }
}

TEST(RequestSource, AThinkTimeDelaysTheNextRequest) {
  RequestMix mix = closed(1, 3);
  mix.arrivals = ClosedLoop{1, milliseconds(2)};
  RequestSource source(mix, 9);
  EXPECT_EQ(source.next()->arrival, SimTime{}) << "nothing to think about yet";
  EXPECT_EQ(source.on_completion(SimTime(500))->arrival, SimTime(500) + milliseconds(2));
}

TEST(RequestSource, OpenLoopIgnoresCompletions) {
  RequestSource source(poisson(5.0, 2), 10);
  EXPECT_THROW(source.on_completion(SimTime(1)), std::logic_error);  // nothing handed out yet
  source.next();
  EXPECT_FALSE(source.is_closed_loop());
  EXPECT_FALSE(source.on_completion(SimTime(1)).has_value());
  EXPECT_THROW(source.on_completion(SimTime(1)), std::logic_error);  // one out, two completed
}

TEST(RequestSource, RefusesEmptyMixes) {
  EXPECT_THROW(RequestSource(poisson(0.0), 1), std::logic_error);
  EXPECT_THROW(RequestSource(poisson(-1.0), 1), std::logic_error);
  EXPECT_THROW(RequestSource(poisson(INFINITY), 1), std::logic_error);
  EXPECT_THROW(RequestSource(poisson(std::nan("")), 1), std::logic_error);
  EXPECT_THROW(RequestSource(poisson(1.0, 0), 1), std::logic_error);
  EXPECT_THROW(RequestSource(closed(0), 1), std::logic_error);
  RequestMix hasty = closed(1);
  hasty.arrivals = ClosedLoop{1, milliseconds(-1)};
  EXPECT_THROW(RequestSource(hasty, 1), std::logic_error);
  RequestMix no_output = poisson(1.0);
  no_output.output = FixedLength{0};
  EXPECT_THROW(RequestSource(no_output, 1), std::logic_error);
}

}  // namespace
}  // namespace moeplan::sim
