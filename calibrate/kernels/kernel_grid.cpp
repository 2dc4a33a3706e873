#include "calibrate/kernels/kernel_grid.hpp"

#include <algorithm>

#include "calibrate/kernels/token_counts.hpp"
#include "models/routing/split_mix.hpp"

namespace moeplan::calibrate {
namespace {

using ExpertPart = ExpertCase::Part;
using Move = MoveCase::Kind;

struct ExpertShapes {
  std::int64_t hidden, intermediate, top_k;
  std::vector<std::int64_t> experts;       // on the rank, level 0
  std::vector<std::int64_t> more_experts;  // level 1
};
struct Product {
  std::int64_t columns, inner;
};
struct Heads {
  std::int64_t heads, kv_heads, head_dim;
};

struct DeviceGrid {
  std::vector<ExpertShapes> experts;
  std::vector<std::int64_t> tokens;  // of an expert layer, level 0; the powers between: 1
  std::vector<Product> products;
  std::vector<std::int64_t> rows;  // of a product, likewise
  std::vector<Heads> heads;
  std::vector<std::pair<std::int64_t, std::int64_t>> decode;   // sequences, KV tokens
  std::vector<std::pair<std::int64_t, std::int64_t>> prefill;  // chunk, history
  std::vector<std::int64_t> moved_tokens;
  std::int64_t moved_hidden;
  std::vector<std::int64_t> router_tokens;
  Seconds launch;  // rough rates, for the expected time of a call
  BytesPerSecond bandwidth;
  FlopsPerSecond compute;
};

// Layers of small models, which two cores run in milliseconds.
DeviceGrid cpu_grid() {
  return {.experts = {{1024, 512, 2, {8, 16}, {4, 32}},
                      {768, 384, 4, {8, 16}, {32}},
                      {512, 1024, 2, {8}, {16}}},
          .tokens = {1, 8, 64, 256},
          .products = {{1024, 1024}, {3072, 1024}, {1024, 3072}, {16384, 512}},
          .rows = {1, 8, 64, 256},
          .heads = {{16, 4, 64}, {8, 8, 128}},
          .decode = {{1, 8192}, {8, 2048}, {8, 4096}, {32, 1024}, {32, 512}, {64, 512}},
          .prefill = {{64, 0}, {256, 0}, {512, 0}, {64, 1024}, {256, 1024}},
          .moved_tokens = {16, 256, 2048, 8192, 32768},  // the last: beyond any cache
          .moved_hidden = 1024,
          .router_tokens = {16, 256, 2048},
          .launch = microseconds(10.0),
          .bandwidth = gigabytes_per_second(8.0),
          .compute = teraflops(0.05)};
}

// Qwen3-30B-A3B, Mixtral-8x7B and a rank of DeepSeek-V3, with the dense products around them.
DeviceGrid cuda_grid() {
  return {.experts = {{2048, 768, 8, {64, 128}, {16, 32}},
                      {4096, 14336, 2, {8}, {4}},
                      {7168, 2048, 8, {32}, {16}}},
          .tokens = {1, 8, 64, 512, 4096},
          .products = {{4096, 4096}, {6144, 4096}, {5120, 2048}, {7168, 16384}, {151936, 2048}},
          .rows = {1, 16, 256, 4096},
          .heads = {{32, 4, 128}, {32, 8, 128}},
          .decode = {{1, 131072}, {8, 16384}, {32, 4096}, {64, 4096}, {256, 1024}, {256, 4096}},
          .prefill = {{256, 0}, {1024, 0}, {4096, 0}, {8192, 0}, {1024, 8192}, {1024, 32768}},
          .moved_tokens = {64, 1024, 8192, 32768},
          .moved_hidden = 2048,
          .router_tokens = {64, 1024, 16384},
          .launch = microseconds(10.0),
          .bandwidth = gigabytes_per_second(1500.0),
          .compute = teraflops(150.0)};
}

class Grid {
 public:
  Grid(const GridOptions& options, DeviceGrid device)
      : options_(options), device_(std::move(device)) {}

  KernelGrid make() {
    experts();
    for (const std::int64_t rows : octaves(device_.rows)) {
      for (const Product& product : device_.products) {
        add(level_of(rows, device_.rows), DenseCase{rows, product.columns, product.inner});
      }
    }
    attention();
    for (const std::int64_t tokens : device_.router_tokens) {
      for (const std::int64_t of : {16, 64, 128}) {  // three kinds: a law of fewer is not kept
        add(of == 64 || tokens == device_.router_tokens.back() ? 0 : 1, RouterCase{tokens, of, 4});
      }
    }
    for (const std::int64_t tokens : device_.moved_tokens) {
      for (const Move kind : {Move::permute, Move::unpermute, Move::copy}) {
        add(0, MoveCase{kind, tokens, device_.moved_hidden, 2});
      }
    }
    return std::move(grid_);
  }

 private:
  void add(int level, Kernel kernel) {
    const KernelCase added{std::move(kernel), options_.precision};
    const std::string id = added.id();
    if (grid_.cases.emplace(id, added).second) {
      const Seconds memory = added.bytes() / device_.bandwidth;
      const Seconds compute = added.flops() / device_.compute;
      grid_.points.push_back({id, level, device_.launch + std::max(memory, compute)});
    }
  }

  // 0 for the coarse values, 1 for powers of two between, 2 for what lies between those.
  static int level_of(std::int64_t value, const std::vector<std::int64_t>& coarse) {
    if (std::find(coarse.begin(), coarse.end(), value) != coarse.end()) {
      return 0;
    }
    return (value & (value - 1)) == 0 ? 1 : 2;
  }

  // The coarse values, all powers of two up to the largest, and one value in every octave.
  static std::vector<std::int64_t> octaves(const std::vector<std::int64_t>& coarse) {
    std::vector<std::int64_t> values = coarse;
    models::SplitMix draws(17);
    for (std::int64_t power = 1; power <= coarse.back(); power *= 2) {
      values.push_back(power);
      if (power >= 4 && 2 * power <= coarse.back()) {
        values.push_back(
            power + 1 +
            static_cast<std::int64_t>(draws.uniform() * static_cast<double>(power - 1)));
      }
    }
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return values;
  }

  void add_expert(int level, ExpertPart part, const ExpertShapes& shape, std::int64_t experts,
                  std::int64_t tokens, const std::string& distribution) {
    add(level, ExpertCase{part, shape.hidden, shape.intermediate, shape.top_k, tokens, distribution,
                          token_counts(distribution, experts, tokens, shape.top_k)});
  }

  void experts() {
    for (const ExpertShapes& shape : device_.experts) {
      for (const std::int64_t tokens : octaves(device_.tokens)) {
        const int level = level_of(tokens, device_.tokens);
        for (const std::int64_t experts : shape.experts) {
          add_expert(level, ExpertPart::layer, shape, experts, tokens, "balanced");
        }
        for (const std::int64_t experts : shape.more_experts) {
          add_expert(std::max(level, 1), ExpertPart::layer, shape, experts, tokens, "balanced");
        }
        if (level == 0) {
          const std::int64_t experts = shape.experts.back();
          for (const char* distribution : {"zipf_1", "zipf_2", "one_hot"}) {
            add_expert(1, ExpertPart::layer, shape, experts, tokens, distribution);
          }
          for (const ExpertPart part : {ExpertPart::up, ExpertPart::down, ExpertPart::products}) {
            add_expert(1, part, shape, experts, tokens, "balanced");
          }
          replayed(shape, tokens);
        }
      }
    }
  }

  void replayed(const ExpertShapes& shape, std::int64_t tokens) {
    const auto used = std::count_if(options_.replayed.begin(), options_.replayed.end(),
                                    [](double weight) { return weight > 0.0; });
    if (used >= shape.top_k) {
      add(0, ExpertCase{ExpertPart::layer, shape.hidden, shape.intermediate, shape.top_k, tokens,
                        "replayed", apportion(options_.replayed, tokens, shape.top_k)});
    }
  }

  void attention() {
    for (const Heads& h : device_.heads) {
      for (const auto& [sequences, tokens] : device_.decode) {
        add(0, AttentionCase{h.heads, h.kv_heads, h.head_dim, true, sequences, 1, tokens});
        add(2, AttentionCase{h.heads, h.kv_heads, h.head_dim, true, sequences, 1, tokens / 3});
      }
      for (const auto& [chunk, history] : device_.prefill) {
        add(0, AttentionCase{h.heads, h.kv_heads, h.head_dim, false, 1, chunk, history});
        add(1, AttentionCase{h.heads, h.kv_heads, h.head_dim, false, 4, chunk / 2, history});
      }
    }
  }

  const GridOptions& options_;
  DeviceGrid device_;
  KernelGrid grid_;
};

}  // namespace

KernelGrid kernel_grid(const GridOptions& options) {
  return Grid(options, options.device == "cpu" ? cpu_grid() : cuda_grid()).make();
}

}  // namespace moeplan::calibrate
