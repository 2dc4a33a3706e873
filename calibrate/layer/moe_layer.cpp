#include "calibrate/layer/moe_layer.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "calibrate/all2all/mpi_session.hpp"
#include "calibrate/all2all/rank_clock.hpp"
#include "calibrate/measurement/device_error.hpp"
#include "calibrate/measurement/fingerprint.hpp"
#include "models/units/require.hpp"

namespace moeplan::calibrate {
namespace {

constexpr double kColdFactor = 3.0;   // weights together over the last-level cache
constexpr double kMostChecked = 5e8;  // multiplications of the reference
constexpr double kTolerance = 1e-4;   // of the largest output; single against double precision

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

template <class T>
void grow(std::vector<T>& buffer, std::int64_t size) {
  buffer.resize(std::max(buffer.size(), at(size)));
}

}  // namespace

MoeLayer::MoeLayer(const LayerShape& shape, int rank, int ranks, const std::string& products)
    : shape_(shape),
      rank_(rank),
      ranks_(ranks),
      first_expert_(first_experts(shape.experts, ranks)),
      product_(make_product(products)),
      context_{*product_, workers_},
      tokens_(token_rows(shape, rank)),
      router_(router_rows(shape)),
      bias_(router_bias(shape)) {
  require(shape.experts >= ranks && shape.top_k <= shape.experts && shape.tokens > 0,
          "a layer has experts for every rank and tokens");
  product_->set_threads(1);
  const std::int64_t mine = first_expert_[at(rank + 1)] - first_expert_[at(rank)];
  const std::int64_t up = 2 * shape.hidden * shape.intermediate;
  const std::int64_t down = shape.hidden * shape.intermediate;
  const double bytes = static_cast<double>(mine * (up + down)) * sizeof(float);
  copies_ = static_cast<std::int64_t>(kColdFactor * last_level_cache_bytes() / bytes) + 1;
  weights_.resize(at(copies_ * mine * (up + down)));
  for (std::int64_t e = 0; e < mine; ++e) {
    expert_weights(shape, first_expert_[at(rank)] + e, weights_.data() + e * up,
                   weights_.data() + mine * up + e * down);
  }
  for (std::int64_t copy = 1; copy < copies_; ++copy) {
    std::copy(weights_.begin(), weights_.begin() + mine * (up + down),
              weights_.begin() + copy * mine * (up + down));
  }
  const std::int64_t pairs = shape.tokens * shape.top_k;
  logits_.resize(at(shape.tokens * shape.experts));
  chosen_.resize(at(pairs));
  chosen_weights_.resize(at(pairs));
  rows_.resize(at(pairs * shape.hidden));
  output_.resize(at(shape.tokens * shape.hidden));
  sent_.tokens = shape.tokens;
  sent_.top_k = shape.top_k;
  for (auto* buffer : {&send_counts_, &send_places_, &receive_counts_, &receive_places_}) {
    buffer->resize(at(ranks));
  }
  count_from_.resize(at(ranks * mine));
}

void MoeLayer::mark(Part part) {
  const double now = RankClock::now();
  part_seconds_[static_cast<std::size_t>(part)] = now - since_;
  since_ = now;
}

void MoeLayer::route_tokens() {
  const LayerShape& s = shape_;
  product_->times_transposed(s.tokens, s.experts, s.hidden, 1.0F, tokens_.data(), s.hidden,
                             router_.data(), s.hidden, logits_.data(), s.experts);
  for (std::int64_t token = 0; token < s.tokens; ++token) {
    for (std::int64_t e = 0; e < s.experts; ++e) {
      logits_[at(token * s.experts + e)] += bias_[at(e)];
    }
  }
  route(context_, s.tokens, s.experts, s.top_k, logits_.data(), chosen_.data(),
        chosen_weights_.data(), pairs_of_expert_);
  // Pairs by expert, tokens in order within one.
  sent_.first_of_expert.assign(1, 0);
  for (const std::int64_t pairs : pairs_of_expert_) {
    sent_.first_of_expert.push_back(sent_.first_of_expert.back() + pairs);
  }
  std::vector<std::int64_t> next(sent_.first_of_expert.begin(), sent_.first_of_expert.end() - 1);
  sent_.token_of_pair.resize(chosen_.size());
  sent_.pair_of_token.resize(chosen_.size());
  sent_.weight_of_pair.resize(chosen_.size());
  for (std::size_t i = 0; i < chosen_.size(); ++i) {
    const auto pair = at(next[at(chosen_[i])]++);
    sent_.token_of_pair[pair] = static_cast<std::int32_t>(i / at(s.top_k));
    sent_.weight_of_pair[pair] = chosen_weights_[i];
    sent_.pair_of_token[i] = static_cast<std::int32_t>(pair);
  }
}

// Who gets how many rows: every rank tells every other the counts of that one's experts.
void MoeLayer::exchange_counts() {
  const std::int64_t mine = first_expert_[at(rank_ + 1)] - first_expert_[at(rank_)];
  std::vector<int> out(at(ranks_)), out_at(at(ranks_)), in(at(ranks_)), in_at(at(ranks_));
  for (int r = 0; r < ranks_; ++r) {
    out[at(r)] = static_cast<int>(first_expert_[at(r + 1)] - first_expert_[at(r)]);
    out_at[at(r)] = static_cast<int>(first_expert_[at(r)]);
    in[at(r)] = static_cast<int>(mine);
    in_at[at(r)] = static_cast<int>(r * mine);
  }
  mpi_check(MPI_Alltoallv(pairs_of_expert_.data(), out.data(), out_at.data(), MPI_INT64_T,
                          count_from_.data(), in.data(), in_at.data(), MPI_INT64_T, MPI_COMM_WORLD),
            "MPI_Alltoallv");
  received_rows_ = 0;
  for (int r = 0; r < ranks_; ++r) {
    const std::int64_t first = sent_.first_of_expert[at(first_expert_[at(r)])];
    send_places_[at(r)] = static_cast<int>(first);
    send_counts_[at(r)] =
        static_cast<int>(sent_.first_of_expert[at(first_expert_[at(r + 1)])] - first);
    const auto begin = count_from_.begin() + r * mine;
    receive_places_[at(r)] = static_cast<int>(received_rows_);
    receive_counts_[at(r)] =
        static_cast<int>(std::accumulate(begin, begin + mine, std::int64_t{0}));
    received_rows_ += receive_counts_[at(r)];
  }
  local_.first_of_expert.assign(1, 0);
  for (std::int64_t e = 0; e < mine; ++e) {
    std::int64_t rows = local_.first_of_expert.back();
    for (int r = 0; r < ranks_; ++r) {
      rows += count_from_[at(r * mine + e)];
    }
    local_.first_of_expert.push_back(rows);
  }
  grow(arrived_, received_rows_ * shape_.hidden);
  grow(grouped_, received_rows_ * shape_.hidden);
  grow(both_, received_rows_ * 2 * shape_.intermediate);
  grow(inner_, received_rows_ * shape_.intermediate);
}

void MoeLayer::exchange_rows(bool back) {
  MPI_Datatype row = MPI_DATATYPE_NULL;
  mpi_check(MPI_Type_contiguous(static_cast<int>(shape_.hidden), MPI_FLOAT, &row),
            "MPI_Type_contiguous");
  mpi_check(MPI_Type_commit(&row), "MPI_Type_commit");
  const int code =
      back ? MPI_Alltoallv(arrived_.data(), receive_counts_.data(), receive_places_.data(), row,
                           rows_.data(), send_counts_.data(), send_places_.data(), row,
                           MPI_COMM_WORLD)
           : MPI_Alltoallv(rows_.data(), send_counts_.data(), send_places_.data(), row,
                           arrived_.data(), receive_counts_.data(), receive_places_.data(), row,
                           MPI_COMM_WORLD);
  MPI_Type_free(&row);
  mpi_check(code, "MPI_Alltoallv");
}

// Arrived rows lie by source, then expert; the experts' products want them by expert.
void MoeLayer::regroup(bool back) {
  const std::int64_t mine = first_expert_[at(rank_ + 1)] - first_expert_[at(rank_)];
  std::vector<std::int64_t> next(local_.first_of_expert.begin(), local_.first_of_expert.end() - 1);
  std::int64_t arrived = 0;
  for (int r = 0; r < ranks_; ++r) {
    for (std::int64_t e = 0; e < mine; ++e) {
      const std::int64_t count = count_from_[at(r * mine + e)];
      float* by_source = arrived_.data() + arrived * shape_.hidden;
      float* by_expert = grouped_.data() + next[at(e)] * shape_.hidden;
      const std::size_t bytes = at(count * shape_.hidden) * sizeof(float);
      if (bytes > 0) {
        std::memcpy(back ? by_source : by_expert, back ? by_expert : by_source, bytes);
      }
      arrived += count;
      next[at(e)] += count;
    }
  }
}

void MoeLayer::run_experts() {
  const std::int64_t mine = first_expert_[at(rank_ + 1)] - first_expert_[at(rank_)];
  const std::int64_t up_size = 2 * shape_.hidden * shape_.intermediate * mine;
  const std::int64_t down_size = shape_.hidden * shape_.intermediate * mine;
  const float* up = weights_.data() + runs_ % copies_ * (up_size + down_size);
  const std::int64_t hidden = shape_.hidden;
  const std::int64_t intermediate = shape_.intermediate;
  regroup(false);
  expert_up(context_, local_, hidden, intermediate, up, grouped_.data(), both_.data());
  gated_activation(context_, received_rows_, intermediate, both_.data(), inner_.data());
  expert_down(context_, local_, hidden, intermediate, up + up_size, inner_.data(), grouped_.data());
  regroup(true);
}

void MoeLayer::run() {
  since_ = RankClock::now();
  route_tokens();
  mark(Part::router);
  permute(context_, sent_, shape_.hidden, tokens_.data(), rows_.data());
  mark(Part::permute);
  exchange_counts();
  exchange_rows(false);
  mark(Part::dispatch);
  run_experts();
  mark(Part::experts);
  exchange_rows(true);
  mark(Part::combine);
  unpermute(context_, sent_, shape_.hidden, rows_.data(), output_.data());
  mark(Part::unpermute);
  ++runs_;
}

void MoeLayer::check() {
  const LayerShape& s = shape_;
  const double work = 3.0 * static_cast<double>(s.tokens * s.top_k * s.hidden * s.intermediate);
  if (work > kMostChecked) {
    return;
  }
  const std::vector<double> expected = reference_output(s, rank_);
  double largest = 0.0;
  double worst = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    worst = std::max(worst, std::abs(expected[i] - static_cast<double>(output_[i])));
  }
  if (!(worst <= kTolerance * largest)) {
    throw DeviceError(fmt::format("rank {}: the layer's output is off by {:.3g} of {:.3g}", rank_,
                                  worst, largest));
  }
}

}  // namespace moeplan::calibrate
