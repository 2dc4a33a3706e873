// The committed architectures: every id reads, has a source and no unread MoE key.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/architecture/read_architecture.hpp"
#include "tests/models/architecture/configs.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/locations.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::filesystem::path folder() { return data_dir() / "architectures"; }

TEST(ArchitectureCatalog, Ids) {
  EXPECT_THAT(
      models::architecture_ids(folder()),
      ElementsAre("dbrx", "deepseek-v2", "deepseek-v2-lite", "deepseek-v3", "ernie-4.5-21b-a3b",
                  "ernie-4.5-300b-a47b", "gemma-4-26b-a4b", "glm-4.5", "glm-4.5-air",
                  "gpt-oss-120b", "gpt-oss-20b", "gpt2-medium", "kimi-k2", "llama-3.1-405b",
                  "llama-3.1-70b", "llama-3.1-8b", "llama-4-maverick", "llama-4-scout",
                  "mimo-v2-flash", "minimax-m2", "mixtral-8x22b", "mixtral-8x7b", "nllb-moe-54b",
                  "olmoe-1b-7b", "paper-124m-128e", "paper-124m-16e", "paper-124m-32e",
                  "paper-124m-64e", "paper-124m-8e", "paper-354m-128e", "paper-354m-32e",
                  "paper-354m-64e", "paper-354m-8e", "qwen1.5-moe-a2.7b", "qwen2-57b-a14b",
                  "qwen2.5-72b", "qwen3-235b-a22b", "qwen3-30b-a3b", "qwen3-32b", "qwen3-8b",
                  "qwen3-coder-480b-a35b", "step-3.7-flash"));
}

TEST(ArchitectureCatalog, EveryFileReads) {
  for (const std::string& id : models::architecture_ids(folder())) {
    SCOPED_TRACE(id);
    const models::SmoeArchitecture a = models::read_catalog_architecture(folder(), id);
    EXPECT_EQ(a.name, id);
    EXPECT_THAT(a.source, HasSubstr("read 2026-11-23"));
    for (const std::string& warning : a.warnings) {
      EXPECT_THAT(warning, ::testing::Not(HasSubstr("looks like")));
    }
  }
}

// The transcribed facts are those of the full file.
TEST(ArchitectureCatalog, FactsEqualTheFullConfig) {
  const models::SmoeArchitecture facts =
      models::read_catalog_architecture(folder(), "qwen3-30b-a3b");
  const models::SmoeArchitecture full = read_config(full_qwen3_moe());
  EXPECT_EQ(facts.layers, full.layers);
  EXPECT_EQ(facts.max_positions, full.max_positions);
  EXPECT_EQ(models::read_catalog_architecture(folder(), "mixtral-8x7b").layers,
            read_config(full_mixtral()).layers);
  EXPECT_EQ(models::read_catalog_architecture(folder(), "llama-3.1-8b").layers,
            read_config(full_llama()).layers);
}

TEST(ArchitectureCatalog, UnknownIdListsTheOthers) {
  expect_input_error([] { models::read_catalog_architecture(folder(), "qwen3-30b-a3"); }, "E_VALUE",
                     "qwen3-30b-a3", "mixtral-8x7b", "did you mean 'qwen3-30b-a3b'?");
  expect_input_error([] { models::read_catalog_architecture(folder(), "paper-354m-33e"); },
                     "E_VALUE", "paper-354m-32e");
}

TEST(ArchitectureCatalog, SourceIsRequired) {
  const TemporaryDirectory directory;
  directory.write("mine.json", full_llama());
  expect_input_error([&] { models::read_catalog_architecture(directory.path(), "mine"); },
                     "E_MISSING", "mine.json", "source");
  expect_input_error([&] { models::architecture_ids(directory / "nowhere"); }, "E_IO", "nowhere");
}

TEST(ReadArchitecture, PathsAndNames) {
  const TemporaryDirectory directory;
  directory.write("Qwen3-30B-A3B/config.json", full_qwen3_moe());
  EXPECT_EQ(models::read_architecture(directory / "Qwen3-30B-A3B").name, "Qwen3-30B-A3B");
  EXPECT_EQ(models::read_architecture(directory / "Qwen3-30B-A3B/config.json").name,
            "Qwen3-30B-A3B");
  EXPECT_EQ(models::read_architecture(directory.write("mine.json", full_llama())).name, "mine");
  const auto yaml = directory.write("m.yaml",
                                    "model_type: gpt2\nn_embd: 768\nn_layer: 12\n"
                                    "n_head: 12\nn_positions: 1024\nvocab_size: 50257\n"
                                    "torch_dtype: float32\n");
  EXPECT_EQ(models::read_architecture(yaml).hidden, 768);
  expect_input_error([&] { models::read_architecture(directory / "gone.json"); }, "E_IO",
                     "gone.json");
}

}  // namespace
}  // namespace moeplan::tests
