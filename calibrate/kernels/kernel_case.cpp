#include "calibrate/kernels/kernel_case.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeplan::calibrate {
namespace {

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

double real(std::int64_t value) { return static_cast<double>(value); }

const char* name_of(ExpertCase::Part part) {
  switch (part) {
    case ExpertCase::Part::layer:
      return "layer";
    case ExpertCase::Part::up:
      return "up";
    case ExpertCase::Part::down:
      return "down";
    case ExpertCase::Part::products:
      return "products";
  }
  return "";
}

const char* name_of(MoveCase::Kind kind) {
  switch (kind) {
    case MoveCase::Kind::permute:
      return "permute";
    case MoveCase::Kind::unpermute:
      return "unpermute";
    case MoveCase::Kind::copy:
      return "copy";
  }
  return "";
}

// Matrices hidden x intermediate that a part multiplies by.
double matrices(ExpertCase::Part part) {
  return part == ExpertCase::Part::up ? 2.0 : part == ExpertCase::Part::down ? 1.0 : 3.0;
}

double query_key_pairs(const AttentionCase& c) {
  return c.decode ? real(c.sequences * c.history)
                  : real(c.sequences * c.chunk) * (real(c.history) + (real(c.chunk) + 1.0) / 2.0);
}

}  // namespace

std::int64_t ExpertCase::active_experts() const {
  return std::count_if(pairs_of_expert.begin(), pairs_of_expert.end(),
                       [](std::int64_t pairs) { return pairs > 0; });
}

std::string KernelCase::id() const {
  const std::string kernel_id = std::visit(
      Overloaded{[](const ExpertCase& c) {
                   return fmt::format("expert/{}/h{}/i{}/k{}/e{}/t{}/{}", name_of(c.part), c.hidden,
                                      c.intermediate, c.top_k, c.pairs_of_expert.size(), c.tokens,
                                      c.distribution);
                 },
                 [](const DenseCase& c) {
                   return fmt::format("dense/m{}/n{}/k{}", c.rows, c.columns, c.inner);
                 },
                 [](const AttentionCase& c) {
                   return fmt::format("attention/{}/q{}/kv{}/d{}/s{}/c{}/h{}",
                                      c.decode ? "decode" : "prefill", c.heads, c.kv_heads,
                                      c.head_dim, c.sequences, c.chunk, c.history);
                 },
                 [](const RouterCase& c) {
                   return fmt::format("router/t{}/e{}/k{}", c.tokens, c.experts, c.top_k);
                 },
                 [](const MoveCase& c) {
                   return fmt::format("{}/t{}/h{}/k{}", name_of(c.kind), c.tokens, c.hidden,
                                      c.top_k);
                 }},
      kernel);
  return fmt::format("{}/{}", kernel_id, models::name_of(precision));
}

Bytes KernelCase::bytes() const {
  const double element = models::activation_bytes(precision);
  return moeplan::bytes(std::visit(
      Overloaded{[&](const ExpertCase& c) {
                   const double weights = matrices(c.part) * real(c.hidden) * real(c.intermediate) *
                                          real(c.active_experts());
                   const double rows =
                       real(c.pairs()) * (2.0 * real(c.hidden) + 3.0 * real(c.intermediate));
                   return element * (weights + rows);
                 },
                 [&](const DenseCase& c) {
                   return element *
                          (real(c.columns * c.inner) + real(c.rows * (c.inner + c.columns)));
                 },
                 [&](const AttentionCase& c) {
                   const double cached = c.decode ? real(c.history) : real(c.history + c.chunk);
                   return element * real(c.sequences * c.head_dim) *
                          (2.0 * cached * real(c.kv_heads) + 2.0 * real(c.chunk * c.heads));
                 },
                 [](const RouterCase& c) {  // fp32 logits; an index and a weight for each pair
                   return 4.0 * real(c.tokens * c.experts) + 8.0 * real(c.tokens * c.top_k);
                 },
                 [&](const MoveCase& c) {
                   const double rows = real(c.tokens * c.top_k);
                   const double other = c.kind == MoveCase::Kind::unpermute ? real(c.tokens) : rows;
                   return element * real(c.hidden) * (rows + other);
                 }},
      kernel));
}

Flops KernelCase::flops() const {
  return Flops(std::visit(
      Overloaded{[](const ExpertCase& c) {
                   return 2.0 * matrices(c.part) * real(c.hidden) * real(c.intermediate) *
                          real(c.pairs());
                 },
                 [](const DenseCase& c) { return 2.0 * real(c.rows) * real(c.columns * c.inner); },
                 [](const AttentionCase& c) {
                   return 4.0 * real(c.heads * c.head_dim) * query_key_pairs(c);
                 },
                 [](const RouterCase& c) { return 20.0 * real(c.tokens * c.experts); },
                 [](const MoveCase& c) {
                   return c.kind == MoveCase::Kind::unpermute
                              ? 2.0 * real(c.tokens * c.top_k) * real(c.hidden)
                              : 0.0;
                 }},
      kernel));
}

}  // namespace moeplan::calibrate
