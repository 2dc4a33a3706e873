// ModelStepCost: attention of prompts and of decoding sequences (serving.md 2).

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/units/require.hpp"
#include "sim/serving/model_step_sum.hpp"

namespace moeplan::sim {
namespace {

constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

models::AttentionShape rank_shape(const models::GroupedQueryAttention& gqa, const Deployment& d) {
  const std::int64_t tp = d.candidate.tensor_parallel;
  return {.heads = gqa.heads / tp,
          .kv_heads = std::max<std::int64_t>(1, gqa.kv_heads / tp),
          .head_dim = gqa.head_dim,
          .kv_precision = d.scenario->kv_precision};
}

models::LatentShape rank_shape(const models::LatentAttention& mla, const Deployment& d) {
  return {.heads = mla.heads / d.candidate.tensor_parallel,
          .kv_lora_rank = mla.kv_lora_rank,
          .qk_nope_head_dim = mla.qk_nope_head_dim,
          .qk_rope_head_dim = mla.qk_rope_head_dim,
          .v_head_dim = mla.v_head_dim,
          .kv_precision = d.scenario->kv_precision};
}

double window_of(const models::GroupedQueryAttention& gqa) {
  return gqa.window ? static_cast<double>(*gqa.window) : std::numeric_limits<double>::infinity();
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

// The products with weights around attention that run for all tokens of the rank together.
void ModelStepCost::add_projections(const models::Attention& attention, std::int64_t tokens,
                                    double count, Sum& sum) const {
  const auto t = static_cast<double>(tokens);
  const std::int64_t h = d_.architecture.hidden;
  if (const auto* mla = std::get_if<models::LatentAttention>(&attention)) {
    // Rotary embedding and the norms of the ranks are in the law of the block.
    for (const models::ProductShape& product :
         models::latent_projections(rank_shape(*mla, d_), h, mla->q_lora_rank)) {
      sum.add(Phase::projection, laws_.dense.estimate(t, product.columns, product.inner), dense_,
              count);
    }
    return;
  }
  const auto& gqa = std::get<models::GroupedQueryAttention>(attention);
  const models::AttentionShape shape = rank_shape(gqa, d_);
  // One rotary kernel reads and writes q and k.
  const double rotary = t * static_cast<double>((shape.heads + shape.kv_heads) * shape.head_dim);
  sum.add(Phase::norm, laws_.stream.estimate(Bytes(2.0 * rotary * row_bytes_)), stream_, count);
  sum.add(Phase::projection,
          laws_.dense.estimate(t, (shape.heads + 2 * shape.kv_heads) * shape.head_dim, h), dense_,
          count);
  sum.add(Phase::projection, laws_.dense.estimate(t, h, shape.heads * shape.head_dim), dense_,
          count);
  if (gqa.qk_norm_whole && d_.candidate.tensor_parallel > 1) {
    // A norm over the heads of all ranks: q and k each share an fp32 sum of squares per token
    // (vLLM 0.19, MiniMaxText01RMSNormTP; OLMoE gathers q and k instead, which costs more).
    sum.add(Phase::allreduce,
            laws_.collective.estimate(models::Collective::all_reduce, d_.candidate.tensor_parallel,
                                      Bytes(8.0 * t)),
            allreduce_, count);
  }
}

ModelStepCost::DecodeAttention ModelStepCost::price_decode(std::int64_t sequences) const {
  DecodeAttention result{
      .base = {}, .fs_per_kv_token = 0, .windowed = {}, .kv_tokens_inside = kUnlimited};
  Sum sum;
  const auto n = static_cast<double>(sequences);
  double unbounded = 0.0;  // seconds per KV token, all layers without a window
  for (const AttentionGroup& group : attention_) {
    models::AttentionLatency::DecodeLine line;
    std::int64_t most = kUnlimited;  // KV tokens read
    const auto* gqa = std::get_if<models::GroupedQueryAttention>(&group.attention);
    const LawUse& use = gqa != nullptr ? decode_ : mla_;
    if (gqa != nullptr) {
      line = laws_.attention.decode_line(rank_shape(*gqa, d_), n);
      most = gqa->window ? sequences * *gqa->window : kUnlimited;
    } else {
      const models::LatentShape shape =
          rank_shape(std::get<models::LatentAttention>(group.attention), d_);
      line = laws_.mla.decode_line(shape, n);
      const models::ProductShape absorbed = models::latent_expansion(shape);
      sum.add(Phase::projection, laws_.plain.estimate(n, absorbed.columns, absorbed.inner), dense_,
              group.count);
    }
    sum.add(Phase::attention, {line.base, line.kv_tokens_inside < 0.0}, use, group.count);
    const double slope = line.per_kv_token.value() * group.count * use.bias;
    if (most < kUnlimited) {
      result.windowed.push_back({.kv_tokens = most, .fs_per_kv_token = std::llround(slope * 1e15)});
    } else {
      unbounded += slope;
    }
    if (line.kv_tokens_inside >= 0.0 && line.kv_tokens_inside < static_cast<double>(most)) {
      result.kv_tokens_inside = std::min(
          result.kv_tokens_inside, static_cast<std::int64_t>(std::floor(line.kv_tokens_inside)));
      result.outside |= use.bit;
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

// Attention of all prompts of a step in the layers of one group.
void ModelStepCost::add_prompts(const AttentionGroup& group, const RankBatch& batch,
                                Sum& sum) const {
  if (const auto* gqa = std::get_if<models::GroupedQueryAttention>(&group.attention)) {
    models::PrefillBatch prompts;
    for (const PrefillPiece& piece : batch.prefill) {
      prompts.add(static_cast<double>(piece.chunk), static_cast<double>(piece.history), 1.0,
                  window_of(*gqa));
    }
    sum.add(Phase::attention, laws_.attention.prefill(rank_shape(*gqa, d_), prompts), prefill_,
            group.count);
    return;
  }
  const models::LatentShape shape =
      rank_shape(std::get<models::LatentAttention>(group.attention), d_);
  const models::ProductShape expansion = models::latent_expansion(shape);
  const double longest = laws_.mla.absorbed_up_to(shape);
  models::PrefillBatch absorbed;
  models::PrefillBatch expanded;
  for (const PrefillPiece& piece : batch.prefill) {
    const auto chunk = static_cast<double>(piece.chunk);
    (chunk <= longest ? absorbed : expanded).add(chunk, static_cast<double>(piece.history));
  }
  if (absorbed.tokens > 0.0) {
    // They run in the kernels of the decoding sequences, where there are any.
    sum.add(Phase::projection,
            laws_.plain.estimate(absorbed.tokens, expansion.columns, expansion.inner), dense_,
            group.count);
    sum.add(Phase::attention,
            laws_.mla.prefill(shape, models::LatentPath::absorbed, absorbed,
                              batch.decode_sequences == 0),
            mla_, group.count);
  }
  if (expanded.tokens > 0.0) {
    sum.add(Phase::projection,
            laws_.dense.estimate(expanded.tokens, expansion.columns, expansion.inner), dense_,
            group.count);
    sum.add(Phase::attention, laws_.mla.prefill(shape, models::LatentPath::expanded, expanded),
            mla_, group.count);
  }
}

PhaseTimes ModelStepCost::price_attention(const RankBatch& batch) {
  PhaseTimes times;
  if (batch.decode_sequences > 0) {
    const DecodeLine line = decode_attention(batch.decode_sequences, batch.decode_kv_tokens);
    times = line.base;
    times.set(Phase::attention,
              times[Phase::attention] + SimDuration(line.attention_ps(batch.decode_kv_tokens)));
    if (batch.decode_kv_tokens > line.kv_tokens_inside) {
      used_outside_ |= by_decode_sequences_.at(batch.decode_sequences)->outside;
    }
  }
  if (batch.prefill.empty()) {
    return times;
  }
  Sum sum;
  for (const AttentionGroup& group : attention_) {
    add_prompts(group, batch, sum);
  }
  times += use(sum.priced());
  return times;
}

}  // namespace moeplan::sim
