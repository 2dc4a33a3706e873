#include "models/architecture/checked_product.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeplan::models {
namespace {

// Sum with a flag instead of wrapping.
struct CheckedSum {
  std::int64_t value = 0;
  bool overflow = false;
  void add(std::int64_t term) {
    overflow = __builtin_add_overflow(value, term, &value) || overflow;
  }
};

std::int64_t product(std::initializer_list<Factor> factors) {
  std::int64_t result = 1;
  for (const Factor& factor : factors) {
    result *= factor.value;
  }
  return result;
}

// Adds the product to the sum, or says why not.
std::optional<std::string> add(CheckedSum& sum, std::initializer_list<Factor> factors) {
  if (std::optional<std::string> problem = overflow_of(factors)) {
    return problem;
  }
  sum.add(product(factors));
  return std::nullopt;
}

std::optional<std::string> add_attention(CheckedSum& sum, const Attention& attention,
                                         std::int64_t hidden) {
  if (const auto* gqa = std::get_if<GroupedQueryAttention>(&attention)) {
    return add(sum, {{"q, k, v, o", 4},
                     {"heads", gqa->heads},
                     {"head_dim", gqa->head_dim},
                     {"hidden", hidden}});
  }
  const auto& mla = std::get<LatentAttention>(attention);
  const std::int64_t rank = std::max(mla.kv_lora_rank, mla.q_lora_rank.value_or(hidden));
  if (auto problem = add(sum, {{"down projections", 2}, {"rank", rank}, {"hidden", hidden}})) {
    return problem;
  }
  const std::int64_t width = std::max(mla.qk_nope_head_dim + mla.qk_rope_head_dim, mla.v_head_dim);
  return add(sum, {{"q, k, v, o", 4},
                   {"heads", mla.heads},
                   {"head width", width},
                   {"rank or hidden", std::max(rank, hidden)}});
}

std::optional<std::string> add_ffn(CheckedSum& sum, const Ffn& ffn,
                                   const SmoeArchitecture& architecture) {
  if (const auto* dense = std::get_if<DenseFfn>(&ffn)) {
    return add(sum, {{"matrices", dense->gated ? 3 : 2},
                     {"hidden", architecture.hidden},
                     {"intermediate", dense->intermediate}});
  }
  const auto& moe = std::get<MoeFfn>(ffn);
  if (auto problem = overflow_of({{"max_positions", architecture.max_positions},
                                  {"top_k", moe.top_k},
                                  {"hidden", architecture.hidden}})) {
    return problem;
  }
  if (auto problem = add(sum, {{"matrices", 3},
                               {"hidden", architecture.hidden},
                               {"shared intermediate", moe.shared_intermediate}})) {
    return problem;
  }
  return add(sum, {{"experts", moe.experts},
                   {"matrices", moe.gated ? 3 : 2},
                   {"hidden", architecture.hidden},
                   {"intermediate", moe.intermediate}});
}

}  // namespace

std::optional<std::string> overflow_of(std::initializer_list<Factor> factors) {
  std::int64_t result = 1;
  bool overflow = false;
  for (const Factor& factor : factors) {
    overflow = __builtin_mul_overflow(result, factor.value, &result) || overflow;
    if (factor.value == 0) {
      return std::nullopt;
    }
  }
  if (!overflow) {
    return std::nullopt;
  }
  std::string names;
  std::string values;
  for (const Factor& factor : factors) {
    const char* times = names.empty() ? "" : " x ";
    names += times + std::string(factor.name);
    values += fmt::format("{}{}", times, factor.value);
  }
  return fmt::format("{} = {} is above 2^63 - 1", names, values);
}

std::optional<std::string> overflow_of(const SmoeArchitecture& architecture) {
  CheckedSum sum;
  if (auto problem = add(sum, {{"embeddings and lm_head", 2},
                               {"vocabulary", architecture.vocabulary},
                               {"hidden", architecture.hidden}})) {
    return problem;
  }
  if (auto problem = add(
          sum, {{"max_positions", architecture.max_positions}, {"hidden", architecture.hidden}})) {
    return problem;
  }
  for (std::size_t i = 0; i < architecture.layers.size(); ++i) {
    const Layer& layer = architecture.layers[i];
    std::optional<std::string> problem = add_attention(sum, layer.attention, architecture.hidden);
    if (!problem && layer.cross_attention) {
      problem = add_attention(sum, layer.attention, architecture.hidden);
    }
    if (!problem) {
      problem = add_ffn(sum, layer.ffn, architecture);
    }
    if (problem) {
      return fmt::format("layer {}: {}", i, *problem);
    }
    if (sum.overflow) {
      return fmt::format("the parameters of layers 0 to {} add up to more than 2^63 - 1", i);
    }
  }
  return std::nullopt;
}

}  // namespace moeplan::models
