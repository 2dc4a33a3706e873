#pragma once
// TokenDraws: the experts of single tokens, sampled from a Routing in constant time per expert.
// Prepared once per layer; the randomness is the caller's (sim::RandomStream, or any function that
// returns 64 random bits).
//
//   const TokenDraws draws(routing);
//   draws.draw([&] { return stream.next(); }, experts);

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "models/routing/alias_table.hpp"
#include "models/routing/routing.hpp"

namespace moeplan::models {

class TokenDraws {
 public:
  // Throws: std::logic_error if top_k is above kMostTopK.
  explicit TokenDraws(const Routing& routing);

  // Replaces `experts` by the different experts of one token, in the order drawn: top_k of them,
  // fewer where merged experts coincide. A column that was drawn before is drawn again, which is
  // the draw without replacement exactly; after kTries misses in a row the rest is drawn by a walk
  // over all columns, so that no skew makes a token slow. Words taken: top_k and one more for
  // every miss.
  template <class Next>
  void draw(Next&& next, std::vector<ExpertId>& experts) const {
    experts.clear();
    std::array<std::size_t, kMostTopK> columns{};
    for (std::size_t i = 0; i < top_k_; ++i) {
      const std::span<const std::size_t> drawn(columns.data(), i);
      std::size_t column = table_.pick(next());
      for (int miss = 1; contains(drawn, column); ++miss) {
        column = miss < kTries ? table_.pick(next()) : walk(drawn, next());
      }
      columns[i] = column;
      const ExpertId expert(static_cast<std::int32_t>(expert_of_[column]));
      if (std::find(experts.begin(), experts.end(), expert) == experts.end()) {
        experts.push_back(expert);
      }
    }
  }

  static constexpr int kTries = 32;
  static constexpr std::size_t kMostTopK = 64;

 private:
  static bool contains(std::span<const std::size_t> drawn, std::size_t column) {
    return std::find(drawn.begin(), drawn.end(), column) != drawn.end();
  }
  // A column that is not among the drawn, by its share of their remaining weight.
  std::size_t walk(std::span<const std::size_t> drawn, std::uint64_t word) const;

  std::size_t top_k_;
  std::vector<double> weights_;          // [columns]
  std::vector<std::int64_t> expert_of_;  // [columns]
  AliasTable table_;
};

}  // namespace moeplan::models
