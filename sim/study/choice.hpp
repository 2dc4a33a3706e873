#pragma once
// Choosing among options with a quality, a latency and two kinds of money: the Pareto front, what
// is cheapest over how many tokens, and from when on one pays against another. Pure arithmetic;
// what the options are is the caller's business.

#include <cstddef>
#include <optional>
#include <vector>

#include "models/units/quantity.hpp"

namespace moeplan::sim {

struct Merit {
  double quality = 0.0;  // fraction, more is better
  Seconds latency;
  Usd pretraining;
  UsdPerToken inference;
  Usd over(Tokens lifetime) const { return pretraining + inference * lifetime; }
};

// Indices of options that no other beats or equals in all of quality, latency and pretraining cost
// while beating it in one; in the order given.
std::vector<std::size_t> study_front(const std::vector<Merit>& options);

// The option to take from so many lifetime tokens on.
struct CheapestFrom {
  Tokens from;
  std::size_t option = 0;
};

// The lower envelope of pretraining + inference x tokens over tokens >= 0, ascending; the first
// begins at 0. Of equal options the more accurate one, then the first. Empty without options.
std::vector<CheapestFrom> cheapest_by_lifetime(const std::vector<Merit>& options);

// Tokens from which on `option` costs no more than `other`:
//   (option.pretraining - other.pretraining) / (other.inference - option.inference)
// 0 when it never costs more; nullopt when it does not catch up: its inference is no cheaper and
// its pretraining dearer, or it is only cheaper up to some number of tokens.
std::optional<Tokens> pays_from(const Merit& option, const Merit& other);

}  // namespace moeplan::sim
