#pragma once
// Private to models/pruning: the experts that a token chooses, and what is wrong with its logits.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace moeplan::models {

// A token whose logits cannot be used.
class BadLogit : public std::invalid_argument {
 public:
  BadLogit(const std::string& what, std::int64_t token);
  const std::string& what_is_wrong() const { return what_; }
  std::int64_t token() const { return token_; }

 private:
  std::string what_;
  std::int64_t token_;
};

// chosen: [top_k] in, filled with the experts of the largest logits, or, with a bias, of the
// largest score + bias; descending; ties: the lower id.
void choose_experts(const float* logits, const std::vector<double>& scores,
                    const std::vector<float>& bias, std::vector<std::int32_t>& chosen);

}  // namespace moeplan::models
