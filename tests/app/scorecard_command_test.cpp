// moeplan scorecard as users run it: one machine, two machines, rents, unknown ids.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/text/load.hpp"
#include "tests/app/json_values.hpp"
#include "tests/app/process.hpp"

namespace moeplan::tests {
namespace {

using testing::HasSubstr;
using text::Node;

text::Document json_of(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "scorecard");
  arguments.insert(arguments.end(), {"--format", "json"});
  const Finished run = run_moeplan(arguments);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  return text::parse_json(run.out, "stdout");
}

TEST(ScorecardCommand, MoneyIsTheRentOverTheTokens) {
  const text::Document two = json_of({"--profile", "h100-sxm", "--usd-per-gpu-hour", "2"});
  const text::Document four = json_of({"--profile", "h100-sxm", "--usd-per-gpu-hour", "4"});
  const auto& cheap = at(at(two.root, "machines").items[0], "points").items;
  const auto& dear = at(at(four.root, "machines").items[0], "points").items;
  ASSERT_EQ(cheap.size(), dear.size());
  ASSERT_FALSE(cheap.empty());
  for (std::size_t i = 0; i < cheap.size(); ++i) {
    const double usd = number(cheap[i], "cost_usd_per_million_tokens");
    EXPECT_NEAR(usd, 2e6 / 3600 / number(cheap[i], "throughput_tokens_per_s_per_gpu"), 1e-9 * usd);
    EXPECT_NEAR(number(dear[i], "cost_usd_per_million_tokens"), 2 * usd, 1e-9 * usd);
    EXPECT_NEAR(number(cheap[i], "layer_s"),
                number(cheap[i], "router_s") + number(cheap[i], "experts_s") +
                    number(cheap[i], "exchange_s"),
                1e-12);
  }
}

TEST(ScorecardCommand, MachinesAreComparedOverThePointsTheyShare) {
  const text::Document both =
      json_of({"--profile", "h100-sxm", "a10", "--usd-per-gpu-hour", "3", "1"});
  const Node& all = at(both.root, "geometric_means").items.back();
  EXPECT_EQ(at(all, "points").scalar, "all");
  const auto& machines = at(all, "machines").items;
  ASSERT_EQ(machines.size(), 2u);
  EXPECT_GT(number(machines[0], "throughput_tokens_per_s_per_gpu"),
            3 * number(machines[1], "throughput_tokens_per_s_per_gpu"))
      << "3.35 against 0.6 TB/s";
  const Finished table = run_moeplan({"scorecard", "--profile", "h100-sxm", "a10"});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("/ h100-sxm"));
  EXPECT_THAT(table.out, HasSubstr("a10: laws from the data sheet, nothing measured"));
}

TEST(ScorecardCommand, FormatsAndMarks) {
  const Finished table = run_moeplan({"scorecard", "--profile", "h100-sxm"});
  EXPECT_THAT(table.out, HasSubstr("USD per GPU and hour: "));
  EXPECT_THAT(table.out, testing::ContainsRegex("paper-354m-128e +bf16 +8 "));
  const Finished markdown =
      run_moeplan({"scorecard", "--profile", "h100-sxm", "--format", "markdown"});
  EXPECT_THAT(markdown.out, HasSubstr("| layer | experts in | EP | 1 | 16 | 64 |"));
  const Finished unpriced = run_moeplan({"scorecard", "--profile", "h800-sxm"});
  EXPECT_EQ(unpriced.exit_code, 0);
  EXPECT_THAT(unpriced.out, HasSubstr("no on_demand offer of h800-sxm"));
}

TEST(ScorecardCommand, UnknownIdsAreInvalidInput) {
  const Finished run = run_moeplan({"scorecard", "--profile", "h100-sxn"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("did you mean 'h100-sxm'?"));
  EXPECT_EQ(run_moeplan({"scorecard", "--profile", "a10", "--price-book", "1999"}).exit_code, 3);
}

}  // namespace
}  // namespace moeplan::tests
