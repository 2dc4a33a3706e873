// Are logits and statistics read alike, and bad ones refused with layer and token?
#include "models/checkpoint/router_data.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "tests/models/checkpoint/small_models.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::models {
namespace {

using tests::expect_input_error;
using tests::TemporaryDirectory;

RouterKind router() {
  return {.layer = 3, .experts = 6, .top_k = 2, .rule = {}, .correction_bias = {}};
}

std::string npy(const std::string& descr, const std::string& shape, const std::string& data,
                const std::string& fortran = "False") {
  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
  header.resize((header.size() + 10 + 63) / 64 * 64 - 10, ' ');
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  return bytes + header + data;
}

std::string logit_bytes(const std::filesystem::path& file) {
  const Checkpoint checkpoint = Checkpoint::open(file);
  const auto bytes = checkpoint.bytes(checkpoint.tensor("layer.3.logits"));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(RouterData, SafetensorsAndNpyAreTheSame) {
  const TemporaryDirectory dir;
  tests::write_logits(dir / "logits.safetensors", {3}, 500, {});
  dir.write("npy/layer_3.npy", npy("<f4", "(500, 6)", logit_bytes(dir / "logits.safetensors")));
  const RouterStatistics a = RouterData::open(dir / "logits.safetensors").statistics(router(), 2);
  const RouterStatistics b = RouterData::open(dir / "npy").statistics(router(), 1);
  EXPECT_TRUE(a.gram == b.gram);
  EXPECT_EQ(a.selected, b.selected);
  EXPECT_EQ(a.tokens, 500);
}

TEST(RouterData, StatisticsAreReadAsWritten) {
  const TemporaryDirectory dir;
  tests::write_logits(dir / "logits.safetensors", {3}, 400, {});
  const RouterStatistics s = RouterData::open(dir / "logits.safetensors").statistics(router(), 1);
  CheckpointWriter writer(dir.path(), {"s.safetensors"}, "", {{}});
  writer.declare("layer.3.tokens", Dtype::i64, {1}, 0);
  writer.declare("layer.3.gram", Dtype::f64, {6, 6}, 0);
  writer.declare("layer.3.logit_sum", Dtype::f64, {6}, 0);
  writer.declare("layer.3.selected", Dtype::i64, {6}, 0);
  writer.declare("layer.3.gate_sum", Dtype::f64, {6}, 0);
  writer.declare("layer.3.gated_norm_sum", Dtype::f64, {6}, 0);
  writer.begin();
  writer.write("layer.3.tokens", std::as_bytes(std::span(&s.tokens, 1)));
  writer.write("layer.3.gram", std::as_bytes(std::span(s.gram.data(), 36)));
  writer.write("layer.3.logit_sum", std::as_bytes(std::span(s.logit_sum)));
  writer.write("layer.3.selected", std::as_bytes(std::span(s.selected)));
  writer.write("layer.3.gate_sum", std::as_bytes(std::span(s.gate_sum)));
  writer.write("layer.3.gated_norm_sum", std::as_bytes(std::span(s.gate_sum)));
  writer.finish();
  const RouterStatistics read = RouterData::open(dir / "s.safetensors").statistics(router(), 1);
  EXPECT_TRUE(read.gram == s.gram);
  EXPECT_EQ(read.selected, s.selected);
  EXPECT_EQ(read.gated_norm_sum, s.gate_sum);
  RouterKind other = router();
  other.top_k = 3;
  expect_input_error([&] { RouterData::open(dir / "s.safetensors").statistics(other, 1); },
                     "E_VALUE", "layer 3", "selections");
  other = router();
  other.layer = 4;
  expect_input_error([&] { RouterData::open(dir / "s.safetensors").statistics(other, 1); },
                     "E_MISSING", "layer 4");
}

void refused(const std::string& descr, const std::string& shape, const std::string& data,
             const std::string& code, const std::string& part) {
  const TemporaryDirectory dir;
  dir.write("layer_3.npy", npy(descr, shape, data));
  expect_input_error([&] { RouterData::open(dir.path()).statistics(router(), 1); }, code, part,
                     "layer_3.npy");
}

TEST(RouterData, WrongWidthTypeAndLengthAreRefused) {
  refused("<f4", "(2, 5)", std::string(40, '\0'), "E_VALUE", "[2, 5]");
  refused("<f4", "(12,)", std::string(48, '\0'), "E_VALUE", "[12]");
  refused("<f4", "(0, 6)", "", "E_VALUE", "[0, 6]");
  refused("<i8", "(1, 6)", std::string(48, '\0'), "E_TYPE", "I64");
  refused(">f4", "(1, 6)", std::string(24, '\0'), "E_SYNTAX", ">f4");
  refused("<f4", "(2, 6)", std::string(47, '\0'), "E_SYNTAX", "48");
  const TemporaryDirectory dir;
  dir.write("layer_3.npy", npy("<f4", "(1, 6)", std::string(24, '\0'), "True"));
  expect_input_error([&] { RouterData::open(dir.path()).statistics(router(), 1); }, "E_SYNTAX",
                     "Fortran");
  dir.write("layer_3.npy", "not numpy at all");
  expect_input_error([&] { RouterData::open(dir.path()).statistics(router(), 1); }, "E_SYNTAX",
                     "no .npy");
  expect_input_error([&] { RouterData::open(dir / "nowhere").statistics(router(), 1); }, "E_IO",
                     "nowhere");
}

TEST(RouterData, NumbersThatCannotBeAreRefused) {
  std::vector<float> logits(60);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    logits[i] = static_cast<float>((i * 37) % 61);
  }
  const auto with = [&](std::size_t at, float value) {
    auto changed = logits;
    changed[at] = value;
    return std::string(reinterpret_cast<const char*>(changed.data()), changed.size() * 4);
  };
  refused("<f4", "(10, 6)", with(20, std::numeric_limits<float>::quiet_NaN()), "E_VALUE",
          "token 3");
  refused("<f4", "(10, 6)", with(59, -std::numeric_limits<float>::infinity()), "E_VALUE",
          "token 9");
  std::fill(logits.begin() + 24, logits.begin() + 30, 1.0f);
  refused("<f4", "(10, 6)", with(0, 3.0f), "E_VALUE", "token 4: all logits are equal");
}

TEST(RouterData, GroupLimitedRoutersNeedStatistics) {
  const TemporaryDirectory dir;
  tests::write_logits(dir / "logits.safetensors", {3}, 50, {});
  RouterKind limited = router();
  limited.group_limited = true;
  expect_input_error([&] { RouterData::open(dir / "logits.safetensors").statistics(limited, 1); },
                     "E_VALUE", "groups of experts");
}

}  // namespace
}  // namespace moeplan::models
