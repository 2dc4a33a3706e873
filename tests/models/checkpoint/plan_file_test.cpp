// Is pruning_plan.json read as it was written, and is one that cannot be refused (C3 23)?
#include <gtest/gtest.h>

#include "models/pruning/plan_json.hpp"
#include "models/text/load.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::models {
namespace {

using tests::expect_input_error;
using tests::TemporaryDirectory;

PrunedModelFile sample() {
  PrunedModelFile file{.router = RouterMode::merged_logits, .seed = 4, .layout = "native"};
  PrunedLayer layer;
  layer.plan = {.layer = 2, .experts = 4, .kept = {}, .spectral_gap = 0.5, .inertia = 0.25};
  layer.plan.kept = {{1, {1, 3}, {0.75, 0.25}}, {2, {0, 2}, {0.5, 0.5}}};
  layer.tokens = 100;
  layer.selected = {10, 45, 30, 15};
  layer.routing = {{60, 40}, 1.0, RoutingHistogram::Basis::measured};
  layer.alignments = {{3, 1, 0.125, 0.875, 7}, {0, 2, 0.5, 0.5, 0}};
  file.layers.push_back(layer);
  return file;
}

TEST(PlanFile, IsReadAsWritten) {
  const TemporaryDirectory dir;
  const auto path = dir.write("pruning_plan.json", pruning_plan_json(sample()).pretty());
  const PrunedModelFile read = read_pruning_plan(path);
  EXPECT_EQ(read.router, RouterMode::merged_logits);
  EXPECT_EQ(read.seed, 4u);
  ASSERT_EQ(read.layers.size(), 1u);
  EXPECT_EQ(read.layers[0].plan.kept, sample().layers[0].plan.kept);
  EXPECT_EQ(read.layers[0].routing.pairs, sample().layers[0].routing.pairs);
  EXPECT_EQ(read.layers[0].selected, sample().layers[0].selected);
  EXPECT_EQ(read.layers[0].routing.basis, RoutingHistogram::Basis::measured);
}

TEST(PlanFile, TablesSayTheSame) {
  EXPECT_EQ(routing_csv(sample()), "layer,expert,count\n2,0,60\n2,1,40\n");
  const std::string csv = layers_csv(sample());
  // Mean gain (0.75 + 0) / 2; busiest 60 over the mean 50.
  EXPECT_NE(csv.find("2,uncurl,4,2,0,2,0.5,0.25,0.375,1,measured,1.2"), std::string::npos) << csv;
}

void refused(const std::string& from, const std::string& to, const std::string& code,
             const std::string& part) {
  const TemporaryDirectory dir;
  std::string text = pruning_plan_json(sample()).line();
  const std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << text;
  const auto path = dir.write("plan.json", text.replace(at, from.size(), to));
  expect_input_error([&] { read_pruning_plan(path); }, code, part);
}

TEST(PlanFile, WhatCannotBeIsRefused) {
  refused("\"expert\": 3", "\"expert\": 4", "E_RANGE", "no expert 4");
  refused("\"expert\": 3", "\"expert\": 2", "E_DUPLICATE", "expert 2");
  refused("0.75", "0.5", "E_VALUE", "anchor 1");
  refused("\"anchor\": 2", "\"anchor\": 3", "E_VALUE", "anchor 3");
  refused("\"method\": \"uncurl\"", "\"method\": \"unkurl\"", "E_VALUE", "uncurl");
  refused("moeplan.pruning_plan", "moeplan.gpu", "E_SCHEMA", "another kind");
  refused("\"schema_version\": 1", "\"schema_version\": 2", "E_SCHEMA", "newer");
  refused("[60, 40]", "[60, 40, 1]", "E_VALUE", "counts that do not fit");
}

}  // namespace
}  // namespace moeplan::models
