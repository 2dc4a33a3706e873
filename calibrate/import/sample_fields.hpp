#pragma once
// Private to calibrate/import: the fields of each kind of sample, listed once for writer and
// reader of our own format. `io` has one overload a type and sees every field in file order.

#include "models/latency/kernel_sample.hpp"

namespace moeplan::calibrate {

template <class Io, class Origin>
void origin_fields(Io& io, Origin& origin) {
  io.text("kernel_source", origin.kernel_source);
  io.precision("precision", origin.precision);
  io.whole("line", origin.line, 0);
  io.positive("seconds_s", origin.seconds);
  io.flag("host_launched", origin.host_launched);
  io.flag("repeated", origin.repeated);
  io.durations("launch_seconds_s", origin.launch_seconds);
}

template <class Io>
void fields(Io& io, auto& sample) requires requires {
  sample.load;
}
{
  origin_fields(io, sample.origin);
  io.text("distribution", sample.distribution);
  io.part("part", sample.part);
  io.whole("hidden", sample.shape.hidden, 1);
  io.whole("intermediate", sample.shape.intermediate, 1);
  io.whole("intermediate_full", sample.intermediate_full, 1);
  io.whole("top_k", sample.shape.top_k, 1);
  io.whole("experts", sample.shape.experts, 1);
  io.whole("local_experts", sample.shape.local_experts, 1);
  io.flag("gated", sample.shape.gated);
  io.number("tokens", sample.load.tokens);
  io.number("pairs", sample.load.pairs);
  io.number("active_experts", sample.load.active_experts);
}

template <class Io>
void fields(Io& io, auto& sample) requires requires {
  sample.product_alone;
}
{
  origin_fields(io, sample.origin);
  io.number("rows", sample.rows);
  io.whole("columns", sample.columns, 1);
  io.whole("inner", sample.inner, 1);
  io.flag("product_alone", sample.product_alone);
}

template <class Io>
void fields(Io& io, auto& sample) requires requires {
  sample.shape.head_dim;
}
{
  origin_fields(io, sample.origin);
  io.whole("heads", sample.shape.heads, 1);
  io.whole("kv_heads", sample.shape.kv_heads, 1);
  io.whole("head_dim", sample.shape.head_dim, 1);
  io.precision("kv_precision", sample.shape.kv_precision);
  io.flag("decode", sample.decode);
  io.number("sequences", sample.sequences);
  io.number("chunk_tokens", sample.chunk);
  io.number("history_tokens", sample.history);
}

template <class Io>
void fields(Io& io, auto& sample) requires requires {
  sample.q_lora_rank;
}
{
  origin_fields(io, sample.origin);
  io.whole("heads", sample.shape.heads, 1);
  io.set_flag("kernel_alone", sample.kernel_alone);
  io.whole("kv_lora_rank", sample.shape.kv_lora_rank, 0);
  io.whole("qk_nope_head_dim", sample.shape.qk_nope_head_dim, 0);
  io.whole("qk_rope_head_dim", sample.shape.qk_rope_head_dim, 0);
  io.whole("v_head_dim", sample.shape.v_head_dim, 0);
  io.precision("kv_precision", sample.shape.kv_precision);
  io.whole("hidden", sample.hidden, 0);
  io.whole("q_lora_rank", sample.q_lora_rank, 0);
  io.flag("decode", sample.decode);
  io.path("path", sample.path);
  io.number("sequences", sample.sequences);
  io.number("chunk_tokens", sample.chunk);
  io.number("history_tokens", sample.history);
}

template <class Io>
void fields(Io& io, auto& sample) requires requires {
  sample.collective;
}
{
  origin_fields(io, sample.origin);
  io.collective("collective", sample.collective);
  io.whole("ranks", sample.ranks, 2);
  io.whole("nodes", sample.nodes, 1);
  io.number("size_bytes", sample.bytes);
}

template <class Io>
void fields(Io& io, auto& sample) requires requires {
  sample.layer;
}
{
  origin_fields(io, sample.origin);
  io.text("kernel", sample.kernel);
  io.text("layer", sample.layer);
  io.number("moved_bytes", sample.bytes);
}

template <class Io>
void fields(Io& io, auto& sample) requires requires {
  sample.phase;
}
{
  origin_fields(io, sample.origin);
  io.phase("phase", sample.phase);
  io.whole("ranks", sample.ranks, 2);
  io.whole("nodes", sample.nodes, 1);
  io.whole("tokens_per_rank", sample.tokens, 1);
  io.whole("hidden", sample.hidden, 1);
  io.whole("top_k", sample.top_k, 1);
  io.whole("experts", sample.experts, 1);
  io.whole("multiprocessors", sample.multiprocessors, 0);
}

// visit(key of the section, vector), for every kind in file order.
template <class File, class Visit>
void sections_of(File& file, Visit visit) {
  visit("experts", file.experts);
  visit("dense", file.dense);
  visit("attention", file.attention);
  visit("latent_attention", file.latent);
  visit("collectives", file.collectives);
  visit("streams", file.streams);
  visit("exchanges", file.exchanges);
}

}  // namespace moeplan::calibrate
