// Totals of the catalog against the counts that the makers publish. Tolerance: half a unit of the
// last published digit, unless the row says why it is wider.

#include <gtest/gtest.h>

#include "models/architecture/counts.hpp"
#include "models/architecture/read_architecture.hpp"
#include "tests/support/locations.hpp"

namespace moeplan::tests {
namespace {

struct Published {
  const char* id;
  double total;  // 1e9 parameters
  double total_tolerance;
  double active;  // 1e9, 0: dense or not published
  double active_tolerance;
  // Active counts of some makers leave out the input embeddings, or all embeddings.
  enum class Embeddings { counted, input_left_out, left_out } embeddings = Embeddings::counted;
};

using enum Published::Embeddings;

// Sources: the _source of each file in models/data/architectures, which names where the published
// count was read.
const Published kPublished[] = {
    {"llama-3.1-405b", 405.0, 1.0, 0, 0},  // 405.85; published rounded down
    {"qwen2.5-72b", 72.7, 0.05, 0, 0},
    {"qwen3-coder-480b-a35b", 480.0, 0.5, 35.0, 0.5},
    {"qwen1.5-moe-a2.7b", 14.3, 0.05, 2.7, 0.05},
    {"qwen2-57b-a14b", 57.0, 0.5, 14.0, 0.5},
    {"olmoe-1b-7b", 6.9, 0.05, 1.3, 0.05},
    {"dbrx", 132.0, 0.5, 36.0, 0.5},
    {"deepseek-v2-lite", 15.7, 0.05, 2.4, 0.06, input_left_out},  // 2.451; published rounded down
    {"deepseek-v2", 236.0, 0.5, 21.0, 0.5},
    {"deepseek-v3", 671.0, 0.5, 37.0, 0.6},
    // 1.03 T, 32.9 B with embeddings; published as "1T" and "32B".
    {"kimi-k2", 1000.0, 50.0, 32.0, 0.5, input_left_out},
    {"gpt-oss-120b", 116.8, 0.05, 5.1, 0.05, input_left_out},
    {"gpt-oss-20b", 20.9, 0.05, 3.6, 0.05, input_left_out},
    // Published with the vision tower (34 layers of 1408, about 0.9 B), which is not counted.
    {"llama-4-scout", 109.0, 1.5, 17.0, 0.5},
    {"llama-4-maverick", 400.0, 1.0, 17.0, 0.5},
    // Published with the MTP layer in one count and without in another: 1 %.
    {"glm-4.5", 355.0, 3.55, 32.0, 0.5, left_out},
    {"glm-4.5-air", 106.0, 1.06, 12.0, 0.5, left_out},
    {"ernie-4.5-21b-a3b", 21.0, 1.0, 3.0, 0.5},  // 21.8; published rounded down
    {"ernie-4.5-300b-a47b", 300.0, 0.6, 47.0, 0.5, input_left_out},
    {"minimax-m2", 230.0, 1.5, 10.0, 0.5,
     input_left_out},  // 228.7 without MTP; published rounded to ten
    {"mimo-v2-flash", 309.0, 0.5, 15.0, 0.5},
    {"gemma-4-26b-a4b", 25.2, 0.05, 3.8, 0.05},
    // 196.9 B with embeddings, 11.4 B; published as "196B" and "11B".
    {"step-3.7-flash", 196.0, 1.0, 11.0, 0.5, input_left_out},
    {"nllb-moe-54b", 54.5, 0.05, 0, 0},
};

TEST(PublishedTotals, Catalog) {
  for (const Published& row : kPublished) {
    SCOPED_TRACE(row.id);
    const models::SmoeArchitecture a =
        models::read_catalog_architecture(data_dir() / "architectures", row.id);
    const models::Parameters p = models::count_parameters(a);
    EXPECT_NEAR(static_cast<double>(p.total()) / 1e9, row.total, row.total_tolerance);
    if (row.active > 0) {
      std::int64_t active = p.active;
      active -= row.embeddings == Published::Embeddings::counted ? 0 : p.embeddings;
      active -= row.embeddings == Published::Embeddings::left_out ? p.lm_head : 0;
      EXPECT_NEAR(static_cast<double>(active) / 1e9, row.active, row.active_tolerance);
    }
  }
}

// The index of Qwen/Qwen3-8B states total_size 16,381,470,720 bytes of bf16.
TEST(PublishedTotals, Qwen3_8BToTheByte) {
  const models::SmoeArchitecture a =
      models::read_catalog_architecture(data_dir() / "architectures", "qwen3-8b");
  EXPECT_EQ(models::count_parameters(a).total() * 2, 16'381'470'720);
}

// The MoE weights of gpt-oss in MXFP4 are 4.25 bits each (model card): 36 x 128 x 3 x 2880^2.
TEST(PublishedTotals, GptOssExpertBytes) {
  const models::SmoeArchitecture a =
      models::read_catalog_architecture(data_dir() / "architectures", "gpt-oss-120b");
  const models::RankWeights w = models::rank_weights(a, {}, a.weight_precision);
  EXPECT_DOUBLE_EQ(w.experts.value(), 36.0 * 128.0 * 3.0 * 2880.0 * 2880.0 * 4.25 / 8.0);
}

}  // namespace
}  // namespace moeplan::tests
