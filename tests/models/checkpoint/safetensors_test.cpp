// Are good files read as they are, and bad ones (C3 27 to 34) refused before anything is read?
#include <gtest/gtest.h>

#include "models/checkpoint/checkpoint.hpp"
#include "tests/models/checkpoint/small_models.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::models {
namespace {

using tests::expect_input_error;
using tests::safetensors_bytes;
using tests::TemporaryDirectory;

// Bytes by hand: two tensors, 1.0f and 2.0f little-endian, then one u8.
TEST(Safetensors, ReadsBytesMadeByHand) {
  const TemporaryDirectory dir;
  std::string bytes = safetensors_bytes(
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"U8","shape":[1],"data_offsets":[8,9]},)"
      R"("a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}})",
      0);
  bytes += std::string("\x00\x00\x80\x3f\x00\x00\x00\x40\x07", 9);
  const Checkpoint checkpoint = Checkpoint::open(dir.write("x.safetensors", bytes));
  EXPECT_EQ(tests::numbers_of(checkpoint, "a"), (std::vector<float>{1.0f, 2.0f}));
  EXPECT_EQ(checkpoint.tensor("a").info.shape, (std::vector<std::int64_t>{2, 1}));
  EXPECT_EQ(checkpoint.bytes(checkpoint.tensor("b"))[0], std::byte{7});
  EXPECT_EQ(checkpoint.metadata(0).at("format"), "pt");
}

void refused(const std::string& bytes, const std::string& code, const std::string& part) {
  const TemporaryDirectory dir;
  const auto path = dir.write("x.safetensors", bytes);
  expect_input_error([&] { Checkpoint::open(path); }, code, part);
}

std::string tensor(const std::string& name, const std::string& dtype, const std::string& shape,
                   const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":[)" + shape +
         R"(],"data_offsets":[)" + offsets + "]}";
}

TEST(Safetensors, ShortFilesAndLongHeadersAreRefused) {
  refused("", "E_SYNTAX", "0 bytes");
  refused("1234567", "E_SYNTAX", "7 bytes");                                               // 27
  refused(std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10), "E_LIMIT", "100000000");  // 28
  refused(std::string("\x09\0\0\0\0\0\0\0{}", 10), "E_SYNTAX", "longer than the file");
}

TEST(Safetensors, HeadersThatAreNoObjectAreRefused) {  // 29
  refused(safetensors_bytes("[]", 0), "E_SYNTAX", "no JSON object");
  refused(safetensors_bytes("", 0), "E_SYNTAX", "no JSON object");
  refused(safetensors_bytes("{\"a\":", 0), "E_SYNTAX", "header");
  refused(safetensors_bytes("{\"a\":5}", 0), "E_MISSING", "'a'");
  refused(safetensors_bytes("{\"__metadata__\":{\"a\":5}}", 0), "E_TYPE", "__metadata__");
}

TEST(Safetensors, OffsetsMustTileTheData) {  // 30
  const auto two = [](const std::string& first, const std::string& second, std::size_t data) {
    return safetensors_bytes(
        "{" + tensor("a", "U8", "4", first) + "," + tensor("b", "U8", "4", second) + "}", data);
  };
  EXPECT_NO_THROW({
    const TemporaryDirectory dir;
    Checkpoint::open(dir.write("x.safetensors", two("4,8", "0,4", 8)));
  });
  refused(two("0,4", "2,6", 6), "E_VALUE", "overlaps");
  refused(two("0,4", "5,9", 9), "E_VALUE", "hole");
  refused(two("0,4", "4,8", 7), "E_VALUE", "beyond the end");
  refused(two("4,0", "4,8", 8), "E_VALUE", "ends before it begins");
  refused(two("0,4", "4,8", 9), "E_VALUE", "behind the last tensor");
  refused(safetensors_bytes("{" + tensor("a", "U8", "1", "1,2") + "}", 2), "E_VALUE", "hole");
}

TEST(Safetensors, TypesAndShapesMustFit) {
  refused(safetensors_bytes("{" + tensor("a", "F12", "1", "0,4") + "}", 4), "E_VALUE",
          "F12");  // 31
  refused(safetensors_bytes("{" + tensor("a", "F32", "2", "0,4") + "}", 4), "E_VALUE", "8 bytes");
  refused(safetensors_bytes("{" + tensor("a", "F32", "4294967296,4294967296", "0,4") + "}", 4),
          "E_OVERFLOW", "'a'");
  refused(safetensors_bytes("{" + tensor("a", "F32", "-1", "0,4") + "}", 4), "E_RANGE", "-1");
  refused(safetensors_bytes(
              "{" + tensor("a", "U8", "1", "0,1") + "," + tensor("a", "U8", "1", "1,2") + "}", 2),
          "E_DUPLICATE", "'a'");  // 33
}

TEST(Safetensors, IndexAndShardsMustAgree) {  // 34
  const auto with_index = [](const std::string& index, const std::string& code,
                             const std::string& part) {
    const TemporaryDirectory dir;
    dir.write("s1.safetensors", safetensors_bytes("{" + tensor("a", "U8", "1", "0,1") + "}", 1));
    dir.write("model.safetensors.index.json", index);
    expect_input_error([&] { Checkpoint::open(dir.path()); }, code, part);
  };
  with_index(R"({"weight_map":{"a":"s2.safetensors"}})", "E_MISSING", "s2.safetensors");
  with_index(R"({"weight_map":{"a":"s1.safetensors","b":"s1.safetensors"}})", "E_MISSING", "'b'");
  with_index(R"({"weight_map":{"a":"../s1.safetensors"}})", "E_VALUE", "'a'");
  with_index(R"({"metadata":{}})", "E_MISSING", "weight_map");
  const TemporaryDirectory dir;
  dir.write("s1.safetensors", safetensors_bytes("{" + tensor("a", "U8", "1", "0,1") + "," +
                                                    tensor("b", "U8", "1", "1,2") + "}",
                                                2));
  dir.write("model.safetensors.index.json", R"({"weight_map":{"a":"s1.safetensors"}})");
  expect_input_error([&] { Checkpoint::open(dir.path()); }, "E_MISSING", "'b'");
  const TemporaryDirectory none;
  expect_input_error([&] { Checkpoint::open(none.path()); }, "E_MISSING", "no safetensors");
  expect_input_error([&] { Checkpoint::open(none / "x.safetensors"); }, "E_IO", "x.safetensors");
}

// A header cut or changed anywhere is refused or read, but never out of bounds.
TEST(Safetensors, EveryCutIsRefused) {
  const std::string whole = safetensors_bytes(
      "{" + tensor("a", "U8", "4", "0,4") + "," + tensor("b", "F16", "2", "4,8") + "}", 8);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const TemporaryDirectory dir;
    const auto path = dir.write("x.safetensors", whole.substr(0, size));
    EXPECT_THROW(Checkpoint::open(path), InputError) << size;
  }
}

TEST(CheckpointWriter, WritesWhatTheReaderReads) {
  const TemporaryDirectory dir;
  const tests::SmallModel model{.dtype = Dtype::bf16, .sharded = true};
  tests::write_small_model(dir.path(), "qwen3_moe", model);
  const Checkpoint checkpoint = Checkpoint::open(dir.path());
  EXPECT_TRUE(checkpoint.sharded());
  EXPECT_EQ(checkpoint.shard_names().size(), 2u);
  for (const auto& [name, shape] : tests::small_tensors("qwen3_moe", model)) {
    EXPECT_EQ(checkpoint.tensor(name).info.shape, shape);
  }
  EXPECT_EQ(checkpoint.tensors().size(), tests::small_tensors("qwen3_moe", model).size());
}

TEST(CheckpointWriter, WhatIsNotWrittenIsABug) {
  const TemporaryDirectory dir;
  CheckpointWriter writer(dir.path(), {"x.safetensors"}, "", {{}});
  writer.declare("a", Dtype::f32, {2}, 0);
  writer.begin();
  EXPECT_THROW(writer.finish(), std::logic_error);
  EXPECT_THROW(writer.write("b", {}), std::logic_error);
  EXPECT_THROW(writer.write("a", std::vector<std::byte>(9)), std::logic_error);
}

}  // namespace
}  // namespace moeplan::models
