#pragma once
// Import of Vidur's profiling tables (CSV): mlp.csv, attention.csv, all_reduce.csv.
// Source: github.com/microsoft/vidur, vidur/profiling/{mlp,attention,collectives}.

#include <string>

#include "models/latency/kernel_sample.hpp"

namespace moeplan::calibrate {

// Traps taken care of:
// - time_stats.<operation>.median is in ms. The tables have no MoE layers.
// - a first column without a name counts rows and is no part of the point.
// - mlp.csv: products (attn_pre_proj, attn_post_proj, mlp_up_proj, mlp_down_proj) and kernels that
//   pass data (norms, mlp_act, add, rope: family "permute"); widths are before the split over
//   num_tensor_parallel_workers; gated layers have two matrices in up_proj.
// - attention.csv: is_prefill rows time attn_prefill of prefill_chunk_size tokens after
//   kv_cache_size, the others attn_decode of batch_size sequences; n_q_head or n_head.
// - collectives: the same point stands there once for each rank: the slowest counts. size is in
//   bytes; devices_per_node below num_workers means several nodes. send_recv is refused.
// - the tables carry no dtype: Vidur profiles in 16 bits (fp16).
// - products that imply more than any device's rate, or that read megabytes at less than 10 GB/s,
//   are refused as another unit (E_UNIT): microseconds taken as milliseconds, or the reverse.
// Throws: InputError as import_measurements.
models::Measurements parse_vidur(const std::string& content, const std::string& file);

}  // namespace moeplan::calibrate
