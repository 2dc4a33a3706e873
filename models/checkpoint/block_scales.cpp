#include "models/checkpoint/block_scales.hpp"

#include <fmt/format.h>

#include "models/text/input_error.hpp"

namespace moeplan::models {
namespace {

FloatMatrix empty_scales(const Checkpoint& checkpoint, const std::string& name,
                         const FloatMatrix& matrix) {
  const TensorInfo& info = checkpoint.tensor(name + kScaleSuffix).info;
  FloatMatrix scales((matrix.rows() + kScaleBlock - 1) / kScaleBlock,
                     (matrix.cols() + kScaleBlock - 1) / kScaleBlock);
  if (info.shape != std::vector<std::int64_t>{scales.rows(), scales.cols()}) {
    throw InputError(Problem{
        .code = "E_VALUE",
        .file = checkpoint.name(),
        .what =
            fmt::format("tensor '{}{}' has no scale per block of 128 x 128", name, kScaleSuffix),
        .got = info.shape_text(),
        .expected = fmt::format("[{}, {}]", scales.rows(), scales.cols())});
  }
  return scales;
}

template <class Each>
void for_each_block(FloatMatrix& matrix, FloatMatrix& scales, const Each& each) {
  for (Eigen::Index i = 0; i < scales.rows(); ++i) {
    for (Eigen::Index j = 0; j < scales.cols(); ++j) {
      const Eigen::Index rows = std::min(kScaleBlock, matrix.rows() - i * kScaleBlock);
      const Eigen::Index columns = std::min(kScaleBlock, matrix.cols() - j * kScaleBlock);
      each(matrix.block(i * kScaleBlock, j * kScaleBlock, rows, columns), scales(i, j));
    }
  }
}

}  // namespace

void apply_block_scales(const Checkpoint& checkpoint, const std::string& name,
                        FloatMatrix& matrix) {
  FloatMatrix scales = empty_scales(checkpoint, name, matrix);
  checkpoint.read(name + kScaleSuffix, {scales.data(), static_cast<std::size_t>(scales.size())});
  for_each_block(matrix, scales, [](auto block, float& scale) { block *= scale; });
}

std::vector<std::byte> divide_by_block_scales(const Checkpoint& checkpoint, const std::string& name,
                                              Dtype dtype, FloatMatrix& matrix) {
  FloatMatrix scales = empty_scales(checkpoint, name, matrix);
  const float largest = dtype == Dtype::f8_e5m2 ? 57344.0f : 448.0f;
  for_each_block(matrix, scales, [&](auto block, float& scale) {
    const float most = block.cwiseAbs().maxCoeff();
    scale = most > 0.0f ? most / largest : 1.0f;
    block /= scale;
  });
  const Dtype stored = checkpoint.tensor(name + kScaleSuffix).info.dtype;
  std::vector<std::byte> bytes(static_cast<std::size_t>(scales.size()) * bytes_of(stored));
  write_floats(stored, {scales.data(), static_cast<std::size_t>(scales.size())}, bytes);
  return bytes;
}

}  // namespace moeplan::models
