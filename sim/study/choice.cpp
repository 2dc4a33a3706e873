#include "sim/study/choice.hpp"

namespace moeplan::sim {
namespace {

bool dominates(const Merit& a, const Merit& b) {
  const bool as_good =
      a.quality >= b.quality && a.latency <= b.latency && a.pretraining <= b.pretraining;
  const bool better =
      a.quality > b.quality || a.latency < b.latency || a.pretraining < b.pretraining;
  return as_good && better;
}

}  // namespace

std::vector<std::size_t> study_front(const std::vector<Merit>& options) {
  std::vector<std::size_t> front;
  for (std::size_t i = 0; i < options.size(); ++i) {
    bool beaten = false;
    for (std::size_t j = 0; j < options.size() && !beaten; ++j) {
      beaten = j != i && dominates(options[j], options[i]);
    }
    if (!beaten) {
      front.push_back(i);
    }
  }
  return front;
}

std::vector<CheapestFrom> cheapest_by_lifetime(const std::vector<Merit>& options) {
  std::vector<CheapestFrom> parts;
  if (options.empty()) {
    return parts;
  }
  // At `at` tokens both cost the same, or it is 0: what is cheaper from there on comes first.
  const auto before = [&](std::size_t a, std::size_t b) {
    const Merit& x = options[a];
    const Merit& y = options[b];
    if (x.inference != y.inference) {
      return x.inference < y.inference;
    }
    return x.quality > y.quality;
  };
  std::size_t best = 0;
  for (std::size_t i = 1; i < options.size(); ++i) {
    const Usd difference = options[i].pretraining - options[best].pretraining;
    if (difference < Usd() || (difference == Usd() && before(i, best))) {
      best = i;
    }
  }
  parts.push_back({Tokens(), best});
  for (bool found = true; found;) {
    found = false;
    CheapestFrom next;
    const Merit& now = options[parts.back().option];
    for (std::size_t i = 0; i < options.size(); ++i) {
      if (options[i].inference >= now.inference) {
        continue;
      }
      const Tokens crossing =
          (options[i].pretraining - now.pretraining) / (now.inference - options[i].inference);
      if (!found || crossing < next.from || (crossing == next.from && before(i, next.option))) {
        next = {crossing, i};
        found = true;
      }
    }
    if (found) {
      parts.push_back(next);
    }
  }
  return parts;
}

std::optional<Tokens> pays_from(const Merit& option, const Merit& other) {
  const Usd more = option.pretraining - other.pretraining;
  const UsdPerToken saved = other.inference - option.inference;
  if (more <= Usd() && saved >= UsdPerToken()) {
    return Tokens();
  }
  if (saved <= UsdPerToken() || more <= Usd()) {
    return std::nullopt;
  }
  return more / saved;
}

}  // namespace moeplan::sim
