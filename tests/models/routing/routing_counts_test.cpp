// Measured routing read from CSV: what is right is read, what is wrong is named (C3 row 38).
#include "models/routing/routing_counts.hpp"

#include <gtest/gtest.h>

#include "tests/support/expect_input_error.hpp"

namespace moeplan::models {
namespace {

using moeplan::tests::expect_input_error;

const std::vector<RoutedLayer> kLayers = {{1, 3, 2}, {2, 3, 2}};
// Layer 1: 10 tokens, all use expert 0, half expert 1, half expert 2.
const std::string kGood = "layer,expert,count\n1,0,10\n1,1,5\n1,2,5\n";
const std::string kLayer2 = "2,0,2\n2,1,2\n2,2,0\n";

ModelRouting read(const std::string& content, const std::string& task = "") {
  return measured_routing(text::CsvTable::parse(content, "counts.csv"), kLayers, task);
}

template <class... Parts>
void refused(const std::string& content, const std::string& code, const Parts&... parts) {
  expect_input_error([&] { read(content); }, code, parts...);
}

TEST(RoutingCounts, BecomeInclusionLayerByLayer) {
  const ModelRouting routing = read(kGood + kLayer2);
  ASSERT_EQ(routing.layers(), 2u);
  const std::vector<double>& first = routing.layer(0).inclusion();
  EXPECT_NEAR(first[0], 1.0, 1e-12);  // 10 of 20 pairs x top 2
  EXPECT_NEAR(first[1], 0.5, 1e-12);
  EXPECT_NEAR(routing.layer(1).inclusion()[1], 1.0, 1e-12);
  EXPECT_EQ(routing.layer(1).inclusion()[2], 0.0);
  EXPECT_EQ(routing.layer(1).expected_active(100.0), 2.0);
}

TEST(RoutingCounts, StepsAndTasksAreAddedOrChosen) {
  const std::string rows =
      "layer,expert,count,step,task\n1,0,4,0,a\n1,1,4,0,a\n1,2,0,0,a\n1,0,2,1,a\n1,1,0,1,a\n"
      "1,2,2,1,a\n2,0,1,0,a\n2,1,1,0,a\n2,2,0,0,a\n1,0,0,0,b\n1,1,8,0,b\n1,2,8,0,b\n"
      "2,0,1,0,b\n2,1,1,0,b\n2,2,1,0,b\n";
  // Task a, layer 1: 6, 4, 2 of 12 pairs; with b: 6, 12, 10 of 28.
  EXPECT_NEAR(read(rows, "a").layer(0).inclusion()[1], 2.0 * 4.0 / 12.0, 1e-12);
  EXPECT_NEAR(read(rows).layer(0).inclusion()[1], 2.0 * 12.0 / 28.0, 1e-12);
  expect_input_error([&] { read(rows, "c"); }, "E_VALUE", "'c'", "a, b");
  expect_input_error([&] { read(kGood + kLayer2, "c"); }, "E_VALUE", "column 'task'");
}

TEST(RoutingCounts, ProbabilitiesAreSharesOfPairs) {
  const ModelRouting routing =
      read("layer,expert,probability\n1,0,0.5\n1,1,0.3\n1,2,0.2\n2,0,0.4\n2,1,0.4\n2,2,0.2004\n");
  EXPECT_NEAR(routing.layer(0).inclusion()[2], 0.4, 1e-12);
  EXPECT_NEAR(routing.layer(1).effective_top_k(), 2.0, 1e-9);  // 1.0004 is scaled
}

TEST(RoutingCounts, TokensAreCounted) {
  const ModelRouting routing =
      read("layer,expert_1,expert_2\n1,0,1\n1,2,0\n2,1,2\n2,0,1\n1,0,2\n1,1,0\n");
  EXPECT_NEAR(routing.layer(0).inclusion()[0], 1.0, 1e-12);
  EXPECT_NEAR(routing.layer(0).inclusion()[1], 0.5, 1e-12);
  EXPECT_NEAR(routing.layer(1).inclusion()[1], 1.0, 1e-12);
}

TEST(RoutingCounts, RefusesExpertsAndLayersThatAreNotThere) {
  refused(kGood + "2,3,1\n", "E_RANGE", "counts.csv:5", "layer 2 has no expert 3", "0 to 2");
  refused(kGood + kLayer2 + "0,0,1\n", "E_RANGE", "counts.csv:8", "layer 0 has no experts", "1, 2");
  refused(kGood, "E_MISSING", "1 of the model's 2 MoE layers", "layers 2");
  refused(kGood + "2,0,2\n2,1,2\n", "E_MISSING", "counts.csv:5", "layer 2 has no row for expert 2");
  refused("layer,expert_1,expert_2\n1,0,3\n", "E_RANGE", "counts.csv:2", "layer 1");
}

TEST(RoutingCounts, RefusesMissingColumns) {
  refused("layer,expert\n1,0\n", "E_MISSING", "count");
  refused("layer,expert_1\n1,0\n", "E_MISSING", "expert_2");  // k columns missing
  refused("layer,expert,count,stp\n1,0,1,0\n", "E_UNKNOWN_KEY", "'stp'", "step");
}

TEST(RoutingCounts, RefusesNumbersThatCannotBe) {
  refused("layer,expert,count\n1,0,-1\n", "E_RANGE", "counts.csv:2");
  refused("layer,expert,count\n1,0,1.5\n", "E_TYPE", "counts.csv:2");
  refused(kGood + "1,2,5\n" + kLayer2, "E_DUPLICATE", "layer 1, expert 2", "lines 4 and 5");
  refused("layer,expert,probability\n1,0,0.5\n1,1,0.3\n1,2,0.25\n" + kLayer2, "E_RANGE",
          "probability");  // a share of 2
  refused("layer,expert,probability\n1,0,0.5\n1,1,0.3\n1,2,0.25\n2,0,0.5\n2,1,0.5\n2,2,0\n",
          "E_VALUE", "counts.csv:2", "layer 1 do not sum to 1", "1.05");
  refused(kGood + "2,0,9\n2,1,5\n2,2,2\n", "E_VALUE", "counts.csv:5", "layer 2: expert 0",
          "1/2");  // 9 of 16 pairs, but only 8 tokens
  refused(kGood + "2,0,5\n2,1,0\n2,2,0\n", "E_VALUE", "layer 2 uses fewer experts", "top_k = 2");
  refused("layer,expert_1,expert_2\n1,1,1\n", "E_VALUE", "counts.csv:2", "expert 1 twice");
}

TEST(RoutingCounts, ExtremeHistogramsAreRoutings) {
  // Nearly every token uses the same experts: no weights give these probabilities to 1e-9.
  const ModelRouting routing =
      read("layer,expert,count\n1,0,100000\n1,1,99999\n1,2,1\n2,0,3\n2,1,3\n2,2,0\n");
  EXPECT_NEAR(routing.layer(0).inclusion()[2], 1e-5, 1e-12);
  EXPECT_LE(routing.layer(0).expected_distinct_ranks(3), 2.0 + 1e-9);
}

}  // namespace
}  // namespace moeplan::models
