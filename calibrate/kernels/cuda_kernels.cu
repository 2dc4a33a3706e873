#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "calibrate/kernels/cuda_kernels.hpp"

namespace moeplan::calibrate {
namespace {

constexpr int kThreads = 256;
constexpr int kWarp = 32;
constexpr int kMostChosen = 32;
constexpr unsigned kAllLanes = 0xFFFFFFFFu;

cudaStream_t stream_of(CudaStream stream) { return static_cast<cudaStream_t>(stream); }

unsigned blocks_for(std::int64_t items) {
  const std::int64_t blocks = (items + kThreads - 1) / kThreads;
  return static_cast<unsigned>(blocks < 1 ? 1 : blocks > 65535 ? 65535 : blocks);
}

__device__ float to_float(__half value) { return __half2float(value); }
__device__ float to_float(__nv_bfloat16 value) { return __bfloat162float(value); }
template <class T>
__device__ T from_float(float value);
template <>
__device__ __half from_float<__half>(float value) {
  return __float2half(value);
}
template <>
__device__ __nv_bfloat16 from_float<__nv_bfloat16>(float value) {
  return __float2bfloat16(value);
}

__device__ std::int64_t first_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ std::int64_t index_step() { return static_cast<std::int64_t>(gridDim.x) * blockDim.x; }

template <class T>
__global__ void fill(T* values, std::int64_t count) {
  for (std::int64_t i = first_index(); i < count; i += index_step()) {
    unsigned word = static_cast<unsigned>(i) * 2654435761u;
    word ^= word >> 15;
    word *= 2246822519u;
    word ^= word >> 13;
    values[i] = from_float<T>(static_cast<float>(word) * 0x1p-32F - 0.5F);
  }
}

__device__ std::int64_t nanoseconds_now() {
  std::int64_t now;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
  return now;
}

__global__ void spin(std::int64_t nanoseconds, std::int64_t* rate) {
  const std::int64_t begin = nanoseconds_now();
  const long long begin_cycles = clock64();
  std::int64_t spent = 0;
  while (spent < nanoseconds) {
    spent = nanoseconds_now() - begin;
  }
  rate[0] = clock64() - begin_cycles;
  rate[1] = spent;
}

__global__ void permute(const uint4* tokens, const std::int32_t* token_of_pair, std::int64_t pairs,
                        std::int64_t words, uint4* rows) {
  for (std::int64_t i = first_index(); i < pairs * words; i += index_step()) {
    rows[i] = tokens[token_of_pair[i / words] * words + i % words];
  }
}

template <class T>
__global__ void unpermute(const T* rows, const std::int32_t* pair_of_token,
                          const float* weight_of_pair, std::int64_t tokens, std::int64_t top_k,
                          std::int64_t hidden, T* out) {
  for (std::int64_t i = first_index(); i < tokens * hidden; i += index_step()) {
    const std::int64_t token = i / hidden;
    float sum = 0.0F;
    for (std::int64_t j = 0; j < top_k; ++j) {
      const std::int64_t pair = pair_of_token[token * top_k + j];
      sum += weight_of_pair[pair] * to_float(rows[pair * hidden + i % hidden]);
    }
    out[i] = from_float<T>(sum);
  }
}

template <class T>
__global__ void gated_activation(const T* both, std::int64_t pairs, std::int64_t intermediate,
                                 T* inner) {
  for (std::int64_t i = first_index(); i < pairs * intermediate; i += index_step()) {
    const std::int64_t at = i / intermediate * 2 * intermediate + i % intermediate;
    const float gate = to_float(both[at]);
    inner[i] = from_float<T>(gate / (1.0F + __expf(-gate)) * to_float(both[at + intermediate]));
  }
}

// The best (value, lower index) of the warp's lanes, in all lanes.
__device__ void best_of_warp(float& value, int& index) {
  for (int lane = kWarp / 2; lane > 0; lane /= 2) {
    const float other = __shfl_xor_sync(kAllLanes, value, lane);
    const int other_index = __shfl_xor_sync(kAllLanes, index, lane);
    if (other > value || (other == value && other_index < index)) {
      value = other;
      index = other_index;
    }
  }
}

__global__ void route(const float* logits, std::int64_t tokens, int experts, int top_k,
                      std::int32_t* chosen, float* weights, std::int32_t* pairs_of_expert) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const std::int64_t token = first_index() / kWarp;
  if (token >= tokens) {
    return;  // the whole warp
  }
  const float* row = logits + token * experts;
  float last = INFINITY;  // what was chosen before: the next is smaller, or equal and later
  int last_index = -1;
  float largest = 0.0F;
  float mine = 0.0F;  // weight of the lane-th choice
  float sum = 0.0F;
  for (int j = 0; j < top_k; ++j) {
    float value = -INFINITY;
    int index = experts;
    for (int e = lane; e < experts; e += kWarp) {
      const bool open = row[e] < last || (row[e] == last && e > last_index);
      if (open && (row[e] > value || (row[e] == value && e < index))) {
        value = row[e];
        index = e;
      }
    }
    best_of_warp(value, index);
    last = value;
    last_index = index;
    largest = j == 0 ? value : largest;
    const float weight = __expf(value - largest);
    sum += weight;
    mine = lane == j ? weight : mine;
    if (lane == 0) {
      chosen[token * top_k + j] = index;
      atomicAdd(&pairs_of_expert[index], 1);
    }
  }
  if (lane < top_k) {
    weights[token * top_k + lane] = mine / sum;
  }
}

// A block a row.
template <class T>
__global__ void causal_softmax(T* scores, std::int64_t cached, std::int64_t chunk) {
  __shared__ float shared[kThreads / kWarp];
  T* row = scores + static_cast<std::int64_t>(blockIdx.x) * cached;
  const std::int64_t visible = cached - chunk + 1 + static_cast<std::int64_t>(blockIdx.x) % chunk;
  const auto reduce = [&](float value, bool is_sum) {
    for (int lane = kWarp / 2; lane > 0; lane /= 2) {
      const float other = __shfl_xor_sync(kAllLanes, value, lane);
      value = is_sum ? value + other : fmaxf(value, other);
    }
    __syncthreads();
    if (threadIdx.x % kWarp == 0) {
      shared[threadIdx.x / kWarp] = value;
    }
    __syncthreads();
    value = shared[0];
    for (int warp = 1; warp < kThreads / kWarp; ++warp) {
      value = is_sum ? value + shared[warp] : fmaxf(value, shared[warp]);
    }
    return value;
  };
  float largest = -INFINITY;
  for (std::int64_t i = threadIdx.x; i < visible; i += kThreads) {
    largest = fmaxf(largest, to_float(row[i]));
  }
  largest = reduce(largest, false);
  float sum = 0.0F;
  for (std::int64_t i = threadIdx.x; i < visible; i += kThreads) {
    sum += __expf(to_float(row[i]) - largest);
  }
  sum = reduce(sum, true);
  for (std::int64_t i = threadIdx.x; i < cached; i += kThreads) {
    row[i] = from_float<T>(i < visible ? __expf(to_float(row[i]) - largest) / sum : 0.0F);
  }
}

__global__ void copy(const uint4* from, uint4* to, std::int64_t words) {
  for (std::int64_t i = first_index(); i < words; i += index_step()) {
    to[i] = from[i];
  }
}

// launch(T{}) with the element type.
template <class Launch>
void with_type(Half type, Launch launch) {
  if (type == Half::bf16) {
    launch(__nv_bfloat16{});
  } else {
    launch(__half{});
  }
}

}  // namespace

void cuda_fill(CudaStream stream, Half type, void* values, std::int64_t count) {
  with_type(type, [&](auto element) {
    using T = decltype(element);
    fill<<<blocks_for(count), kThreads, 0, stream_of(stream)>>>(static_cast<T*>(values), count);
  });
}

void cuda_spin(CudaStream stream, std::int64_t nanoseconds, std::int64_t* rate) {
  spin<<<1, 1, 0, stream_of(stream)>>>(nanoseconds, rate);
}

void cuda_permute(CudaStream stream, const void* tokens, const std::int32_t* token_of_pair,
                  std::int64_t pairs, std::int64_t hidden, void* rows) {
  const std::int64_t words = hidden / 8;
  permute<<<blocks_for(pairs * words), kThreads, 0, stream_of(stream)>>>(
      static_cast<const uint4*>(tokens), token_of_pair, pairs, words, static_cast<uint4*>(rows));
}

void cuda_unpermute(CudaStream stream, Half type, const void* rows,
                    const std::int32_t* pair_of_token, const float* weight_of_pair,
                    std::int64_t tokens, std::int64_t top_k, std::int64_t hidden, void* out) {
  with_type(type, [&](auto element) {
    using T = decltype(element);
    unpermute<<<blocks_for(tokens * hidden), kThreads, 0, stream_of(stream)>>>(
        static_cast<const T*>(rows), pair_of_token, weight_of_pair, tokens, top_k, hidden,
        static_cast<T*>(out));
  });
}

void cuda_gated_activation(CudaStream stream, Half type, const void* both, std::int64_t pairs,
                           std::int64_t intermediate, void* inner) {
  with_type(type, [&](auto element) {
    using T = decltype(element);
    gated_activation<<<blocks_for(pairs * intermediate), kThreads, 0, stream_of(stream)>>>(
        static_cast<const T*>(both), pairs, intermediate, static_cast<T*>(inner));
  });
}

void cuda_route(CudaStream stream, const float* logits, std::int64_t tokens, std::int64_t experts,
                std::int64_t top_k, std::int32_t* chosen, float* weights,
                std::int32_t* pairs_of_expert) {
  static_assert(kMostChosen == kWarp, "a lane keeps the weight of one choice");
  cudaMemsetAsync(pairs_of_expert, 0, static_cast<std::size_t>(experts) * sizeof(std::int32_t),
                  stream_of(stream));
  const auto blocks = static_cast<unsigned>((tokens * kWarp + kThreads - 1) / kThreads);
  route<<<blocks, kThreads, 0, stream_of(stream)>>>(logits, tokens, static_cast<int>(experts),
                                                    static_cast<int>(top_k), chosen, weights,
                                                    pairs_of_expert);
}

void cuda_causal_softmax(CudaStream stream, Half type, void* scores, std::int64_t rows,
                         std::int64_t cached, std::int64_t chunk) {
  with_type(type, [&](auto element) {
    using T = decltype(element);
    causal_softmax<<<static_cast<unsigned>(rows), kThreads, 0, stream_of(stream)>>>(
        static_cast<T*>(scores), cached, chunk);
  });
}

void cuda_copy(CudaStream stream, const void* from, void* to, std::int64_t count) {
  const std::int64_t words = count / 16;
  copy<<<blocks_for(words), kThreads, 0, stream_of(stream)>>>(static_cast<const uint4*>(from),
                                                              static_cast<uint4*>(to), words);
}

}  // namespace moeplan::calibrate
