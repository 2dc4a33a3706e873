#pragma once
// Launches of our own CUDA kernels: what surrounds the products of a MoE layer, and a spinning
// kernel that hides the host. Plain C++; elements are 16 bit (bf16 or fp16). Nothing here checks
// for errors: the caller asks the runtime after the launch.

#include <cstdint>

namespace moeplan::calibrate {

// cudaStream_t without its header.
using CudaStream = void*;

enum class Half { bf16, fp16 };

// Values in (-0.5, 0.5) from a counter, the same in every run.
void cuda_fill(CudaStream stream, Half type, void* values, std::int64_t count);

// Holds the stream for at least `nanoseconds`, so that what is launched behind it runs back to back
// whatever the host needs to launch it. rate [2] = cycles and nanoseconds it took (unified or
// mapped memory): the clock of the multiprocessors just before the sample.
void cuda_spin(CudaStream stream, std::int64_t nanoseconds, std::int64_t* rate);

// rows [pairs x hidden] = tokens [token_of_pair x hidden]; hidden a multiple of 8.
void cuda_permute(CudaStream stream, const void* tokens, const std::int32_t* token_of_pair,
                  std::int64_t pairs, std::int64_t hidden, void* rows);
// tokens [tokens x hidden] = sum over j of weight_of_pair * rows [pair_of_token], fp32 sums.
void cuda_unpermute(CudaStream stream, Half type, const void* rows,
                    const std::int32_t* pair_of_token, const float* weight_of_pair,
                    std::int64_t tokens, std::int64_t top_k, std::int64_t hidden, void* out);
// inner [pairs x intermediate] = silu(gate) * up of both [pairs x 2 intermediate].
void cuda_gated_activation(CudaStream stream, Half type, const void* both, std::int64_t pairs,
                           std::int64_t intermediate, void* inner);
// A warp a token: top k of fp32 logits [tokens x experts], softmax over the chosen, pairs counted
// in pairs_of_expert [experts], which is cleared first. top_k <= 32. Ties to the lower expert.
void cuda_route(CudaStream stream, const float* logits, std::int64_t tokens, std::int64_t experts,
                std::int64_t top_k, std::int32_t* chosen, float* weights,
                std::int32_t* pairs_of_expert);
// In place, rows [rows x cached]: softmax of the first history + 1 + row % chunk scores, zeros
// behind.
void cuda_causal_softmax(CudaStream stream, Half type, void* scores, std::int64_t rows,
                         std::int64_t cached, std::int64_t chunk);
// count bytes, a multiple of 16.
void cuda_copy(CudaStream stream, const void* from, void* to, std::int64_t count);

}  // namespace moeplan::calibrate
