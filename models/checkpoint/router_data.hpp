#pragma once
// RouterData: what a router did on task data, from files; either logits or sufficient statistics.
//
// Logits, [tokens x experts] of MoE layer L (0-based among all layers of the model, as in tensor
// names), before softmax or sigmoid:
//   a directory with layer_L.npy (little-endian float32 or float16), or
//   a .safetensors file with tensors layer.L.logits (F32, F16 or BF16).
// Statistics, in a .safetensors file (models/pruning/dump_router_statistics.py writes it):
//   layer.L.tokens          [1]                  I64
//   layer.L.gram            [experts x experts]  F64 or F32, sum over tokens of logit_i logit_j
//   layer.L.logit_sum       [experts]            F64 or F32
//   layer.L.selected        [experts]            I64, tokens that chose the expert
//   layer.L.gate_sum        [experts]            F64 or F32, gates over those tokens
//   layer.L.gated_norm_sum  [experts]            the same of gate x norm of the expert's output;
//                                                optional, also beside logits; reap needs it
// Logits are mapped and streamed; they are not copied to memory as a whole.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "models/checkpoint/checkpoint.hpp"
#include "models/pruning/pruned_router.hpp"
#include "models/pruning/router_statistics.hpp"

namespace moeplan::models {

// A layer's router as the config has it.
struct RouterKind {
  std::int64_t layer = 0;
  std::int64_t experts = 0;
  std::int64_t top_k = 0;
  GateRule rule;
  std::vector<float> correction_bias;  // [experts], or empty
  bool group_limited = false;          // chooses groups first: logits alone do not tell selections
};

class RouterData {
 public:
  // Throws: InputError for what is no such file or directory.
  static RouterData open(const std::filesystem::path& path);

  // Throws: InputError: the layer is missing; another width, type or rank than documented; NaN and
  // other numbers that cannot be, with token and expert; a group-limited router with logits.
  RouterStatistics statistics(const RouterKind& router, int threads) const;
  // From logits where there are any, else from `statistics`. Throws: InputError.
  RoutingHistogram histogram(const RouterKind& router, const RouterStatistics& statistics,
                             const LayerPlan& plan, RouterMode mode) const;
  const std::string& name() const { return name_; }

 private:
  struct Logits {
    Dtype dtype = Dtype::f32;
    std::int64_t tokens = 0;
    std::span<const std::byte> bytes;
    std::string from;                    // for errors
    std::shared_ptr<MappedFile> mapped;  // of an .npy file
  };
  std::optional<Logits> logits(const RouterKind& router) const;
  // Tokens as floats, some at a time.
  void for_each_piece(const Logits& logits, std::int64_t experts,
                      const std::function<void(const float*, std::int64_t)>& use) const;
  RouterStatistics from_logits(const RouterKind& router, const Logits& logits, int threads) const;
  RouterStatistics from_tensors(const RouterKind& router) const;
  std::vector<double> numbers(const std::string& tensor, std::vector<std::int64_t> shape) const;
  [[noreturn]] void fail(const std::string& from, const char* code, std::string what,
                         std::string got = "", std::string expected = "",
                         std::string fix = "") const;

  std::string name_;
  std::filesystem::path directory_;         // of .npy files; empty: a safetensors file
  std::shared_ptr<const Checkpoint> file_;  // nullptr: a directory
};

}  // namespace moeplan::models
