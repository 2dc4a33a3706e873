#include "models/checkpoint/separate_experts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "models/checkpoint/block_scales.hpp"
#include "models/text/input_error.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

[[noreturn]] void fail(const Checkpoint& checkpoint, const char* code, std::string what,
                       std::string expected = "", std::string fix = "") {
  throw InputError(Problem{.code = code,
                           .file = checkpoint.name(),
                           .what = std::move(what),
                           .expected = std::move(expected),
                           .fix = std::move(fix)});
}

}  // namespace

SeparateExperts::SeparateExperts(const Checkpoint& checkpoint, const ExpertNames& names,
                                 const MoeFfn& moe, std::int64_t hidden)
    : checkpoint_(checkpoint), names_(names) {
  const std::string start = names_.experts + names_.number;
  for (auto at = checkpoint.tensors().lower_bound(start);
       at != checkpoint.tensors().end() && at->first.starts_with(start); ++at) {
    const std::string& name = at->first;
    std::int32_t expert = -1;
    const char* end = name.data() + name.size();
    const auto read = std::from_chars(name.data() + start.size(), end, expert);
    if (read.ec != std::errc() || read.ptr == end || *read.ptr != '.') {
      fail(checkpoint, "E_VALUE", fmt::format("tensor '{}' names no expert", name), start + "N.");
    }
    if (expert < 0 || expert >= moe.experts) {
      fail(checkpoint, "E_VALUE",
           fmt::format("tensor '{}' is of expert {}, config.json has {}", name, expert,
                       moe.experts));
    }
    tensors_[expert].insert(std::string(read.ptr + 1, end));
  }
  check(moe, hidden);
}

void SeparateExperts::check(const MoeFfn& moe, std::int64_t hidden) const {
  for (std::int32_t e = 0; e < moe.experts; ++e) {
    check_shape(checkpoint_, names_.of(e, names_.in), {moe.intermediate, hidden});
    if (!names_.gate.empty()) {
      check_shape(checkpoint_, names_.of(e, names_.gate), {moe.intermediate, hidden});
    }
    check_shape(checkpoint_, names_.of(e, names_.out), {hidden, moe.intermediate});
    if (tensors_.at(e) != tensors_.at(0)) {
      fail(checkpoint_, "E_VALUE",
           fmt::format("experts 0 and {} of '{}' have different tensors", e, names_.experts));
    }
  }
}

// Only what is understood can be averaged: the matrices and the block scales of fp8.
void SeparateExperts::check_mergeable(std::int32_t expert) const {
  for (const std::string& tensor : tensors_.at(expert)) {
    std::string matrix = tensor;
    if (matrix.ends_with(kScaleSuffix)) {
      matrix.resize(matrix.size() - std::string(kScaleSuffix).size());
    }
    if (matrix != names_.in && matrix != names_.gate && matrix != names_.out) {
      fail(checkpoint_, "E_VALUE",
           fmt::format("experts with a tensor '{}' cannot be merged", names_.of(expert, tensor)),
           fmt::format("weights as {}", names_.in),
           "dequantise the checkpoint, or use a method that drops experts (frequency, reap)");
    }
  }
}

FloatMatrix SeparateExperts::matrix(std::int32_t expert, const std::string& tensor) const {
  const std::string name = names_.of(expert, tensor);
  const TensorInfo& info = checkpoint_.tensor(name).info;
  FloatMatrix result(info.shape[0], info.shape[1]);
  checkpoint_.read(name, {result.data(), static_cast<std::size_t>(result.size())});
  if (tensors_.at(expert).contains(tensor + kScaleSuffix)) {
    apply_block_scales(checkpoint_, name, result);
  }
  if (!result.allFinite()) {
    fail(checkpoint_, "E_VALUE", fmt::format("tensor '{}' has numbers that are not finite", name));
  }
  return result;
}

ExpertWeights SeparateExperts::load(std::int32_t expert) const {
  check_mergeable(expert);
  ExpertWeights weights;
  weights.in = matrix(expert, names_.in);
  if (!names_.gate.empty()) {
    weights.gate = matrix(expert, names_.gate);
  }
  weights.out = matrix(expert, names_.out);
  return weights;
}

void SeparateExperts::declare(const LayerPlan& plan, CheckpointWriter& writer) const {
  for (std::size_t k = 0; k < plan.kept.size(); ++k) {
    const std::int32_t anchor = plan.kept[k].anchor;
    for (const std::string& tensor : tensors_.at(anchor)) {
      const auto& from = checkpoint_.tensor(names_.of(anchor, tensor));
      writer.declare(names_.of(static_cast<std::int64_t>(k), tensor), from.info.dtype,
                     from.info.shape, from.shard);
    }
  }
}

void SeparateExperts::copy(std::int32_t expert, std::size_t index, CheckpointWriter& writer) const {
  for (const std::string& tensor : tensors_.at(expert)) {
    writer.write(names_.of(static_cast<std::int64_t>(index), tensor),
                 checkpoint_.bytes(checkpoint_.tensor(names_.of(expert, tensor))));
  }
}

void SeparateExperts::store_matrix(const FloatMatrix& matrix, std::int32_t anchor,
                                   const std::string& tensor, std::size_t index,
                                   CheckpointWriter& writer) const {
  const std::string from = names_.of(anchor, tensor);
  const std::string into = names_.of(static_cast<std::int64_t>(index), tensor);
  const Dtype dtype = checkpoint_.tensor(from).info.dtype;
  FloatMatrix scaled = matrix;
  if (tensors_.at(anchor).contains(tensor + kScaleSuffix)) {
    const std::vector<std::byte> scales = divide_by_block_scales(checkpoint_, from, dtype, scaled);
    writer.write(into + kScaleSuffix, scales);
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(matrix.size()) * bytes_of(dtype));
  write_floats(dtype, {scaled.data(), static_cast<std::size_t>(scaled.size())}, bytes);
  writer.write(into, bytes);
}

void SeparateExperts::store(const ExpertWeights& weights, std::int32_t anchor, std::size_t index,
                            CheckpointWriter& writer) const {
  store_matrix(weights.in, anchor, names_.in, index, writer);
  if (!names_.gate.empty()) {
    store_matrix(weights.gate, anchor, names_.gate, index, writer);
  }
  store_matrix(weights.out, anchor, names_.out, index, writer);
}

void SeparateExperts::release(std::int32_t expert) const {
  for (const std::string& tensor : tensors_.at(expert)) {
    checkpoint_.release(checkpoint_.tensor(names_.of(expert, tensor)));
  }
}

bool SeparateExperts::owns(const std::string& tensor) const {
  return tensor.starts_with(names_.experts + names_.number);
}

}  // namespace moeplan::models
