#include "calibrate/kernels/devices.hpp"
#include "models/text/input_error.hpp"

namespace moeplan::calibrate {

const std::vector<std::string>& attention_names() {
  static const std::vector<std::string> kNames = {"unfused", "cudnn"};
  return kNames;
}

std::unique_ptr<KernelDevice> make_device(const std::string& kind, const DeviceOptions& options) {
  if (kind == "cpu" && options.attention == "cudnn") {
    throw InputError({.code = "E_VALUE",
                      .file = "",
                      .mark = {},
                      .pointer = "--attention",
                      .what = "cuDNN's attention runs on GPUs only",
                      .got = "--device cpu --attention cudnn",
                      .expected = "--device cuda, or --attention unfused",
                      .fix = ""});
  }
  if (kind == "cpu") {
    return make_cpu_device(options);
  }
#ifdef MOEPLAN_HAS_CUDA
  if (kind == "cuda") {
    return make_cuda_device(options);
  }
  const std::string known = "cpu or cuda";
#else
  const std::string known = "cpu (this build is without CUDA: nvcc was not found)";
#endif
  throw InputError({.code = "E_VALUE",
                    .file = "",
                    .mark = {},
                    .pointer = "",
                    .what = "a kind of device that this program cannot measure",
                    .got = "'" + kind + "'",
                    .expected = known,
                    .fix = ""});
}

}  // namespace moeplan::calibrate
