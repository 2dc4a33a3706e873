#pragma once
// Exchange: how tokens reach the experts of other ranks, and come back, when attention is
// data-parallel (serving.md 1).

#include <stdexcept>
#include <string_view>

namespace moeplan::models {

enum class Exchange {
  allgather_reducescatter,  // every rank gets all tokens (vLLM's default)
  alltoall_per_expert,      // a copy for each expert a token uses
  alltoall_per_rank,        // a copy for each rank that holds one of them
  capacity_padded           // buffers of fixed capacity, full or not (DeepSpeed-MoE)
};

// The names of interface.md.
inline std::string_view name_of(Exchange exchange) {
  switch (exchange) {
    case Exchange::allgather_reducescatter:
      return "allgather_reducescatter";
    case Exchange::alltoall_per_expert:
      return "alltoall_per_expert";
    case Exchange::alltoall_per_rank:
      return "alltoall_per_rank";
    case Exchange::capacity_padded:
      return "capacity_padded";
  }
  throw std::logic_error("unknown exchange");
}

}  // namespace moeplan::models
