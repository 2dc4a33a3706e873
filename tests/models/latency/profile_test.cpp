// Wrong profiles are refused, with the place and the reason (tests.md C3, row 39).
#include "models/latency/profile.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <regex>

#include "models/latency/draw_profile.hpp"
#include "models/text/input_error.hpp"
#include "models/text/load.hpp"
#include "tests/models/latency/sample_laws.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan {
namespace {

using models::parse_profile;
using models::Profile;
using tests::expect_input_error;

Profile sample() {
  Profile profile{.id = "test", .hardware = "h100-sxm", .provenance = {}, .laws = {}};
  profile.provenance.push_back({.file = "table.csv",
                                .sha256 = std::string(64, 'a'),
                                .source = "imported: test",
                                .rows = 10});
  models::FittedLaw law = tests::plain_expert_law();
  law.covariance_of = {"launch_s", "norm"};
  law.covariance = {{0.01, 0.002}, {0.002, 0.04}};
  profile.laws.push_back(law);
  return profile;
}

// The text with one piece replaced, and its checksum put right again.
std::string with(const std::string& from, const std::string& to) {
  std::string text = profile_text(sample());
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  const std::string key = "\"sha256_payload\": \"";
  const std::size_t sum = text.find(key) + key.size();
  text.replace(sum, 64, std::string(64, '0'));
  return text.replace(sum, 64, text::sha256(text));
}

void refused(const std::string& from, const std::string& to, const std::string& code,
             const std::string& part) {
  expect_input_error([&] { parse_profile(with(from, to), "p.json"); }, code, "p.json:", part);
}

TEST(Profile, ReadsBackWhatWasWritten) {
  const Profile read = parse_profile(profile_text(sample()), "p.json");
  EXPECT_EQ(profile_text(read), profile_text(sample()));
  EXPECT_EQ(read.laws.front().theta, sample().laws.front().theta);
  EXPECT_EQ(read.laws.front().covariance, sample().laws.front().covariance);
  EXPECT_EQ(read.find("expert", "bf16").size(), 1u);
  EXPECT_TRUE(read.find("expert", "fp8").empty());
}

TEST(Profile, KeepsEnsembleAndFingerprint) {
  Profile profile = sample();
  EXPECT_EQ(profile_text(profile).find("ensemble_log"), std::string::npos) << "only where known";
  profile.laws.front().ensemble = {{0.1, -0.2}, {0.0, 0.3}, {-0.1, 0.0}};
  profile.provenance.front().fingerprint = {{"cpu", "a \"quoted\" one"}};
  const Profile read = parse_profile(profile_text(profile), "p.json");
  EXPECT_EQ(read.laws.front().ensemble, profile.laws.front().ensemble);
  EXPECT_EQ(read.provenance.front().fingerprint, profile.provenance.front().fingerprint);
  EXPECT_EQ(profile_text(read), profile_text(profile));
  const std::string after = "\"fit\": {";
  refused(after, "\"ensemble_log\": [[0.1]],\n      " + after, "E_VALUE",
          "1 to 1024 members of 2 numbers");
  refused(after, "\"ensemble_log\": [],\n      " + after, "E_VALUE", "ensemble");
  refused(after, "\"ensemble_log\": [[0.1, 99]],\n      " + after, "E_RANGE", "ensemble_log/0/1");
}

// A third of the scores each: Phi(-0.43) = 1/3.
TEST(DrawProfile, TakesMembersOfTheEnsemble) {
  Profile profile = sample();
  profile.laws.front().ensemble = {{0.1, -0.2}, {0.0, 0.3}, {-0.1, 0.0}};
  const auto launch = [&](double score) {
    return draw_profile(profile, [&](auto, auto) { return score; }).laws.front().value("launch_s");
  };
  EXPECT_DOUBLE_EQ(launch(-1.0), 10e-6 * std::exp(0.1));
  EXPECT_DOUBLE_EQ(launch(0.2), 10e-6);
  EXPECT_DOUBLE_EQ(launch(1.0), 10e-6 * std::exp(-0.1));
  EXPECT_DOUBLE_EQ(launch(40.0), 10e-6 * std::exp(-0.1)) << "the last one";
  EXPECT_DOUBLE_EQ(launch(0.0), 10e-6) << "the fit itself";
}

TEST(Profile, ErrorsOnUnseenExpertCountsAreOptional) {
  Profile profile = sample();
  profile.laws.front().errors.leave_one_expert_count_out = {.median = 0.05, .p90 = 0.2};
  const Profile read = parse_profile(profile_text(profile), "p.json");
  ASSERT_TRUE(read.laws.front().errors.leave_one_expert_count_out.has_value());
  EXPECT_DOUBLE_EQ(read.laws.front().errors.leave_one_expert_count_out->p90, 0.2);
  // Absent: a file from before they were known.
  const std::string key = ",\n        \"leave_one_expert_count_out\": null";
  EXPECT_FALSE(parse_profile(with(key, ""), "p.json")
                   .laws.front()
                   .errors.leave_one_expert_count_out.has_value());
  refused("\"leave_one_expert_count_out\": null", "\"leave_one_expert_count_out\": 3", "E_TYPE",
          "leave_one_expert_count_out");
}

TEST(Profile, RefusesAnEditedFile) {
  std::string text = profile_text(sample());
  text.replace(text.find("\"norm\": 1.0"), 11, "\"norm\": 2.0");
  expect_input_error([&] { parse_profile(text, "p.json"); }, "E_VALUE", "checksum mismatch");
}

TEST(Profile, RefusesWrongNumbers) {
  refused("\"norm\": 1.0", "\"norm\": 0.0", "E_RANGE", "norm");
  refused("\"norm\": 1.0", "\"norm\": -1.0", "E_RANGE", "norm");
  refused("\"norm\": 1.0", "\"norm\": 1e999", "E_RANGE", "norm");
  refused("\"norm\": 1.0", "\"norm\": \"1\"", "E_TYPE", "norm");
  refused("\"points\": 10", "\"points\": 0", "E_RANGE", "points");
  refused("\"p90_abs_error\": 0.02", "\"p90_abs_error\": 0.005", "E_RANGE", "not in order");
  refused("\"discrepancy_sd_log\": 0.1", "\"discrepancy_sd_log\": 0.0", "E_RANGE",
          "discrepancy_sd_log");
}

TEST(Profile, RefusesWrongDomains) {
  refused("512.0,\n          2048.0", "4096.0,\n          2048.0", "E_RANGE", "low 4096 above");
  refused("512.0,\n          2048.0", "512.0", "E_VALUE", "two numbers");
  refused("\"top_k\": [", "\"topk\": [", "E_MISSING", "top_k");
}

TEST(Profile, RefusesWrongCovariances) {
  refused("0.002,\n          0.04", "0.002,\n          -0.04", "E_VALUE", "semidefinite");
  refused("0.01,\n          0.002", "0.01,\n          0.003", "E_VALUE", "symmetric");
  refused("\"launch_s\",\n        \"norm\"", "\"launch_s\",\n        \"rate\"", "E_VALUE",
          "'rate' is no parameter");
  refused("\"launch_s\",\n        \"norm\"", "\"norm\"", "E_VALUE", "wrong size");
}

TEST(Profile, RefusesUnknownNames) {
  const auto problems = expect_input_error(
      [&] { parse_profile(with("tiled_experts_v1", "tiled_experts_v2"), "p.json"); }, "E_VALUE",
      "tiled_experts_v2", "message_pnorm_v1");
  EXPECT_FALSE(problems.empty());
  refused("\"expert\"", "\"experts\"", "E_VALUE", "expert");
  refused("\"dtype\": \"bf16\"", "\"dtype\": \"bfloat16\"", "E_VALUE", "bf16");
  refused("\"norm\": 1.0", "\"norn\": 1.0", "E_MISSING", "norm");
  refused("\"norm\": 1.0", "\"norm\": 1.0, \"speed\": 1.0", "E_UNKNOWN_KEY", "speed");
  refused("\"tile_rule\"", "\"tile_rules\"", "E_MISSING", "tile_rule");
  refused("\"table.csv\"\n", "\"tables.csv\"\n", "E_VALUE", "provenance");
  refused("\"time\": \"s\"", "\"time\": \"ms\"", "E_VALUE", "ms");
}

TEST(Profile, RefusesOtherSchemas) {
  refused("\"schema_version\": 1", "\"schema_version\": 2", "E_SCHEMA", "2");
  refused("smoe-calibration", "moe-profile", "E_SCHEMA", "smoe-calibration");
}

TEST(Profile, RefusesALawGivenTwice) {
  Profile profile = sample();
  profile.laws.push_back(profile.laws.front());
  expect_input_error([&] { parse_profile(profile_text(profile), "p.json"); }, "E_DUPLICATE",
                     "twice");
}

TEST(Profile, RefusesWhatIsNoProfile) {
  expect_input_error([] { parse_profile("{}", "p.json"); }, "E_MISSING", "schema");
  expect_input_error([] { parse_profile("[1, 2]", "p.json"); }, "E_TYPE");
  expect_input_error([] { parse_profile("{\"schema\": ", "p.json"); }, "E_SYNTAX", "p.json:1");
  expect_input_error([] { models::load_profile("/nonexistent/p.json"); }, "E_IO", "p.json");
}

}  // namespace
}  // namespace moeplan
