#include "models/accuracy/interval.hpp"

#include <boost/math/distributions/students_t.hpp>
#include <cmath>

#include "models/units/require.hpp"

namespace moeplan::models {

MeanInterval student_interval(std::span<const double> values, double confidence) {
  require(!values.empty(), "a mean is of at least one value");
  require(confidence > 0.0 && confidence < 1.0, "a confidence is between 0 and 1");
  MeanInterval out;
  out.count = static_cast<std::int64_t>(values.size());
  const auto n = static_cast<double>(values.size());
  for (const double value : values) {
    out.mean += value / n;
  }
  if (values.size() < 2) {
    return out;
  }
  double squares = 0.0;
  for (const double value : values) {
    squares += (value - out.mean) * (value - out.mean);
  }
  out.standard_error = std::sqrt(squares / (n - 1.0) / n);
  const boost::math::students_t distribution(n - 1.0);
  const double t = boost::math::quantile(distribution, 0.5 + 0.5 * confidence);
  out.low = out.mean - t * *out.standard_error;
  out.high = out.mean + t * *out.standard_error;
  return out;
}

}  // namespace moeplan::models
