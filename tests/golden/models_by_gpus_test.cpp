// Every model of the catalog on four GPUs gives the stored table: a changed law, count or memory
// rule is seen here with its size. One command rewrites it (results/README.md).

#include "tests/golden/models_by_gpus.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/golden.hpp"
#include "tests/support/locations.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

const std::vector<ModelOnGpu>& table() {
  static const std::vector<ModelOnGpu> made = models_by_gpus();
  return made;
}

TEST(ModelsByGpus, AreTheStoredOnes) {
  const std::filesystem::path folder = source_dir() / "results/golden";
  const std::string csv = models_by_gpus_csv(table());
  expect_golden_numbers(folder / "models_by_gpus.csv", csv);
  // The readable table rounds the same numbers; elsewhere a last digit may round the other way.
  const std::filesystem::path stored = folder / "models_by_gpus.csv";
  if (!std::filesystem::exists(stored) || read_bytes(stored) == csv) {
    expect_golden(folder / "models_by_gpus.md", models_by_gpus_markdown(table()));
  }
}

TEST(ModelsByGpus, CoverThirtyModelsAndSayWhyNot) {
  std::set<std::string> models;
  std::set<std::string> run_on_h100;
  for (const ModelOnGpu& cell : table()) {
    models.insert(cell.model);
    if (cell.reason.empty()) {
      EXPECT_GT(cell.decode.times.total().picoseconds(), 0) << cell.model;
      EXPECT_GT(cell.prefill.times.total().picoseconds(), 0) << cell.model;
      if (cell.gpu == "h100-sxm") {
        run_on_h100.insert(cell.model);
      }
    } else {
      EXPECT_EQ(cell.candidate.gpus, 1) << "no layout is left behind: " << cell.model;
    }
  }
  EXPECT_GE(models.size(), 30u);
  EXPECT_EQ(table().size(), 4 * models.size());
  EXPECT_GE(run_on_h100.size(), 25u);
  EXPECT_EQ(run_on_h100.count("nllb-moe-54b"), 0u) << "an encoder-decoder is not served";
}

// 46.7 B weights of 2 B are 87 GiB: more than the usable 71.7 GiB of one H100; two hold 43.5 GiB
// each and half of 64 x 2048 x 128 KiB = 16 GiB of cache.
TEST(ModelsByGpus, MixtralNeedsTwoH100) {
  for (const ModelOnGpu& cell : table()) {
    if (cell.model == "mixtral-8x7b" && cell.gpu == "h100-sxm") {
      EXPECT_EQ(cell.candidate.gpus, 2);
      return;
    }
  }
  ADD_FAILURE() << "no such row";
}

}  // namespace
}  // namespace moeplan::tests
