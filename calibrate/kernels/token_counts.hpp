#pragma once
// How many pairs every expert gets: the vectors that expert kernels are timed with. All are exact
// and whole: sum = tokens * top_k, and no expert has more pairs than there are tokens.

#include <cstdint>
#include <string>
#include <vector>

namespace moeplan::calibrate {

// Pairs in proportion to the weights (largest remainders, ties to the lower index); what an expert
// cannot take goes to the others in proportion. weights: [experts], >= 0, at least top_k above 0.
// Throws: std::logic_error otherwise. A replayed vector is its measured counts as weights.
std::vector<std::int64_t> apportion(const std::vector<double>& weights, std::int64_t tokens,
                                    std::int64_t top_k);

// "balanced": equal weights; "zipf_A": weight rank^-A; "one_hot": the first top_k experts get
// every token. experts >= top_k. Throws: std::logic_error for other names.
std::vector<std::int64_t> token_counts(const std::string& distribution, std::int64_t experts,
                                       std::int64_t tokens, std::int64_t top_k);

// Which token each pair is of, expert by expert; [tokens * top_k]. The pairs of one expert are of
// different tokens, and every token has top_k. pairs_of_expert as token_counts makes it.
std::vector<std::int32_t> tokens_of_pairs(const std::vector<std::int64_t>& pairs_of_expert,
                                          std::int64_t tokens);

}  // namespace moeplan::calibrate
