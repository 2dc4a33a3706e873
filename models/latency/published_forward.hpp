#pragma once
// PublishedForward: forward passes that somebody printed (models/data/published), to fit and check
// StaticForward against.

#include <cstdint>
#include <string>
#include <vector>

#include "models/units/quantity.hpp"

namespace moeplan::models {

// What a printed time is of.
enum class ForwardQuantity {
  pass,     // the whole forward pass
  all2all,  // of one MoE layer, both exchanges, waiting included
  experts   // of one MoE layer, the loop over the local experts
};

// What a point is for: parameters of the law are fitted to `fit`, the growth with GPUs to `growth`,
// `check` is predicted.
enum class ForwardUse { fit, growth, check };

struct ForwardPoint {
  std::string figure;  // "2a"
  std::string model;   // catalog id
  std::int64_t gpus = 1;
  std::int64_t expert_ranks = 1;
  std::int64_t sequences = 1;  // per GPU
  std::int64_t length = 1;     // tokens of each
  ForwardQuantity quantity = ForwardQuantity::pass;
  ForwardUse use = ForwardUse::check;
  Seconds duration;
  std::string source;
};

struct PublishedForward {
  std::string file;      // name without directory
  std::string sha256;    // of its bytes
  std::string hardware;  // catalog id of the GPU
  std::string title;
  std::vector<ForwardPoint> points;
};

}  // namespace moeplan::models
