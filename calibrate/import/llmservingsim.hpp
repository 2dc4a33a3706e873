#pragma once
// Import of LLMServingSim's layer profiles (CSV): one model under vLLM on one device.
// Source: github.com/casys-kaist/LLMServingSim, llmservingsim/profiler/core/ and profiler/v0/,
// commit 5daddb21a545658d5150b535712d0494584b5278.

#include <string>

#include "models/latency/kernel_sample.hpp"

namespace moeplan::calibrate {

// moe, attention, dense and per_sequence tables need the run's meta.yaml: beside X_tpN_moe.csv it
// is X_meta.yaml, above tpN/moe.csv it is meta.yaml. It names the model, whose shapes come from the
// catalog, and must agree with it.
// Traps taken care of:
// - times are in us (v0: `latency(ns)`, in ns).
// - hf_overrides of the meta file are of ONE rank at the largest tp_degrees (its last run), not of
//   the table's own tp: they are multiplied back before they are compared with the model.
// - moe.csv: routing is forced, so active experts are exact; the same experts' weights are read
//   again and again (marked repeated: from L2 where they fit it).
// - attention.csv: rows with a prefill chunk AND decodes are one mixed kernel: left out, with a
//   note; kv_decode counts the cached tokens, the new one is read too.
// - dense.csv and per_sequence.csv hold products (qkv_proj, o_proj, lm_head) and kernels that only
//   pass data (norms, rotary embedding, embedding, sampler: family "permute").
// - v0: the model is in the path; one matrix of one expert is a dense product.
// Throws: InputError as import_measurements; E_IO without meta.yaml, E_MISSING for a model that the
// catalog lacks, E_VALUE for unknown layers or a meta file of another shape.
models::Measurements parse_llmservingsim(const std::string& content, const std::string& file);

}  // namespace moeplan::calibrate
