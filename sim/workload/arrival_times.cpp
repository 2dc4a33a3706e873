#include "sim/workload/arrival_times.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr std::size_t kHours = 24;

bool is_positive(double value) { return value > 0.0 && std::isfinite(value); }

}  // namespace

double draw_gamma(RandomStream& stream, double shape, double mean) {
  require(is_positive(shape) && is_positive(mean), "a gamma variate needs shape and mean above 0");
  const double boost = shape < 1.0 ? std::exp(std::log(stream.uniform()) / shape) : 1.0;
  const double d = (shape < 1.0 ? shape + 1.0 : shape) - 1.0 / 3.0;
  const double c = 1.0 / std::sqrt(9.0 * d);
  for (;;) {
    const double x = stream.normal();
    const double root = 1.0 + c * x;
    if (root <= 0.0) {
      continue;
    }
    const double v = root * root * root;
    if (std::log(stream.uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) {
      return d * v * boost * (mean / shape);
    }
  }
}

ArrivalTimes::ArrivalTimes(const ShapedArrivals& process, std::int64_t request_count,
                           std::uint64_t seed)
    : process_(process),
      request_count_(request_count),
      gaps_(seed, "arrival gaps"),
      phases_(seed, "burst phases"),
      varying_(process.bursts || process.day) {
  require(is_positive(process.rate.value()), "an arrival rate must be positive and finite");
  require(is_positive(process.burstiness), "a burstiness must be positive and finite");
  if (process.ramp) {
    require(process.ramp->start > 0.0 && process.ramp->start <= 1.0 && !varying_,
            "a ramp starts at a fraction of the rate, without bursts or a day");
  }
  if (process.bursts) {
    const Bursts& bursts = *process.bursts;
    require(bursts.factor >= 1.0 && is_positive(bursts.on.value()) &&
                is_positive(bursts.off.value()) && std::isfinite(bursts.factor),
            "bursts have a factor of at least 1 and positive lengths");
    // Phases are memoryless: starting with the long-run share of bursts is the steady state.
    in_burst_ = phases_.uniform() >= bursts.on / (bursts.on + bursts.off);
    phase_end_s_ = 0.0;  // the first piece switches
  }
  if (process.day) {
    const std::vector<double>& weights = process.day->weights;
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    require(weights.size() == kHours && is_positive(sum) &&
                *std::min_element(weights.begin(), weights.end()) >= 0.0,
            "a day has 24 weights of at least 0, one of them above");
    mean_weight_ = sum / kHours;
    const double day_s = process.day->length
                             ? process.day->length->value()
                             : static_cast<double>(request_count) / process.rate.value();
    require(is_positive(day_s), "a day has a length");
    hour_s_ = day_s / kHours;
  }
}

double ArrivalTimes::unit_gap() {
  return process_.burstiness == 1.0 ? gaps_.exponential(1.0)
                                    : draw_gamma(gaps_, process_.burstiness, 1.0);
}

double ArrivalTimes::ramp_at(std::int64_t request) const {
  const double start = process_.ramp->start;
  const double progress = static_cast<double>(request) /
                          static_cast<double>(std::max<std::int64_t>(request_count_ - 1, 1));
  return process_.ramp->exponential ? std::pow(start, 1.0 - progress)
                                    : start + (1.0 - start) * progress;
}

SimTime ArrivalTimes::next() {
  if (varying_) {
    return next_of_varying_rate();
  }
  double rate = process_.rate.value();
  if (process_.ramp) {
    rate *= ramp_at(handed_out_++);
  }
  const double mean = 1.0 / rate;
  last_ += Seconds(process_.burstiness == 1.0 ? gaps_.exponential(mean)
                                              : draw_gamma(gaps_, process_.burstiness, mean));
  return last_;
}

// The next stretch of constant rate, from the end of the present one.
void ArrivalTimes::begin_piece() {
  piece_passed_ += piece_rate_ * (piece_end_s_ - piece_begin_s_);
  piece_begin_s_ = piece_end_s_;
  double rate = process_.rate.value();
  double end = kNever;
  if (process_.bursts) {
    const Bursts& bursts = *process_.bursts;
    if (piece_begin_s_ >= phase_end_s_) {
      in_burst_ = !in_burst_;
      phase_end_s_ += phases_.exponential((in_burst_ ? bursts.on : bursts.off).value());
    }
    const double base = (bursts.on + bursts.off) / (bursts.on * bursts.factor + bursts.off);
    rate *= in_burst_ ? base * bursts.factor : base;
    end = phase_end_s_;
  }
  if (process_.day) {
    const double hour_end = static_cast<double>(hour_ + 1) * hour_s_;
    hour_ += piece_begin_s_ >= hour_end ? 1 : 0;
    rate *= process_.day->weights[static_cast<std::size_t>(hour_) % kHours] / mean_weight_;
    end = std::min(end, static_cast<double>(hour_ + 1) * hour_s_);
  }
  piece_rate_ = rate;
  piece_end_s_ = end;
}

SimTime ArrivalTimes::next_of_varying_rate() {
  passed_ += unit_gap();
  while (!(piece_passed_ + piece_rate_ * (piece_end_s_ - piece_begin_s_) > passed_)) {
    begin_piece();
  }
  const double instant = piece_begin_s_ + (passed_ - piece_passed_) / piece_rate_;
  last_ = std::max(last_, SimTime{} + Seconds(instant));
  return last_;
}

}  // namespace moeplan::sim
