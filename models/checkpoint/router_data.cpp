#include "models/checkpoint/router_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>

#include "models/checkpoint/npy.hpp"
#include "models/text/input_error.hpp"

namespace moeplan::models {
namespace {

namespace fs = std::filesystem;

// Tokens that are converted to float at a time.
constexpr std::int64_t kPiece = std::int64_t{1} << 17;

std::vector<double> converted(Dtype dtype, std::span<const std::byte> bytes) {
  std::vector<double> numbers(bytes.size() / bytes_of(dtype));
  if (dtype == Dtype::f64) {
    std::memcpy(numbers.data(), bytes.data(), bytes.size());
  } else if (dtype == Dtype::i64) {
    std::vector<std::int64_t> whole(numbers.size());
    std::memcpy(whole.data(), bytes.data(), bytes.size());
    std::copy(whole.begin(), whole.end(), numbers.begin());
  } else {
    std::vector<float> narrow(numbers.size());
    read_floats(dtype, bytes, narrow);
    std::copy(narrow.begin(), narrow.end(), numbers.begin());
  }
  return numbers;
}

std::vector<std::int64_t> whole(const std::vector<double>& numbers) {
  return std::vector<std::int64_t>(numbers.begin(), numbers.end());
}

}  // namespace

void RouterData::fail(const std::string& from, const char* code, std::string what, std::string got,
                      std::string expected, std::string fix) const {
  throw InputError(Problem{.code = code,
                           .file = from,
                           .what = std::move(what),
                           .got = std::move(got),
                           .expected = std::move(expected),
                           .fix = std::move(fix)});
}

RouterData RouterData::open(const fs::path& path) {
  RouterData data;
  data.name_ = path.string();
  std::error_code none;
  if (fs::is_directory(path, none)) {
    data.directory_ = path;
  } else {
    data.file_ = std::make_shared<const Checkpoint>(Checkpoint::open(path));
  }
  return data;
}

std::optional<RouterData::Logits> RouterData::logits(const RouterKind& router) const {
  Logits found;
  std::vector<std::int64_t> shape;
  if (file_ == nullptr) {
    const fs::path path = directory_ / fmt::format("layer_{}.npy", router.layer);
    found.from = path.string();
    found.mapped = std::make_shared<MappedFile>(path);
    const NpyHeader header = parse_npy_header(found.mapped->bytes(), found.from);
    found.dtype = header.dtype;
    shape = header.shape;
    found.bytes = found.mapped->bytes().subspan(header.data);
  } else {
    const std::string name = fmt::format("layer.{}.logits", router.layer);
    const Checkpoint::Tensor* tensor = file_->find(name);
    if (tensor == nullptr) {
      return std::nullopt;
    }
    found.from = name_ + " (" + name + ")";
    found.dtype = tensor->info.dtype;
    shape = tensor->info.shape;
    found.bytes = file_->bytes(*tensor);
  }
  TensorInfo got;
  got.shape = shape;
  if (shape.size() != 2 || shape[1] != router.experts || shape[0] < 1) {
    fail(found.from, "E_VALUE", fmt::format("the logits of layer {}", router.layer),
         got.shape_text(), fmt::format("[tokens, {}]", router.experts));
  }
  if (found.dtype != Dtype::f32 && found.dtype != Dtype::f16 && found.dtype != Dtype::bf16) {
    fail(found.from, "E_TYPE", fmt::format("the logits of layer {}", router.layer),
         std::string(name_of(found.dtype)), "32 or 16-bit floating-point numbers");
  }
  found.tokens = shape[0];
  return found;
}

void RouterData::for_each_piece(const Logits& logits, std::int64_t experts,
                                const std::function<void(const float*, std::int64_t)>& use) const {
  std::vector<float> piece;
  const auto width = static_cast<std::size_t>(experts);
  const std::size_t size = width * bytes_of(logits.dtype);
  for (std::int64_t begin = 0; begin < logits.tokens; begin += kPiece) {
    const std::int64_t count = std::min(kPiece, logits.tokens - begin);
    piece.resize(static_cast<std::size_t>(count) * width);
    read_floats(logits.dtype,
                logits.bytes.subspan(static_cast<std::size_t>(begin) * size,
                                     static_cast<std::size_t>(count) * size),
                piece);
    use(piece.data(), count);
  }
}

RouterStatistics RouterData::statistics(const RouterKind& router, int threads) const {
  const auto found = logits(router);
  RouterStatistics statistics = found ? from_logits(router, *found, threads) : from_tensors(router);
  const std::string norms = fmt::format("layer.{}.gated_norm_sum", router.layer);
  if (file_ != nullptr && file_->find(norms) != nullptr) {
    statistics.gated_norm_sum = numbers(norms, {router.experts});
  }
  if (const auto problem = problem_of(statistics, router.experts, router.top_k)) {
    fail(found ? found->from : name_, "E_VALUE",
         fmt::format("layer {}: {}", router.layer, *problem));
  }
  return statistics;
}

RouterStatistics RouterData::from_logits(const RouterKind& router, const Logits& logits,
                                         int threads) const {
  if (router.group_limited) {
    fail(logits.from, "E_VALUE",
         fmt::format("layer {} chooses groups of experts first, which logits alone do not tell",
                     router.layer),
         "logits", "statistics with the selections of the model itself",
         "models/pruning/dump_router_statistics.py writes them");
  }
  const RouterStatisticsBuilder empty(router.experts, router.top_k, router.rule,
                                      router.correction_bias);
  try {
    const bool aligned =
        reinterpret_cast<std::uintptr_t>(logits.bytes.data()) % alignof(float) == 0;
    if (logits.dtype == Dtype::f32 && aligned) {
      return statistics_of_logits(reinterpret_cast<const float*>(logits.bytes.data()),
                                  logits.tokens, empty, router.experts, threads);
    }
    RouterStatisticsBuilder total = empty;
    for_each_piece(logits, router.experts,
                   [&](const float* piece, std::int64_t count) { total.add(piece, count); });
    return total.statistics();
  } catch (const std::invalid_argument& error) {
    fail(logits.from, "E_VALUE", fmt::format("layer {}: {}", router.layer, error.what()));
  }
}

std::vector<double> RouterData::numbers(const std::string& tensor,
                                        std::vector<std::int64_t> shape) const {
  const Checkpoint::Tensor& found = file_->tensor(tensor);
  TensorInfo wanted;
  wanted.shape = std::move(shape);
  if (found.info.shape != wanted.shape) {
    fail(name_, "E_VALUE", fmt::format("tensor '{}'", tensor), found.info.shape_text(),
         wanted.shape_text());
  }
  const bool counts = tensor.ends_with(".selected") || tensor.ends_with(".tokens");
  const Dtype dtype = found.info.dtype;
  if (counts ? dtype != Dtype::i64 : dtype != Dtype::f64 && dtype != Dtype::f32) {
    fail(name_, "E_TYPE", fmt::format("tensor '{}'", tensor), std::string(name_of(dtype)),
         counts ? "I64" : "F64 or F32");
  }
  return converted(dtype, file_->bytes(found));
}

RouterStatistics RouterData::from_tensors(const RouterKind& router) const {
  const std::string start = fmt::format("layer.{}.", router.layer);
  if (file_->find(start + "gram") == nullptr) {
    fail(name_, "E_MISSING", fmt::format("no logits or statistics of layer {}", router.layer), "",
         fmt::format("tensor '{0}logits', or '{0}gram' and the others", start));
  }
  RouterStatistics s;
  s.tokens = whole(numbers(start + "tokens", {1})).front();
  const std::vector<double> gram = numbers(start + "gram", {router.experts, router.experts});
  s.gram = Eigen::Map<const Eigen::MatrixXd>(gram.data(), router.experts, router.experts);
  s.logit_sum = numbers(start + "logit_sum", {router.experts});
  s.selected = whole(numbers(start + "selected", {router.experts}));
  s.gate_sum = numbers(start + "gate_sum", {router.experts});
  return s;
}

RoutingHistogram RouterData::histogram(const RouterKind& router, const RouterStatistics& statistics,
                                       const LayerPlan& plan, RouterMode mode) const {
  const auto found = mode == RouterMode::reinitialised ? std::nullopt : logits(router);
  try {
    if (!found) {
      return histogram_from_counts(statistics, router.top_k, plan, mode);
    }
    RoutingHistogram total;
    std::int64_t begin = 0;
    for_each_piece(*found, router.experts, [&](const float* piece, std::int64_t count) {
      const RoutingHistogram part = histogram_from_logits(piece, count, router.top_k, router.rule,
                                                          router.correction_bias, plan, mode);
      total.pairs.resize(part.pairs.size(), 0);
      std::transform(part.pairs.begin(), part.pairs.end(), total.pairs.begin(), total.pairs.begin(),
                     std::plus<>());
      total.basis = part.basis;
      begin += count;
    });
    total.effective_top_k = static_cast<double>(std::accumulate(
                                total.pairs.begin(), total.pairs.end(), std::int64_t{0})) /
                            static_cast<double>(begin);
    return total;
  } catch (const std::invalid_argument& error) {
    fail(name_, "E_VALUE", fmt::format("layer {}: {}", router.layer, error.what()));
  }
}

}  // namespace moeplan::models
