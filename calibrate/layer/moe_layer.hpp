#pragma once
// MoeLayer: a SMoE layer that really runs over MPI ranks - router on real inputs, dispatch, expert
// networks, combine. What a prediction from its parts is checked against. Only in builds with MPI.

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "calibrate/all2all/rank_cases.hpp"
#include "calibrate/kernels/cpu_kernels.hpp"
#include "calibrate/layer/layer_shape.hpp"

namespace moeplan::calibrate {

class MoeLayer : public RankCase {
 public:
  // The parts of a run, for where the time goes.
  enum class Part { router, permute, dispatch, experts, combine, unpermute };
  static constexpr int kParts = 6;

  // Weights of this rank's experts and its tokens are made here; as many copies of the weights as
  // are larger than three times the cache together, so that every run reads them from memory.
  // products: of make_product. One thread.
  MoeLayer(const LayerShape& shape, int rank, int ranks, const std::string& products);

  void run() override;
  // The output against reference_output, where the work of that is small; throws DeviceError.
  void check() override;

  const std::vector<float>& output() const { return output_; }  // [tokens x hidden], after run()
  // Seconds of each part in the last run, of this rank.
  const std::array<double, kParts>& part_seconds() const { return part_seconds_; }
  // Rows that this rank's experts got in the last run.
  std::int64_t received_rows() const { return received_rows_; }

 private:
  void route_tokens();
  void exchange_counts();
  void exchange_rows(bool back);
  void run_experts();
  void regroup(bool back);
  void mark(Part part);

  LayerShape shape_;
  int rank_;
  int ranks_;
  std::vector<std::int64_t> first_expert_;  // [ranks + 1]
  std::unique_ptr<MatrixProduct> product_;
  Workers workers_{1};
  CpuContext context_;

  std::vector<float> tokens_, router_, bias_, weights_;
  std::int64_t copies_ = 1;  // of the weights
  std::int64_t runs_ = 0;

  // Of one run.
  std::vector<float> logits_, chosen_weights_, output_;
  std::vector<std::int32_t> chosen_;
  std::vector<std::int64_t> pairs_of_expert_;
  RoutedPairs sent_;   // this rank's pairs, by expert of all ranks
  RoutedPairs local_;  // rows of all ranks, by expert of this one
  std::vector<float> rows_, arrived_, grouped_, both_, inner_;
  std::vector<int> send_counts_, send_places_, receive_counts_, receive_places_;  // [ranks], rows
  std::vector<std::int64_t> count_from_;  // [ranks x local experts]
  std::int64_t received_rows_ = 0;
  double since_ = 0.0;
  std::array<double, kParts> part_seconds_{};
};

}  // namespace moeplan::calibrate
