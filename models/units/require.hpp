#pragma once
// require: a broken invariant is a bug in moeplan, never in the user's input. Always on.

#include <stdexcept>
#include <string>

namespace moeplan {

// Throws: std::logic_error with the sentence when the condition does not hold.
inline void require(bool condition, const char* sentence) {
  if (!condition) {
    throw std::logic_error(sentence);
  }
}

}  // namespace moeplan
