// A CUDA device as a KernelDevice: products by cuBLAS - the experts' as one grouped call or as a
// loop, two backends with different curves -, attention as two batched products around a softmax
// (unfused: slower than what engines run, and its kernel_source says so) or by cuDNN, the rest by
// cuda_kernels.
//
// A sample is a number of calls between two events, queued behind a spinning kernel, so that the
// host's launches do not show. Weights and caches are windows of a pool of three times the L2.

#include <cuda_runtime.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "calibrate/kernels/cpu_kernels.hpp"
#include "calibrate/kernels/cuda_kernels.hpp"
#include "calibrate/kernels/cuda_memory.hpp"
#include "calibrate/kernels/cuda_products.hpp"
#include "calibrate/kernels/cudnn_attention.hpp"
#include "calibrate/kernels/devices.hpp"
#include "calibrate/kernels/token_counts.hpp"

namespace moeplan::calibrate {
namespace {

using Call = std::function<void(std::int64_t call)>;
using Buffer = std::shared_ptr<DeviceBuffer>;

constexpr double kColdFactor = 3.0;
constexpr double kLargestShare = 0.8;           // of the device memory, for one case
constexpr double kShortestSample = 20e-6;       // s; shorter calls are timed several at once
constexpr double kUsualRate = 0.75;             // of the device's clock: below it is throttled
constexpr std::int64_t kSpinPerCall = 200'000;  // ns; more than the host needs to queue a call

// cuDNN has no engine for a case: it is skipped, and no failure.
class FusedRefusal : public DeviceError {
 public:
  using DeviceError::DeviceError;
};

class CudaCase : public TimedCase {
 public:
  CudaCase(Call call, cudaStream_t stream, double usual_hertz)
      : call_(std::move(call)), stream_(stream), usual_hertz_(usual_hertz), rate_(2) {
    timed();  // libraries load their kernels in the first call
    const double once = timed();
    calls_ = std::max(1, static_cast<int>(kShortestSample / once + 1.0));
  }
  double sample() override { return timed(); }
  bool throttled() override {
    const double hertz = 1e9 * static_cast<double>(rate_[0]) / static_cast<double>(rate_[1]);
    return hertz < kUsualRate * usual_hertz_;
  }
  int calls() const override { return calls_; }

 private:
  double timed() {
    cuda_spin(stream_, kSpinPerCall * calls_, rate_.data());
    cuda_check(cudaEventRecord(begin_.get(), stream_));
    for (int i = 0; i < calls_; ++i) {
      call_(next_++);
    }
    cuda_check(cudaEventRecord(end_.get(), stream_));
    cuda_check(cudaGetLastError());
    cuda_check(cudaEventSynchronize(end_.get()));
    float milliseconds = 0.0F;
    cuda_check(cudaEventElapsedTime(&milliseconds, begin_.get(), end_.get()));
    return 1e-3 * static_cast<double>(milliseconds) / calls_;
  }

  Call call_;
  cudaStream_t stream_;
  double usual_hertz_;
  MappedNumbers rate_;  // cycles and nanoseconds of the spinning kernel
  Event begin_;
  Event end_;
  std::int64_t next_ = 0;
  int calls_ = 1;
};

class CudaDevice : public KernelDevice {
 public:
  explicit CudaDevice(const DeviceOptions& options) : products_(options.products) {
    cuda_check(cudaGetDeviceProperties(&properties_, 0));
    int kilohertz = 0;
    cuda_check(cudaDeviceGetAttribute(&kilohertz, cudaDevAttrClockRate, 0));
    usual_hertz_ = 1e3 * kilohertz;
    if (options.attention == "cudnn") {
      fused_ = std::make_unique<CudnnAttention>(products_.stream());
    }
  }

  MadeCase make(const KernelCase& wanted) override {
    if (wanted.precision != models::Precision::bf16 &&
        wanted.precision != models::Precision::fp16) {
      return Skipped{"CUDA kernels are there in bf16 and fp16 only"};
    }
    const double needed = kColdFactor * in_bytes(last_level_cache()) +
                          2.0 * in_bytes(wanted.bytes()) + score_bytes(wanted);
    if (needed > kLargestShare * in_bytes(memory())) {
      return Skipped{
          fmt::format("needs {:.1f} GB of {:.1f} GB", needed * 1e-9, in_bytes(memory()) * 1e-9)};
    }
    products_.set_type(wanted.precision == models::Precision::bf16 ? Half::bf16 : Half::fp16);
    Call call;
    try {
      call = std::visit([this](const auto& kernel) { return call_of(kernel); }, wanted.kernel);
    } catch (const FusedRefusal& refusal) {
      return Skipped{refusal.what()};
    }
    return std::make_unique<CudaCase>(call, products_.stream(), usual_hertz_);
  }

  std::string kernel_source(const KernelCase& wanted) const override {
    return std::holds_alternative<ExpertCase>(wanted.kernel)  ? "cuda_" + products_.name()
           : std::holds_alternative<DenseCase>(wanted.kernel) ? "cuda_cublas"
           : std::holds_alternative<AttentionCase>(wanted.kernel)
               ? (fused_ ? "cuda_cudnn_attention" : "cuda_unfused_attention")
               : "cuda_moeplan";
  }

  std::map<std::string, std::string> fingerprint() const override {
    int driver = 0;
    int runtime = 0;
    cuda_check(cudaDriverGetVersion(&driver));
    cuda_check(cudaRuntimeGetVersion(&runtime));
    std::map<std::string, std::string> all = {
        {"device", name()},
        {"products", products_.name()},
        {"compute_capability", fmt::format("{}.{}", properties_.major, properties_.minor)},
        {"sm_count", std::to_string(properties_.multiProcessorCount)},
        {"device_l2_bytes", std::to_string(properties_.l2CacheSize)},
        {"device_memory_bytes", std::to_string(properties_.totalGlobalMem)},
        {"device_clock_hz", fmt::format("{:.0f}", usual_hertz_)},
        {"device_ecc", properties_.ECCEnabled != 0 ? "on" : "off"},
        {"cuda_driver", std::to_string(driver)},
        {"cuda_runtime", std::to_string(runtime)},
        {"cublas", products_.version()}};
    if (fused_) {
      all["cudnn"] = fused_->version();
    }
    return all;
  }
  std::vector<models::Precision> precisions() const override {
    return {models::Precision::bf16, models::Precision::fp16};
  }
  std::string name() const override { return static_cast<const char*>(properties_.name); }
  Bytes memory() const override { return bytes(static_cast<double>(properties_.totalGlobalMem)); }
  Bytes last_level_cache() const override { return bytes(properties_.l2CacheSize); }
  int multiprocessors() const override { return properties_.multiProcessorCount; }

 private:
  // Scores of unfused attention, which lie in memory.
  double score_bytes(const KernelCase& wanted) const {
    const auto* c = std::get_if<AttentionCase>(&wanted.kernel);
    return c == nullptr || fused_
               ? 0.0
               : static_cast<double>(kHalfBytes) *
                     static_cast<double>(c->sequences * c->heads * c->chunk) *
                     static_cast<double>(c->decode ? c->history : c->history + c->chunk);
  }

  Buffer filled(std::int64_t elements) {
    auto buffer = std::make_shared<DeviceBuffer>(
        static_cast<std::size_t>(std::max<std::int64_t>(elements, 8)) * kHalfBytes);
    cuda_fill(products_.stream(), products_.type(), buffer->data(), elements);
    cuda_check(cudaGetLastError());
    return buffer;
  }

  // window(call): where the call-th call reads its `elements` weights.
  std::function<char*(std::int64_t)> windows(std::int64_t elements) {
    const double size = static_cast<double>(elements) * kHalfBytes;
    const auto count =
        static_cast<std::int64_t>(kColdFactor * in_bytes(last_level_cache()) / size) + 1;
    const Buffer pool = filled(count * elements);
    return [pool, elements, count](std::int64_t call) {
      return static_cast<char*>(pool->data()) +
             static_cast<std::size_t>(call % count * elements) * kHalfBytes;
    };
  }

  struct DeviceRouting {
    RoutedPairs host;
    DeviceBuffer token_of_pair, pair_of_token, weight_of_pair;
    explicit DeviceRouting(RoutedPairs routed)
        : host(std::move(routed)),
          token_of_pair(host.token_of_pair),
          pair_of_token(host.pair_of_token),
          weight_of_pair(host.weight_of_pair) {}
  };

  void permute_rows(const DeviceRouting& r, std::int64_t hidden, const Buffer& from,
                    const Buffer& to) {
    cuda_permute(products_.stream(), from->data(), r.token_of_pair.as<std::int32_t>(),
                 static_cast<std::int64_t>(r.host.token_of_pair.size()), hidden, to->data());
  }
  void unpermute_rows(const DeviceRouting& r, std::int64_t hidden, const Buffer& from,
                      const Buffer& to) {
    cuda_unpermute(products_.stream(), products_.type(), from->data(),
                   r.pair_of_token.as<std::int32_t>(), r.weight_of_pair.as<float>(), r.host.tokens,
                   r.host.top_k, hidden, to->data());
  }

  Call call_of(const ExpertCase& c) {
    using Part = ExpertCase::Part;
    const auto experts = static_cast<std::int64_t>(c.pairs_of_expert.size());
    const bool layer = c.part == Part::layer;
    const bool has_up = c.part != Part::down;
    const bool has_down = c.part != Part::up;
    const std::int64_t up_size = has_up ? 2 * c.hidden * c.intermediate * experts : 0;
    const std::int64_t down_size = has_down ? c.hidden * c.intermediate * experts : 0;
    const auto weights = windows(up_size + down_size);
    const auto routing =
        std::make_shared<DeviceRouting>(routed_pairs(c.pairs_of_expert, c.tokens, c.top_k));
    const CudaGroup up = CudaProducts::group_of(routing->host, 2 * c.intermediate, c.hidden);
    const CudaGroup down = CudaProducts::group_of(routing->host, c.hidden, c.intermediate);
    const Buffer tokens = filled(c.tokens * c.hidden);
    const Buffer rows = filled(c.pairs() * c.hidden);
    const Buffer both = filled(c.pairs() * 2 * c.intermediate);
    const Buffer inner = filled(c.pairs() * c.intermediate);
    const Buffer out = filled(c.tokens * c.hidden);
    return
        [=, this, hidden = c.hidden, pairs = c.pairs(), width = c.intermediate](std::int64_t call) {
          char* window = weights(call);
          if (layer) {
            permute_rows(*routing, hidden, tokens, rows);
          }
          if (has_up) {
            products_.grouped(up, window, rows->bytes(), both->bytes());
          }
          if (layer) {
            cuda_gated_activation(products_.stream(), products_.type(), both->data(), pairs, width,
                                  inner->data());
          }
          if (has_down) {
            products_.grouped(down, window + static_cast<std::size_t>(up_size) * kHalfBytes,
                              inner->bytes(), rows->bytes());
          }
          if (layer) {
            unpermute_rows(*routing, hidden, rows, out);
          }
        };
  }

  Call call_of(const DenseCase& c) {
    const auto weights = windows(c.columns * c.inner);
    const Buffer in = filled(c.rows * c.inner);
    const Buffer out = filled(c.rows * c.columns);
    return [=, this](std::int64_t call) {
      products_.product(c.rows, c.columns, c.inner, in->data(), weights(call), out->data());
    };
  }

  // Queries [sequences x kv_heads] of (group x chunk) rows: one batched product for all.
  Call call_of(const AttentionCase& c) {
    const std::int64_t cached = c.decode ? c.history : c.history + c.chunk;
    const std::int64_t batch = c.sequences * c.kv_heads;
    const std::int64_t rows = c.heads / c.kv_heads * c.chunk;
    const std::int64_t cache = batch * cached * c.head_dim;
    const auto caches = windows(2 * cache);
    const Buffer queries = filled(batch * rows * c.head_dim);
    if (fused_) {
      return fused_call(c, queries, caches, cache);
    }
    const Buffer scores = filled(batch * rows * cached);
    const Buffer out = filled(batch * rows * c.head_dim);
    const float scale = 1.0F / std::sqrt(static_cast<float>(c.head_dim));
    return [=, this, d = c.head_dim, chunk = c.chunk](std::int64_t call) {
      char* keys = caches(call);
      const char* values = keys + static_cast<std::size_t>(cache) * kHalfBytes;
      products_.batched(batch, rows, cached, d, scale, queries->data(), keys, true, scores->data());
      cuda_causal_softmax(products_.stream(), products_.type(), scores->data(), batch * rows,
                          cached, chunk);
      products_.batched(batch, rows, d, cached, 1.0F, scores->data(), values, false, out->data());
    };
  }

  Call fused_call(const AttentionCase& c, const Buffer& queries,
                  const std::function<char*(std::int64_t)>& caches, std::int64_t cache) {
    CudnnAttention::Call fused;
    try {
      fused = fused_->make(
          c, products_.type() == Half::bf16 ? AttentionType::bf16 : AttentionType::fp16);
    } catch (const DeviceError& error) {
      throw FusedRefusal(error.what());
    }
    const Buffer out = filled(c.sequences * c.chunk * c.heads * c.head_dim);
    return [=](std::int64_t call) {
      char* keys = caches(call);
      fused(queries->data(), keys, keys + static_cast<std::size_t>(cache) * kHalfBytes,
            out->data());
    };
  }

  Call call_of(const RouterCase& c) {
    // fp32 logits that differ: twice as many 16-bit values, as bits of no consequence.
    const Buffer logits = filled(2 * c.tokens * c.experts);
    const Buffer chosen = filled(2 * c.tokens * c.top_k);
    const Buffer weights = filled(2 * c.tokens * c.top_k);
    const Buffer counts = filled(2 * c.experts);
    return [=, this](std::int64_t) {
      cuda_route(products_.stream(), logits->as<float>(), c.tokens, c.experts, c.top_k,
                 chosen->as<std::int32_t>(), weights->as<float>(), counts->as<std::int32_t>());
    };
  }

  Call call_of(const MoveCase& c) {
    const std::int64_t rows = c.tokens * c.top_k;
    if (c.kind == MoveCase::Kind::copy) {
      const std::int64_t size = rows * c.hidden;
      const auto from_to = windows(2 * size);
      return [=, this](std::int64_t call) {
        char* from = from_to(call);
        const std::int64_t moved = size * static_cast<std::int64_t>(kHalfBytes);
        cuda_copy(products_.stream(), from, from + moved, moved);
      };
    }
    const auto routing = std::make_shared<DeviceRouting>(routed_pairs(
        token_counts("balanced", std::max<std::int64_t>(8, c.top_k), c.tokens, c.top_k), c.tokens,
        c.top_k));
    const Buffer tokens = filled(c.tokens * c.hidden);
    const Buffer pairs = filled(rows * c.hidden);
    return [=, this](std::int64_t) {
      if (c.kind == MoveCase::Kind::permute) {
        permute_rows(*routing, c.hidden, tokens, pairs);
      } else {
        unpermute_rows(*routing, c.hidden, pairs, tokens);
      }
    };
  }

  CudaProducts products_;
  std::unique_ptr<CudnnAttention> fused_;  // nullptr: unfused
  cudaDeviceProp properties_{};
  double usual_hertz_ = 0.0;
};

}  // namespace

std::unique_ptr<KernelDevice> make_cuda_device(const DeviceOptions& options) {
  int devices = 0;
  cuda_check(cudaGetDeviceCount(&devices));
  return std::make_unique<CudaDevice>(options);
}

}  // namespace moeplan::calibrate
