#pragma once
// KernelCase: what is timed, as data - the same for every device. Ids are stable: two runs call the
// same point the same.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "models/architecture/precision.hpp"
#include "models/units/quantity.hpp"

namespace moeplan::calibrate {

// The experts of one layer on one rank, all of them local. pairs_of_expert is the vector that sets
// the time, not its sum.
struct ExpertCase {
  enum class Part { layer, up, down, products };  // as models::ExpertPart
  Part part = Part::layer;
  std::int64_t hidden = 0;
  std::int64_t intermediate = 0;  // gated: two input matrices and one output matrix
  std::int64_t top_k = 0;
  std::int64_t tokens = 0;
  std::string distribution;                   // token_counts.hpp
  std::vector<std::int64_t> pairs_of_expert;  // [experts], sum = tokens * top_k, each <= tokens

  std::int64_t pairs() const { return tokens * top_k; }
  std::int64_t active_experts() const;
};

// output [rows x columns] = input [rows x inner] * weights [columns x inner]^T
struct DenseCase {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t inner = 0;
};

// Causal grouped-query attention of equal sequences: `chunk` new tokens each after `history` cached
// ones. Decode: chunk is 1 and history all tokens that are read.
struct AttentionCase {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  bool decode = false;
  std::int64_t sequences = 0;
  std::int64_t chunk = 0;
  std::int64_t history = 0;
};

// Softmax of the logits [tokens x experts], the top k of every row with weights that sum to 1, and
// how many pairs every expert gets. The product that makes the logits is a DenseCase.
struct RouterCase {
  std::int64_t tokens = 0;
  std::int64_t experts = 0;
  std::int64_t top_k = 0;
};

// permute: rows of tokens gathered expert by expert; unpermute: the weighted sum of each token's
// top k rows; copy: rows copied in place of permute's indices.
struct MoveCase {
  enum class Kind { permute, unpermute, copy };
  Kind kind = Kind::permute;
  std::int64_t tokens = 0;
  std::int64_t hidden = 0;
  std::int64_t top_k = 0;
};

using Kernel = std::variant<ExpertCase, DenseCase, AttentionCase, RouterCase, MoveCase>;

struct KernelCase {
  Kernel kernel;
  models::Precision precision = models::Precision::fp32;

  // "expert/layer/h1024/i512/k2/e16/t64/balanced/fp32"
  std::string id() const;
  // Read and written in memory at least once, and multiplications and additions.
  Bytes bytes() const;
  Flops flops() const;
};

}  // namespace moeplan::calibrate
