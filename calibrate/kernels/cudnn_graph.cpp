#include "calibrate/kernels/cudnn_graph.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <type_traits>

#include "calibrate/measurement/device_error.hpp"

namespace moeplan::calibrate {
namespace {

constexpr std::size_t kOldest = 90800;       // descriptions of devices came with it
constexpr std::int64_t kAlignment = 16;      // bytes
constexpr std::int64_t kFirstVirtual = 100;  // unique ids of what exists only inside the graph

CudnnCalls load_cudnn() {
  void* library = ::dlopen("libcudnn.so.9", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw DeviceError(fmt::format("cuDNN is not installed here: {}", ::dlerror()));
  }
  const auto find = [library](auto& call, const char* name) {
    call = reinterpret_cast<std::decay_t<decltype(call)>>(::dlsym(library, name));
    if (call == nullptr) {
      throw DeviceError(fmt::format("libcudnn.so.9 has no {}", name));
    }
  };
  CudnnCalls calls{};
  find(calls.version, "cudnnGetVersion");
  find(calls.error_string, "cudnnGetErrorString");
  find(calls.last_error, "cudnnGetLastErrorString");
  find(calls.create, "cudnnCreate");
  find(calls.destroy, "cudnnDestroy");
  find(calls.set_stream, "cudnnSetStream");
  find(calls.create_descriptor, "cudnnBackendCreateDescriptor");
  find(calls.destroy_descriptor, "cudnnBackendDestroyDescriptor");
  find(calls.set_attribute, "cudnnBackendSetAttribute");
  find(calls.get_attribute, "cudnnBackendGetAttribute");
  find(calls.finalize, "cudnnBackendFinalize");
  find(calls.execute, "cudnnBackendExecute");
  if (calls.version() < kOldest) {
    throw DeviceError(fmt::format("cuDNN {} is older than 9.8", calls.version()));
  }
  return calls;
}

std::string last_error(const CudnnCalls& calls) {
  std::array<char, 2048> text{};
  calls.last_error(text.data(), text.size());
  return text.data();
}

// The first reason in the library's report, which lists every engine.
std::string first_reason(const std::string& report) {
  const std::string mark = "Reason: ";
  const std::size_t at = report.find(mark);
  const std::string rest = at == std::string::npos ? report : report.substr(at + mark.size());
  return rest.substr(0, rest.find('\n'));
}

using Shape = std::array<std::int64_t, 4>;  // sequences, heads, rows, columns

Shape packed(const Shape& sizes) {
  return {sizes[1] * sizes[2] * sizes[3], sizes[2] * sizes[3], sizes[3], 1};
}

class GraphBuilder {
 public:
  CudnnDescriptor bound(Bound id, cudnnDataType_t type, const Shape& sizes, const Shape& strides) {
    return tensor(static_cast<std::int64_t>(id), type, sizes, strides, false, false);
  }
  // One number, given with the call in the host's memory.
  CudnnDescriptor number(Bound id, cudnnDataType_t type) {
    return tensor(static_cast<std::int64_t>(id), type, {1, 1, 1, 1}, {1, 1, 1, 1}, false, true);
  }
  CudnnDescriptor inside(cudnnDataType_t type, const Shape& sizes) {
    return tensor(next_++, type, sizes, packed(sizes), true, false);
  }

  void product(const CudnnDescriptor& a, const CudnnDescriptor& b, const CudnnDescriptor& c) {
    const CudnnDescriptor matmul(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
    matmul.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
    matmul.finalize("matmul");
    const CudnnDescriptor operation(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR);
    operation.set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, a);
    operation.set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, b);
    operation.set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, c);
    operation.set(CUDNN_ATTR_OPERATION_MATMUL_DESC, matmul);
    add(operation, "matmul operation");
  }

  void reduce(cudnnReduceTensorOp_t how, const CudnnDescriptor& x, const CudnnDescriptor& y) {
    const CudnnDescriptor reduction(CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
    reduction.set(CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, how);
    reduction.set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
    reduction.finalize("reduction");
    const CudnnDescriptor operation(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR);
    operation.set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, x);
    operation.set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, y);
    operation.set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, reduction);
    add(operation, "reduction operation");
  }

  // y = x, or x by b, or where `choose` holds x, else b. axis: of an index, -1 for none.
  void pointwise(cudnnPointwiseMode_t mode, cudnnDataType_t type, const CudnnDescriptor& x,
                 const CudnnDescriptor* b, const CudnnDescriptor& y,
                 const CudnnDescriptor* choose = nullptr, std::int64_t axis = -1) {
    const CudnnDescriptor pointwise(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
    pointwise.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, mode);
    pointwise.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, type);
    if (axis >= 0) {
      pointwise.set(CUDNN_ATTR_POINTWISE_AXIS, CUDNN_TYPE_INT64, axis);
    }
    pointwise.finalize("pointwise");
    const CudnnDescriptor operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, pointwise);
    operation.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
    if (b != nullptr) {
      operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *b);
    }
    if (choose != nullptr) {
      operation.set(CUDNN_ATTR_OPERATION_POINTWISE_TDESC, *choose);
    }
    operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
    add(operation, "pointwise operation");
  }

  CudnnDescriptor finish() const {
    std::vector<cudnnBackendDescriptor_t> all;
    for (const CudnnDescriptor& operation : operations_) {
      all.push_back(operation.get());
    }
    CudnnDescriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
              static_cast<std::int64_t>(all.size()), all.data());
    graph.finalize("operation graph");
    return graph;
  }

 private:
  static CudnnDescriptor tensor(std::int64_t id, cudnnDataType_t type, const Shape& sizes,
                                const Shape& strides, bool is_virtual, bool by_value) {
    CudnnDescriptor made(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    made.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, id);
    made.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, type);
    made.set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, sizes.data());
    made.set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides.data());
    made.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, kAlignment);
    made.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, is_virtual);
    made.set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, by_value);
    made.finalize("tensor");
    return made;
  }
  void add(const CudnnDescriptor& operation, const char* what) {
    operation.finalize(what);
    operations_.push_back(operation);
  }

  std::vector<CudnnDescriptor> operations_;
  std::int64_t next_ = kFirstVirtual;
};

}  // namespace

void CudnnCalls::check(cudnnStatus_t status, const char* call) const {
  if (status != CUDNN_STATUS_SUCCESS) {
    throw DeviceError(fmt::format("cuDNN: {}: {} ({})", call, error_string(status),
                                  first_reason(calibrate::last_error(*this))));
  }
}

const CudnnCalls& cudnn_calls() {
  static const CudnnCalls kCalls = load_cudnn();
  return kCalls;
}

CudnnDescriptor::CudnnDescriptor(cudnnBackendDescriptorType_t type) {
  cudnnBackendDescriptor_t made = nullptr;
  cudnn_calls().check(cudnn_calls().create_descriptor(type, &made), "create");
  owned_ = std::shared_ptr<void>(
      made, [](cudnnBackendDescriptor_t old) { cudnn_calls().destroy_descriptor(old); });
}

void CudnnDescriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                          std::int64_t count, const void* values) const {
  cudnn_calls().check(cudnn_calls().set_attribute(get(), name, type, count, values), "set");
}

void CudnnDescriptor::set(cudnnBackendAttributeName_t name, const CudnnDescriptor& other) const {
  const cudnnBackendDescriptor_t value = other.get();
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}

void CudnnDescriptor::finalize(const char* what) const {
  cudnn_calls().check(cudnn_calls().finalize(get()), what);
}

// The order and the kinds of operations are what cuDNN's attention engines look for, down to the
// logarithm that nobody reads: without it none takes the graph.
CudnnDescriptor attention_graph(const AttentionCase& wanted, AttentionType type) {
  const cudnnDataType_t half = type == AttentionType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_HALF;
  const cudnnDataType_t real = CUDNN_DATA_FLOAT;
  const cudnnDataType_t whole = CUDNN_DATA_INT32;
  const std::int64_t n = wanted.sequences;
  const std::int64_t rows = wanted.decode ? 1 : wanted.chunk;
  const std::int64_t columns = wanted.decode ? wanted.history : wanted.history + wanted.chunk;
  const std::int64_t dim = wanted.head_dim;
  const std::int64_t row = wanted.heads * dim;
  const std::int64_t cache_row = wanted.kv_heads * dim;
  GraphBuilder g;
  const auto queries =
      g.bound(Bound::queries, half, {n, wanted.heads, rows, dim}, {rows * row, dim, row, 1});
  const auto keys = g.bound(Bound::keys, half, {n, wanted.kv_heads, dim, columns},
                            {columns * cache_row, dim, 1, cache_row});
  const auto values = g.bound(Bound::values, half, {n, wanted.kv_heads, columns, dim},
                              {columns * cache_row, dim, cache_row, 1});
  const auto out =
      g.bound(Bound::out, half, {n, wanted.heads, rows, dim}, {rows * row, dim, row, 1});
  const Shape all = {n, wanted.heads, rows, columns};
  const Shape of_row = {n, wanted.heads, rows, 1};

  const auto products = g.inside(real, all);
  g.product(queries, keys, products);
  const auto scale = g.number(Bound::scale, real);
  CudnnDescriptor scores = g.inside(real, all);
  g.pointwise(CUDNN_POINTWISE_MUL, real, products, &scale, scores);
  if (!wanted.decode) {
    const auto first = g.inside(whole, all);  // row + cached - chunk: the last column it sees
    g.pointwise(CUDNN_POINTWISE_GEN_INDEX, whole, scores, nullptr, first, nullptr, 2);
    const auto cached = g.number(Bound::cached, whole);
    const auto behind = g.inside(whole, all);
    g.pointwise(CUDNN_POINTWISE_ADD, whole, first, &cached, behind);
    const auto chunk = g.number(Bound::chunk, whole);
    const auto last = g.inside(whole, all);
    g.pointwise(CUDNN_POINTWISE_SUB, whole, behind, &chunk, last);
    const auto column = g.inside(whole, all);
    g.pointwise(CUDNN_POINTWISE_GEN_INDEX, whole, scores, nullptr, column, nullptr, 3);
    const auto seen = g.inside(CUDNN_DATA_BOOLEAN, all);
    g.pointwise(CUDNN_POINTWISE_CMP_GE, CUDNN_DATA_BOOLEAN, last, &column, seen);
    const auto lowest = g.number(Bound::lowest, real);
    const auto masked = g.inside(real, all);
    g.pointwise(CUDNN_POINTWISE_BINARY_SELECT, real, scores, &lowest, masked, &seen);
    scores = masked;
  }
  const auto most = g.inside(real, of_row);
  g.reduce(CUDNN_REDUCE_TENSOR_MAX, scores, most);
  const auto below = g.inside(real, all);
  g.pointwise(CUDNN_POINTWISE_SUB, real, scores, &most, below);
  const auto powers = g.inside(real, all);
  g.pointwise(CUDNN_POINTWISE_EXP, real, below, nullptr, powers);
  const auto sum = g.inside(real, of_row);
  g.reduce(CUDNN_REDUCE_TENSOR_ADD, powers, sum);
  const auto logarithm = g.inside(real, of_row);
  g.pointwise(CUDNN_POINTWISE_LOG, real, sum, nullptr, logarithm);
  const auto statistics = g.inside(real, of_row);
  g.pointwise(CUDNN_POINTWISE_ADD, real, most, &logarithm, statistics);
  const auto weights = g.inside(half, all);
  g.pointwise(CUDNN_POINTWISE_DIV, real, powers, &sum, weights);
  g.product(weights, values, out);
  return g.finish();
}

CudnnDescriptor device_properties(cudnnHandle_t handle) {
  CudnnDescriptor made(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  made.set(CUDNN_ATTR_DEVICEPROP_HANDLE, CUDNN_TYPE_HANDLE, handle);
  made.finalize("device properties");
  return made;
}

CudnnDescriptor device_properties(const std::string& json) {
  CudnnDescriptor made(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  made.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
           static_cast<std::int64_t>(json.size()), json.data());
  made.finalize("device properties");
  return made;
}

std::vector<CudnnDescriptor> engines_for(const CudnnDescriptor& graph,
                                         const CudnnDescriptor& properties, std::string& reason) {
  const CudnnCalls& calls = cudnn_calls();
  const CudnnDescriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, CUDNN_HEUR_MODE_A);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, properties);
  heuristics.finalize("heuristics");
  std::int64_t count = 0;
  calls.check(calls.get_attribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                  CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr),
              "engines");
  std::vector<CudnnDescriptor> engines;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (std::int64_t i = 0; i < count; ++i) {
    engines.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    raw.push_back(engines.back().get());
  }
  std::int64_t found = 0;
  if (count > 0) {
    calls.check(calls.get_attribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                    CUDNN_TYPE_BACKEND_DESCRIPTOR, count, &found, raw.data()),
                "engines");
  }
  if (found == 0) {
    reason = count == 0 ? std::string("no engine is known for the graph")
                        : first_reason(last_error(calls));
  }
  engines.resize(static_cast<std::size_t>(found));
  return engines;
}

}  // namespace moeplan::calibrate
