// Does mixed traffic behave as the sum of its parts where it must, and not where it must not?

#include "sim/share/mixed_traffic.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "sim/evaluate.hpp"
#include "sim/plan/capacity.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

// One H100 with 64 experts.
class OneGpu : public tests::ScenarioFile {
 public:
  OneGpu(const std::string& name, const std::string& output, const std::string& tpot) {
    set("name", name);
    set("pruning", "{experts_kept: [64], router: sliced}");
    set("hardware", "{gpu: h100-sxm, gpus: 1}");
    set("workload",
        "{rate: 5 requests/s, requests: 1000, input_tokens: {tokens: 500}, output_tokens: "
        "{tokens: " +
            output + "}}");
    set("objectives", "{ttft_p99: 2 s, tpot_p99: " + tpot + "}");
  }
};

const Candidate kOneGpu{.experts_kept = 64};

double capacity_of(const Scenario& scenario) {
  return find_capacity(std::get<Deployment>(deploy(scenario, kOneGpu))).load;
}

TEST(MixedTraffic, ATaskMixedWithItselfIsThatTask) {
  const Scenario scenario = OneGpu("a", "100", "40 ms").load();
  const double capacity = capacity_of(scenario);
  const auto half = [&](double share) {
    return MixPart{&scenario, PerSecond(0.5 * share * capacity)};
  };
  EXPECT_NE(simulate_mix({half(0.9), half(0.9)}, kOneGpu).verdict, Verdict::missed);
  EXPECT_EQ(simulate_mix({half(1.5), half(1.5)}, kOneGpu).verdict, Verdict::missed);
  // The figure that the capacity runs into, and no other.
  const MixResult near = simulate_mix({half(0.98), half(0.98)}, kOneGpu);
  EXPECT_NEAR(near.tightest_ratio, 1.0, 0.1) << near.tightest;
}

TEST(MixedTraffic, ATaskWithoutRateIsNotThere) {
  const Scenario a = OneGpu("a", "100", "40 ms").load();
  const Scenario strict = OneGpu("strict", "100", "1 ms").load();
  const PerSecond rate(0.5 * capacity_of(a));
  EXPECT_EQ(simulate_mix({{&a, rate}, {&strict, PerSecond(0.0)}}, kOneGpu).verdict, Verdict::met);
  EXPECT_EQ(simulate_mix({{&a, rate}, {&strict, rate}}, kOneGpu).verdict, Verdict::missed);
  EXPECT_THROW(simulate_mix({{&a, PerSecond(0.0)}}, kOneGpu), std::logic_error);
}

// Half the capacity of each is one engine by a sum linear in work; but the lax task fills the batch
// that the strict one cannot bear.
TEST(MixedTraffic, ObjectivesThatDifferDoNotAddUp) {
  const Scenario strict = OneGpu("strict", "100", "11 ms").load();
  const Scenario lax = OneGpu("lax", "100", "60 ms").load();
  const double a = capacity_of(strict);
  const double b = capacity_of(lax);
  ASSERT_GT(b, 2.0 * a);
  const MixResult mix =
      simulate_mix({{&strict, PerSecond(0.5 * a)}, {&lax, PerSecond(0.5 * b)}}, kOneGpu);
  EXPECT_EQ(mix.verdict, Verdict::missed);
  EXPECT_TRUE(mix.tightest.starts_with("strict: TPOT")) << mix.tightest;
}

TEST(MixedTraffic, IsTheSameEveryTime) {
  const Scenario a = OneGpu("a", "100", "40 ms").load();
  const Scenario b = OneGpu("b", "40", "40 ms").load();
  const std::vector<MixPart> parts = {{&a, PerSecond(3.0)}, {&b, PerSecond(2.0)}};
  const MixResult one = simulate_mix(parts, kOneGpu);
  const MixResult two = simulate_mix(parts, kOneGpu);
  EXPECT_EQ(one.tightest_ratio, two.tightest_ratio);
  EXPECT_EQ(one.tightest, two.tightest);
}

}  // namespace
}  // namespace moeplan::sim
