// ModelStepCost: attention of prompts and of decoding sequences (serving.md 2).

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/units/require.hpp"
#include "sim/serving/model_step_sum.hpp"

namespace moeplan::sim {
namespace {

constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

models::AttentionShape rank_shape(const models::GroupedQueryAttention& gqa, int tp,
                                  models::Precision kv_precision) {
  return {.heads = gqa.heads / tp,
          .kv_heads = std::max<std::int64_t>(1, gqa.kv_heads / tp),
          .head_dim = gqa.head_dim,
          .kv_precision = kv_precision};
}

}  // namespace

void ModelStepCost::prepare_attention() {
  for (const models::Layer& layer : d_.architecture.layers) {
    const auto same =
        std::find_if(attention_.begin(), attention_.end(),
                     [&](const AttentionGroup& g) { return g.attention == layer.attention; });
    if (same == attention_.end()) {
      attention_.push_back({layer.attention, 1.0});
    } else {
      same->count += 1.0;
    }
  }
}

ModelStepCost::DecodeAttention ModelStepCost::price_decode(std::int64_t sequences) const {
  DecodeAttention result{
      .base = {}, .fs_per_kv_token = 0, .windowed = {}, .kv_tokens_inside = kUnlimited};
  Sum sum;
  double unbounded = 0.0;  // seconds per KV token, all layers without a window
  for (const AttentionGroup& group : attention_) {
    const auto& gqa = std::get<models::GroupedQueryAttention>(group.attention);
    const models::AttentionLatency::DecodeLine line = laws_.attention.decode_line(
        rank_shape(gqa, d_.candidate.tensor_parallel, d_.scenario->kv_precision),
        static_cast<double>(sequences));
    sum.add(Phase::attention, {line.base, line.kv_tokens_inside < 0.0}, decode_, group.count);
    const double slope = line.per_kv_token.value() * group.count * decode_.bias;
    const std::int64_t most = gqa.window ? sequences * *gqa.window : kUnlimited;
    if (gqa.window) {
      result.windowed.push_back({.kv_tokens = most, .fs_per_kv_token = std::llround(slope * 1e15)});
    } else {
      unbounded += slope;
    }
    if (line.kv_tokens_inside >= 0.0 && line.kv_tokens_inside < static_cast<double>(most)) {
      result.kv_tokens_inside = std::min(
          result.kv_tokens_inside, static_cast<std::int64_t>(std::floor(line.kv_tokens_inside)));
    }
  }
  result.fs_per_kv_token = std::llround(unbounded * 1e15);
  result.base = sum.priced();
  return result;
}

// Attention alone of the line's piece at kv_tokens; windows that are full have become constants.
DecodeLine ModelStepCost::decode_attention(std::int64_t sequences, std::int64_t kv_tokens) {
  const DecodeAttention& all =
      kept(by_decode_sequences_, sequences, [&] { return price_decode(sequences); });
  DecodeLine line{.base = use(all.base),
                  .attention_fs_per_kv_token = all.fs_per_kv_token,
                  .kv_tokens_inside = all.kv_tokens_inside};
  std::int64_t full = 0;  // ps
  for (const DecodeAttention::Windowed& windowed : all.windowed) {
    if (kv_tokens > windowed.kv_tokens) {
      full += windowed.kv_tokens * windowed.fs_per_kv_token / 1000;
      line.kv_tokens_from = std::max(line.kv_tokens_from, windowed.kv_tokens + 1);
    } else {
      line.attention_fs_per_kv_token += windowed.fs_per_kv_token;
      line.kv_tokens_to = std::min(line.kv_tokens_to, windowed.kv_tokens);
    }
  }
  line.base.set(Phase::attention, line.base[Phase::attention] + SimDuration(full));
  return line;
}

PhaseTimes ModelStepCost::price_attention(const RankBatch& batch) {
  PhaseTimes times;
  if (batch.decode_sequences > 0) {
    const DecodeLine line = decode_attention(batch.decode_sequences, batch.decode_kv_tokens);
    times = line.base;
    times.set(Phase::attention,
              times[Phase::attention] + SimDuration(line.attention_ps(batch.decode_kv_tokens)));
    if (batch.decode_kv_tokens > line.kv_tokens_inside) {
      used_outside_ |= decode_.bit;
    }
  }
  if (batch.prefill.empty()) {
    return times;
  }
  Sum sum;
  for (const AttentionGroup& group : attention_) {
    const auto& gqa = std::get<models::GroupedQueryAttention>(group.attention);
    models::PrefillBatch prompts;
    for (const PrefillPiece& piece : batch.prefill) {
      prompts.add(
          static_cast<double>(piece.chunk), static_cast<double>(piece.history), 1.0,
          gqa.window ? static_cast<double>(*gqa.window) : std::numeric_limits<double>::infinity());
    }
    sum.add(Phase::attention,
            laws_.attention.prefill(
                rank_shape(gqa, d_.candidate.tensor_parallel, d_.scenario->kv_precision), prompts),
            prefill_, group.count);
  }
  times += use(sum.priced());
  return times;
}

}  // namespace moeplan::sim
