// Does a scenario take its prices and its accuracy curve as it says, and does it tell what a reader
// must know of a curve that is not quite the model's?

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/text/load.hpp"
#include "tests/support/locations.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::ScenarioFile;

TEST(Prices, SeveralBooksAndTiersAreOne) {
  const Scenario scenario =
      ScenarioFile()
          .set("prices",
               "{book: [2026-11, own-hardware-2026-11], tier: [on_demand, owned], provider: own}")
          .load();
  EXPECT_EQ(scenario.prices.book.id(), "2026-11 + own-hardware-2026-11");
  EXPECT_THAT(scenario.prices.tiers, ElementsAre("on_demand", "owned"));
  EXPECT_EQ(scenario.prices.provider, "own");
  EXPECT_EQ(scenario.prices.as_of.text(), "2026-11-23") << "the youngest book's day";
}

TEST(Prices, OneBookAndTierAsBefore) {
  const Scenario scenario = ScenarioFile().load();
  EXPECT_EQ(scenario.prices.book.id(), "2026-11");
  EXPECT_THAT(scenario.prices.tiers, ElementsAre("on_demand"));
}

TEST(AccuracyCurve, OfThisModelHasNoWarning) {
  const Scenario scenario =
      ScenarioFile().set("accuracy", "{curve: qwen3-30b-a3b-reap-code}").load();
  EXPECT_THAT(scenario.warnings, IsEmpty());
  ASSERT_TRUE(scenario.accuracy.has_value());
  EXPECT_EQ(scenario.accuracy->description().hidden, 2048);
  EXPECT_EQ(scenario.accuracy->description().layers, 48);
}

// Qwen3-Coder-30B-A3B has the architecture of Qwen3-30B-A3B: the catalog has one entry for both.
TEST(AccuracyCurve, OfASisterOfTheSameShapeIsTaken) {
  EXPECT_THAT(
      ScenarioFile().set("accuracy", "{curve: qwen3-coder-30b-a3b-reap-code}").load().warnings,
      IsEmpty());
}

TEST(AccuracyCurve, OfAnotherModelOnlyWhenAskedForAndThenSaid) {
  const Scenario scenario =
      ScenarioFile()
          .set("accuracy", "{curve: glm-4.5-air-reap-code, allow_other_model: true}")
          .load();
  ASSERT_TRUE(scenario.accuracy.has_value());
  EXPECT_THAT(scenario.warnings,
              ElementsAre(testing::AllOf(HasSubstr("Accuracy is not this model's"),
                                         HasSubstr("GLM-4.5-Air (glm-4.5-air) has 46 layers"))));
}

// A curve of one's own that names no architecture cannot be checked: the plan says so.
TEST(AccuracyCurve, WithoutAnArchitectureIsAWarning) {
  ScenarioFile file;
  std::string curve = text::read_file(tests::data_dir() / "accuracy/qwen3-30b-a3b-reap-code.yaml");
  const std::string key = "architecture: qwen3-30b-a3b\n";
  curve.erase(curve.find(key), key.size());
  text::write_file(file.folder() / "own.yaml", curve);
  file.set("accuracy", "{curve: ./own.yaml}");
  EXPECT_THAT(file.load().warnings,
              ElementsAre(HasSubstr("curve own does not state its architecture")));
}

}  // namespace
}  // namespace moeplan::sim
