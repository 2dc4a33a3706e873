#pragma once
// Capacity of an expert's buffer, and what is dropped beyond it (DeepSpeed-MoE, serving.md 4).
// Serving engines are dropless and never come here.

#include <cstdint>

#include "models/routing/routing.hpp"

namespace moeplan::models {

// Rows of one expert's buffer: max(minimum, ceil(factor * top_k * tokens / experts)); tokens of
// one rank in one forward pass. Throws: std::logic_error unless factor > 0 and all others >= 0
// (experts > 0). Source: paper.md 1 (arXiv:2409.01483, section 3).
std::int64_t expert_capacity(double factor, std::int64_t minimum, std::int64_t top_k,
                             std::int64_t tokens, std::int64_t experts);

// Expected (token, expert) pairs beyond the capacity: sum over e of E[max(0, N_e - capacity)],
// N_e binomial(tokens, q_e).
double expected_dropped(const Routing& routing, std::int64_t tokens, std::int64_t capacity);

// What a capacity does to the tokens of one rank in one layer; expectations over the routing.
struct CapacityUse {
  std::int64_t capacity = 0;      // rows of one expert's buffer
  std::int64_t buffer_rows = 0;   // experts x capacity: what is sent and computed, full or empty
  double dropped_pairs = 0.0;     // beyond the capacity; these tokens skip the expert
  double dropped_fraction = 0.0;  // of tokens x effective top_k; 0 without tokens
  double padding_rows = 0.0;      // buffer_rows - (pairs - dropped_pairs): rows that hold no token
};

// Throws: std::logic_error as expert_capacity.
CapacityUse capacity_use(const Routing& routing, double factor, std::int64_t minimum,
                         std::int64_t tokens);

}  // namespace moeplan::models
