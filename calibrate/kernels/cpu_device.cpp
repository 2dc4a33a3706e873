// The CPU as a KernelDevice. Weights, caches and copied rows are windows of one pool of memory that
// is at least three times the last-level cache larger than a window: calls walk through it, so that
// every call reads them from memory. Activations stay where they are and come from the cache.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "calibrate/kernels/cpu_kernels.hpp"
#include "calibrate/kernels/devices.hpp"
#include "calibrate/kernels/token_counts.hpp"
#include "calibrate/measurement/fingerprint.hpp"
#include "calibrate/measurement/preemption.hpp"
#include "models/routing/split_mix.hpp"

namespace moeplan::calibrate {
namespace {

using Buffer = std::shared_ptr<std::vector<float>>;
using Call = std::function<void(std::int64_t call)>;
using SteadyTime = std::chrono::steady_clock;

constexpr double kColdFactor = 3.0;        // windows together over the last-level cache
constexpr double kLargestShare = 0.4;      // of the host's memory, for one case
constexpr double kShortestSample = 20e-6;  // s; shorter calls are timed several at once
constexpr double kUsualRate = 0.75;        // below this share of the best rate seen: throttled
constexpr double kMostPreempted = 0.1;     // of the samples; more is flagged: not alone here
constexpr int kProbeSteps = 4000;

double seconds_since(SteadyTime::time_point begin) {
  return std::chrono::duration<double>(SteadyTime::now() - begin).count();
}

// A chain of multiplications, each waiting for the one before: its duration follows the clock of
// the core and nothing else.
class RateProbe {
 public:
  bool below_usual() {
    const SteadyTime::time_point begin = SteadyTime::now();
    for (int i = 0; i < kProbeSteps; ++i) {
      state_ = models::split_mix(state_);
    }
    const double spent = seconds_since(begin);
    best_ = best_ == 0.0 ? spent : std::min(best_, spent);
    return best_ < kUsualRate * spent;
  }

 private:
  volatile std::uint64_t state_ = 1;  // or the chain would be left out
  double best_ = 0.0;
};

Buffer filled(std::int64_t size, std::uint64_t seed) {
  auto buffer = std::make_shared<std::vector<float>>(static_cast<std::size_t>(size));
  models::SplitMix draws(seed);
  for (float& value : *buffer) {
    value = static_cast<float>(draws.uniform() - 0.5);
  }
  return buffer;
}

class CpuCase : public TimedCase {
 public:
  CpuCase(Call call, RateProbe& probe) : call_(std::move(call)), probe_(probe) {
    const SteadyTime::time_point begin = SteadyTime::now();
    call_(next_++);
    call_(next_++);
    calls_ = std::max(1, static_cast<int>(kShortestSample / (seconds_since(begin) / 2.0) + 1.0));
  }
  double sample() override {
    const SteadyTime::time_point begin = SteadyTime::now();
    for (int i = 0; i < calls_; ++i) {
      call_(next_++);
    }
    const double spent = seconds_since(begin);
    const std::int64_t switches = involuntary_switches();
    ++samples_;
    preempted_ += switches > switches_ ? 1 : 0;
    switches_ = switches;
    return spent / calls_;
  }
  bool throttled() override { return probe_.below_usual(); }
  int calls() const override { return calls_; }
  std::vector<std::string> flags() const override {
    return static_cast<double>(preempted_) > kMostPreempted * static_cast<double>(samples_)
               ? std::vector<std::string>{"preempted"}
               : std::vector<std::string>{};
  }

 private:
  Call call_;
  RateProbe& probe_;
  std::int64_t samples_ = 0;
  std::int64_t preempted_ = 0;  // of them: a core was taken away
  std::int64_t switches_ = involuntary_switches();
  std::int64_t next_ = 0;
  int calls_ = 1;
};

// A case that is timed while others run: each companion has a thread, and a case of its own device.
class CrowdedCase : public TimedCase {
 public:
  CrowdedCase(std::unique_ptr<TimedCase> own, std::vector<std::unique_ptr<TimedCase>> others)
      : own_(std::move(own)) {
    for (std::unique_ptr<TimedCase>& other : others) {
      threads_.emplace_back([this, timed = std::shared_ptr<TimedCase>(std::move(other))] {
        while (!done_.load(std::memory_order_relaxed)) {
          timed->sample();
          started_.fetch_add(1, std::memory_order_relaxed);
        }
      });
    }
    // Sampled once all of them compute, not while the system still places their threads.
    while (started_.load(std::memory_order_relaxed) < static_cast<int>(threads_.size())) {
      std::this_thread::yield();
    }
  }
  ~CrowdedCase() override {
    done_ = true;
    for (std::thread& thread : threads_) {
      thread.join();
    }
  }
  double sample() override { return own_->sample(); }
  bool throttled() override { return own_->throttled(); }
  int calls() const override { return own_->calls(); }
  std::vector<std::string> flags() const override { return own_->flags(); }

 private:
  std::unique_ptr<TimedCase> own_;
  std::atomic<bool> done_{false};
  std::atomic<int> started_{0};  // samples of all companions
  std::vector<std::thread> threads_;
};

class CpuDevice : public KernelDevice {
 public:
  explicit CpuDevice(const DeviceOptions& options)
      : product_name_(options.products.empty() ? product_names().front() : options.products),
        product_(make_product(product_name_)),
        threads_(options.threads > 0 ? options.threads : usable_cores()),
        workers_(threads_) {
    for (int i = 0; i < options.companions; ++i) {
      DeviceOptions alone = options;
      alone.companions = 0;
      companions_.push_back(std::make_unique<CpuDevice>(alone));
    }
  }

  MadeCase make(const KernelCase& wanted) override {
    if (wanted.precision != models::Precision::fp32) {
      return Skipped{"CPU kernels are there in fp32 only"};
    }
    const double needed =
        (in_bytes(wanted.bytes()) + cold_bytes()) * static_cast<double>(companions_.size() + 1);
    if (needed > kLargestShare * memory_bytes()) {
      return Skipped{
          fmt::format("needs {:.1f} GB of {:.1f} GB", needed * 1e-9, memory_bytes() * 1e-9)};
    }
    if (companions_.empty()) {
      return timed(wanted);
    }
    std::vector<std::unique_ptr<TimedCase>> others;
    for (const std::unique_ptr<CpuDevice>& companion : companions_) {
      others.push_back(companion->timed(wanted));
    }
    return std::make_unique<CrowdedCase>(timed(wanted), std::move(others));
  }

  std::string kernel_source(const KernelCase& /*wanted*/) const override {
    return "cpu_" + product_name_;
  }

  std::map<std::string, std::string> fingerprint() const override {
    return {{"device", "cpu"},
            {"products", product_->version()},
            {"product_threads", std::to_string(product_threads())},
            {"threads", std::to_string(threads_)},
            {"companions", std::to_string(companions_.size())}};
  }
  std::vector<models::Precision> precisions() const override { return {models::Precision::fp32}; }
  std::string name() const override { return host_fingerprint().at("cpu"); }
  Bytes memory() const override { return bytes(memory_bytes()); }
  Bytes last_level_cache() const override { return bytes(last_level_cache_bytes()); }
  int multiprocessors() const override { return threads_; }

 private:
  std::unique_ptr<TimedCase> timed(const KernelCase& wanted) {
    const Call call =
        std::visit([this](const auto& kernel) { return call_of(kernel); }, wanted.kernel);
    return std::make_unique<CpuCase>(call, probe_);
  }
  static double cold_bytes() { return kColdFactor * last_level_cache_bytes(); }
  int product_threads() const { return std::min(threads_, product_->most_threads()); }
  CpuContext context() { return {*product_, workers_}; }

  // Windows of `size` floats: window(call) of as many as are needed to be cold.
  std::function<float*(std::int64_t)> windows(std::int64_t size) {
    const double window = static_cast<double>(size) * sizeof(float);
    const auto count = static_cast<std::int64_t>(cold_bytes() / window) + 1;
    if (pool_ == nullptr || static_cast<std::int64_t>(pool_->size()) < count * size) {
      pool_ = filled(count * size, 1);
    }
    return [pool = pool_, size, count](std::int64_t call) {
      return pool->data() + call % count * size;
    };
  }

  Call call_of(const ExpertCase& c) {
    product_->set_threads(product_threads());
    const auto experts = static_cast<std::int64_t>(c.pairs_of_expert.size());
    const std::int64_t up_size = 2 * c.hidden * c.intermediate * experts;
    const std::int64_t down_size = c.hidden * c.intermediate * experts;
    using Part = ExpertCase::Part;
    const bool has_up = c.part != Part::down;
    const bool has_down = c.part != Part::up;
    const auto weights = windows((has_up ? up_size : 0) + (has_down ? down_size : 0));
    const auto routed =
        std::make_shared<RoutedPairs>(routed_pairs(c.pairs_of_expert, c.tokens, c.top_k));
    const Buffer tokens = filled(c.tokens * c.hidden, 2);
    const Buffer rows = filled(c.pairs() * c.hidden, 3);
    const Buffer both = filled(c.pairs() * 2 * c.intermediate, 4);
    const Buffer inner = filled(c.pairs() * c.intermediate, 5);
    const Buffer out = filled(c.tokens * c.hidden, 6);
    return [=, this, hidden = c.hidden, intermediate = c.intermediate, part = c.part,
            pairs = c.pairs()](std::int64_t call) {
      const float* up = weights(call);
      const float* down = up + (has_up ? up_size : 0);
      const bool layer = part == Part::layer;
      if (layer) {
        permute(context(), *routed, hidden, tokens->data(), rows->data());
      }
      if (has_up) {
        expert_up(context(), *routed, hidden, intermediate, up, rows->data(), both->data());
      }
      if (layer) {
        gated_activation(context(), pairs, intermediate, both->data(), inner->data());
      }
      if (has_down) {
        expert_down(context(), *routed, hidden, intermediate, down, inner->data(), rows->data());
      }
      if (layer) {
        unpermute(context(), *routed, hidden, rows->data(), out->data());
      }
    };
  }

  Call call_of(const DenseCase& c) {
    product_->set_threads(product_threads());
    const auto weights = windows(c.columns * c.inner);
    const Buffer input = filled(c.rows * c.inner, 2);
    const Buffer output = filled(c.rows * c.columns, 3);
    return [=, this](std::int64_t call) {
      product_->times_transposed(c.rows, c.columns, c.inner, 1.0F, input->data(), c.inner,
                                 weights(call), c.inner, output->data(), c.columns);
    };
  }

  Call call_of(const AttentionCase& c) {
    product_->set_threads(1);  // the workers take heads
    const AttentionSizes sizes{.heads = c.heads,
                               .kv_heads = c.kv_heads,
                               .head_dim = c.head_dim,
                               .sequences = c.sequences,
                               .chunk = c.chunk,
                               .cached = c.decode ? c.history : c.history + c.chunk};
    const std::int64_t cache = c.sequences * c.kv_heads * sizes.cached * c.head_dim;
    const auto caches = windows(2 * cache);
    const Buffer queries = filled(c.sequences * c.heads * c.chunk * c.head_dim, 2);
    const Buffer output = filled(c.sequences * c.heads * c.chunk * c.head_dim, 3);
    return [=, this](std::int64_t call) {
      const float* keys = caches(call);
      attention(context(), sizes, queries->data(), keys, keys + cache, output->data());
    };
  }

  Call call_of(const RouterCase& c) {
    const Buffer logits = filled(c.tokens * c.experts, 2);
    const auto chosen =
        std::make_shared<std::vector<std::int32_t>>(static_cast<std::size_t>(c.tokens * c.top_k));
    const Buffer weights = filled(c.tokens * c.top_k, 3);
    const auto counts = std::make_shared<std::vector<std::int64_t>>();
    return [=, this](std::int64_t) {
      route(context(), c.tokens, c.experts, c.top_k, logits->data(), chosen->data(),
            weights->data(), *counts);
    };
  }

  Call call_of(const MoveCase& c) {
    const std::int64_t row_count = c.tokens * c.top_k;
    if (c.kind == MoveCase::Kind::copy) {
      const std::int64_t size = row_count * c.hidden;
      const auto from_to = windows(2 * size);
      return [=, this, threads = threads_](std::int64_t call) {
        float* from = from_to(call);
        const std::int64_t piece = size / threads;
        workers_.run(threads, [&](std::int64_t i, int) {
          const std::int64_t end = i + 1 == threads ? size : (i + 1) * piece;
          std::memcpy(from + size + i * piece, from + i * piece,
                      static_cast<std::size_t>(end - i * piece) * sizeof(float));
        });
      };
    }
    const auto routed = std::make_shared<RoutedPairs>(routed_pairs(
        token_counts("balanced", std::max<std::int64_t>(8, c.top_k), c.tokens, c.top_k), c.tokens,
        c.top_k));
    const Buffer tokens = filled(c.tokens * c.hidden, 2);
    const Buffer rows = filled(row_count * c.hidden, 3);
    return [=, this](std::int64_t) {
      if (c.kind == MoveCase::Kind::permute) {
        permute(context(), *routed, c.hidden, tokens->data(), rows->data());
      } else {
        unpermute(context(), *routed, c.hidden, rows->data(), tokens->data());
      }
    };
  }

  std::string product_name_;
  std::unique_ptr<MatrixProduct> product_;
  int threads_;
  Workers workers_;
  RateProbe probe_;
  Buffer pool_;
  std::vector<std::unique_ptr<CpuDevice>> companions_;
};

}  // namespace

std::unique_ptr<KernelDevice> make_cpu_device(const DeviceOptions& options) {
  return std::make_unique<CpuDevice>(options);
}

}  // namespace moeplan::calibrate
