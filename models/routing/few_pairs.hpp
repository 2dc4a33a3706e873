#pragma once
// FewPairs: what Routing::largest_pairs() found for few pairs, by tokens and ranks. Threads may ask
// at the same time; whoever comes second to a question works it out again, to the same answer.

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "models/routing/routing.hpp"

namespace moeplan::models {

class Routing::FewPairs {
 public:
  std::optional<double> find(std::int64_t tokens, int ranks) const {
    const std::lock_guard lock(mutex_);
    const auto found = by_tokens_.find({tokens, ranks});
    return found == by_tokens_.end() ? std::nullopt : std::optional(found->second);
  }
  void keep(std::int64_t tokens, int ranks, double pairs) {
    const std::lock_guard lock(mutex_);
    by_tokens_.emplace(std::pair{tokens, ranks}, pairs);
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::int64_t, int>, double> by_tokens_;
};

}  // namespace moeplan::models
