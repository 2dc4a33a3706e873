#pragma once
// Batches of one rank for laws about a step's price.

#include "sim/serving/batch.hpp"

namespace moeplan::tests {

// `sequences` sequences that each read `context` cached tokens and write one.
inline sim::RankBatch decode(std::int64_t sequences, std::int64_t context) {
  sim::RankBatch batch;
  batch.decode_sequences = batch.sampled = sequences;
  batch.decode_kv_tokens = sequences * context;
  return batch;
}

// One prompt of `tokens` tokens in one piece.
inline sim::RankBatch prefill(std::int64_t tokens) {
  sim::RankBatch batch;
  batch.prefill_tokens = tokens;
  batch.sampled = 1;
  batch.prefill.push_back({tokens, 0});
  return batch;
}

}  // namespace moeplan::tests
