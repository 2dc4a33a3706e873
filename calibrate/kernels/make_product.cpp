#include "calibrate/kernels/matrix_product.hpp"
#include "models/text/input_error.hpp"

namespace moeplan::calibrate {

const std::vector<std::string>& product_names() {
  static const std::vector<std::string> kNames = {
#ifdef MOEPLAN_OPENBLAS
      "openblas",
#endif
      "eigen"};
  return kNames;
}

std::unique_ptr<MatrixProduct> make_product(const std::string& name) {
  if (name == "eigen") {
    return make_eigen_product();
  }
#ifdef MOEPLAN_OPENBLAS
  if (name == "openblas") {
    return make_openblas_product();
  }
#endif
  throw InputError({.code = "E_VALUE",
                    .file = "",
                    .mark = {},
                    .pointer = "",
                    .what = "matrix products that this build has not",
                    .got = "'" + name + "'",
                    .expected = joined(product_names()),
                    .fix = did_you_mean(name, product_names())});
}

}  // namespace moeplan::calibrate
