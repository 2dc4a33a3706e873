#include "models/checkpoint/fused_experts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/text/input_error.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {

FusedExperts::FusedExperts(const Checkpoint& checkpoint, const ExpertNames& names,
                           const MoeFfn& moe, std::int64_t hidden)
    : checkpoint_(checkpoint),
      gate_up_(names.experts + names.in),
      down_(names.experts + names.out),
      experts_(moe.experts),
      hidden_(hidden),
      intermediate_(moe.intermediate) {
  if (checkpoint.find(gate_up_ + "_blocks") != nullptr) {
    throw InputError(
        Problem{.code = "E_VALUE",
                .file = checkpoint.name(),
                .what = fmt::format("tensor '{}_blocks' is MXFP4, which is not read", gate_up_),
                .expected = "bf16 weights",
                .fix = "dequantise the checkpoint first (transformers: "
                       "Mxfp4Config(dequantize=True))"});
  }
  const std::int64_t i = moe.intermediate;
  check_shape(checkpoint, gate_up_, {experts_, hidden, 2 * i});
  check_shape(checkpoint, gate_up_ + "_bias", {experts_, 2 * i});
  check_shape(checkpoint, down_, {experts_, i, hidden});
  check_shape(checkpoint, down_ + "_bias", {experts_, hidden});
  tensors_ = {gate_up_, gate_up_ + "_bias", down_, down_ + "_bias"};
  for (auto at = checkpoint.tensors().lower_bound(names.experts);
       at != checkpoint.tensors().end() && at->first.starts_with(names.experts); ++at) {
    if (!tensors_.contains(at->first)) {
      throw InputError(Problem{.code = "E_VALUE",
                               .file = checkpoint.name(),
                               .what = fmt::format("tensor '{}' is none that experts of this model "
                                                   "have",
                                                   at->first)});
    }
  }
}

std::span<const std::byte> FusedExperts::part(const std::string& tensor,
                                              std::int32_t expert) const {
  const auto bytes = checkpoint_.bytes(checkpoint_.tensor(tensor));
  const std::size_t size = bytes.size() / static_cast<std::size_t>(experts_);
  return bytes.subspan(static_cast<std::size_t>(expert) * size, size);
}

std::vector<float> FusedExperts::numbers(const std::string& tensor, std::int32_t expert) const {
  const Dtype dtype = checkpoint_.tensor(tensor).info.dtype;
  if (!is_weight(dtype)) {
    throw InputError(Problem{.code = "E_TYPE",
                             .file = checkpoint_.name(),
                             .what = fmt::format("tensor '{}'", tensor),
                             .got = std::string(name_of(dtype)),
                             .expected = "F32, F16 or BF16"});
  }
  const auto bytes = part(tensor, expert);
  std::vector<float> result(bytes.size() / bytes_of(dtype));
  read_floats(dtype, bytes, result);
  if (!std::all_of(result.begin(), result.end(), [](float x) { return std::isfinite(x); })) {
    throw InputError(Problem{.code = "E_VALUE",
                             .file = checkpoint_.name(),
                             .what = fmt::format("tensor '{}' has numbers that are not finite in "
                                                 "expert {}",
                                                 tensor, expert)});
  }
  return result;
}

ExpertWeights FusedExperts::load(std::int32_t expert) const {
  ExpertWeights weights;
  weights.in.resize(intermediate_, hidden_);
  weights.gate.resize(intermediate_, hidden_);
  weights.in_bias.resize(intermediate_);
  weights.gate_bias.resize(intermediate_);
  const std::vector<float> both = numbers(gate_up_, expert);
  for (Eigen::Index h = 0; h < hidden_; ++h) {
    const float* row = both.data() + h * 2 * intermediate_;
    for (Eigen::Index i = 0; i < intermediate_; ++i) {
      weights.gate(i, h) = row[2 * i];
      weights.in(i, h) = row[2 * i + 1];
    }
  }
  const std::vector<float> biases = numbers(gate_up_ + "_bias", expert);
  for (Eigen::Index i = 0; i < intermediate_; ++i) {
    weights.gate_bias(i) = biases[static_cast<std::size_t>(2 * i)];
    weights.in_bias(i) = biases[static_cast<std::size_t>(2 * i + 1)];
  }
  const std::vector<float> down = numbers(down_, expert);
  weights.out = Eigen::Map<const FloatMatrix>(down.data(), intermediate_, hidden_).transpose();
  const std::vector<float> out_bias = numbers(down_ + "_bias", expert);
  weights.out_bias = Eigen::Map<const Eigen::VectorXf>(out_bias.data(), hidden_);
  return weights;
}

void FusedExperts::declare(const LayerPlan& plan, CheckpointWriter& writer) const {
  for (const std::string& tensor : tensors_) {
    const auto& from = checkpoint_.tensor(tensor);
    std::vector<std::int64_t> shape = from.info.shape;
    shape.front() = static_cast<std::int64_t>(plan.kept.size());
    writer.declare(tensor, from.info.dtype, std::move(shape), from.shard);
  }
}

void FusedExperts::copy(std::int32_t expert, std::size_t index, CheckpointWriter& writer) const {
  for (const std::string& tensor : tensors_) {
    const auto bytes = part(tensor, expert);
    writer.write(tensor, bytes, index * bytes.size());
  }
}

void FusedExperts::store_part(const std::string& tensor, const std::vector<float>& numbers,
                              std::size_t index, CheckpointWriter& writer) const {
  const Dtype dtype = checkpoint_.tensor(tensor).info.dtype;
  std::vector<std::byte> bytes(numbers.size() * bytes_of(dtype));
  write_floats(dtype, numbers, bytes);
  writer.write(tensor, bytes, index * bytes.size());
}

void FusedExperts::store(const ExpertWeights& weights, std::int32_t, std::size_t index,
                         CheckpointWriter& writer) const {
  std::vector<float> both(static_cast<std::size_t>(hidden_ * 2 * intermediate_));
  for (Eigen::Index h = 0; h < hidden_; ++h) {
    float* row = both.data() + h * 2 * intermediate_;
    for (Eigen::Index i = 0; i < intermediate_; ++i) {
      row[2 * i] = weights.gate(i, h);
      row[2 * i + 1] = weights.in(i, h);
    }
  }
  store_part(gate_up_, both, index, writer);
  std::vector<float> biases(static_cast<std::size_t>(2 * intermediate_));
  for (Eigen::Index i = 0; i < intermediate_; ++i) {
    biases[static_cast<std::size_t>(2 * i)] = weights.gate_bias(i);
    biases[static_cast<std::size_t>(2 * i + 1)] = weights.in_bias(i);
  }
  store_part(gate_up_ + "_bias", biases, index, writer);
  std::vector<float> down(static_cast<std::size_t>(hidden_ * intermediate_));
  Eigen::Map<FloatMatrix>(down.data(), intermediate_, hidden_) = weights.out.transpose();
  store_part(down_, down, index, writer);
  store_part(down_ + "_bias", std::vector<float>(weights.out_bias.begin(), weights.out_bias.end()),
             index, writer);
}

void FusedExperts::release(std::int32_t) const {
  for (const std::string& tensor : tensors_) {
    checkpoint_.release(checkpoint_.tensor(tensor));
  }
}

}  // namespace moeplan::models
