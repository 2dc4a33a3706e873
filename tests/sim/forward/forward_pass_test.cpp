// Every design of a static scenario: priced, or with the reason why it cannot run; reported in
// full.

#include "sim/forward/forward_pass.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/text/load.hpp"
#include "sim/report/forward_report.hpp"
#include "tests/sim/forward/static_text.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::sim {
namespace {

using ::testing::HasSubstr;
using tests::with;

StaticScenario scenario_of(const std::string& text) {
  const tests::TemporaryDirectory folder;
  return load_static_scenario(folder.write("s.yaml", text));
}

TEST(ForwardPass, EveryDesignIsThere) {
  const std::vector<ForwardPass> passes = forward_passes(scenario_of(tests::kStaticScenario));
  ASSERT_EQ(passes.size(), 6u);  // 2 numbers of experts x 3 of GPUs
  EXPECT_THAT(passes[0].why_not, HasSubstr("1 GPUs do not split into groups of 2"));
  EXPECT_EQ(passes[2].why_not, "");
  // Two sequences of 256: capacity 512 / 8 = 64 and the minimum of 4, 512 rows in both.
  EXPECT_EQ(passes[2].capacity.capacity, 64);
  EXPECT_EQ(passes[5].capacity.capacity, 4);
  EXPECT_EQ(passes[2].capacity.buffer_rows, 512);
  EXPECT_EQ(passes[5].capacity.buffer_rows, 512);
  EXPECT_GT(passes[5].estimate.terms.total(), passes[2].estimate.terms.total());
  // Rows that hold no token are as many as tokens dropped, since there are as many rows as tokens.
  EXPECT_NEAR(passes[5].capacity.padding_rows, passes[5].capacity.dropped_pairs, 1e-6);
}

// 13.15e9 parameters are 26.3 GB in bf16, of 24.1 GB; over two GPUs half the experts each.
TEST(ForwardPass, MemoryIsChecked) {
  const std::vector<ForwardPass> whole =
      forward_passes(scenario_of(with("expert_parallel_size: 2", "expert_parallel_size: 1")));
  EXPECT_THAT(whole[3].why_not, HasSubstr("memory"));
  EXPECT_EQ(whole[0].why_not, "");  // 8 experts fit
  const std::vector<ForwardPass> shared = forward_passes(scenario_of(tests::kStaticScenario));
  EXPECT_EQ(shared[5].why_not, "");
  // 12 layers x 64 experts x 2 x 1024 x 4096 weights of 2 bytes = 12.9 GB; the rest is 0.5 GB.
  EXPECT_NEAR(shared[5].memory.weights.value(), 12.9e9 + 0.5e9, 0.1e9);
}

TEST(ForwardPass, ReportsShowEveryTermAndTheLimit) {
  const StaticScenario scenario = scenario_of(tests::kStaticScenario);
  const std::vector<ForwardPass> passes = forward_passes(scenario);
  const std::string text = forward_text(passes, scenario, {"0"}, TextStyle::terminal);
  const std::string json = forward_json(passes, scenario, {"0"}).pretty();
  EXPECT_THAT(text, HasSubstr(kNotAffine));
  EXPECT_THAT(text, HasSubstr("cannot run: 1 GPUs do not split"));
  const text::Document document = text::parse_json(json, "json");
  const text::Node& pass = document.root.find("passes")->items.at(2);
  double sum = 0.0;
  for (const models::StaticTerm& term : models::static_terms()) {
    EXPECT_THAT(text, HasSubstr(std::string(term.name)));
    sum += std::stod(pass.find("terms")->find(std::string(term.name) + "_s")->scalar);
  }
  EXPECT_NEAR(sum, std::stod(pass.find("forward_s")->scalar), 1e-12);
}

}  // namespace
}  // namespace moeplan::sim
