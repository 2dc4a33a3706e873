// The schema and the table of scenarios/README.md are what the parser's field table says today.

#include "sim/report/schema.hpp"

#include <gtest/gtest.h>

#include "models/text/load.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/locations.hpp"

namespace moeplan::sim {
namespace {

TEST(Schema, CommittedSchemaIsCurrent) {
  tests::expect_golden(tests::source_dir() / "scenarios/scenario.schema.json", scenario_schema());
}

TEST(Schema, CommittedTableIsCurrent) {
  const std::string readme = text::read_file(tests::source_dir() / "scenarios/README.md");
  EXPECT_NE(readme.find(scenario_field_table()), std::string::npos)
      << "put the output of `moeplan schema --format markdown` into scenarios/README.md";
}

TEST(Schema, IsJsonAndForbidsUnknownKeys) {
  const text::Document schema = text::parse_json(scenario_schema(), "schema");
  EXPECT_EQ(schema.root.find("$schema")->scalar, "http://json-schema.org/draft-07/schema#");
  EXPECT_EQ(schema.root.find("additionalProperties")->scalar, "false");
  const text::Node* workload = schema.root.find("properties")->find("workload");
  ASSERT_NE(workload, nullptr);
  EXPECT_NE(workload->find("properties")->find("input_tokens")->find("properties"), nullptr);
}

}  // namespace
}  // namespace moeplan::sim
