#include <algorithm>
#include <tuple>

#include "calibrate/fitting/predictor.hpp"
#include "calibrate/fitting/simple_family.hpp"
#include "models/latency/exchange_latency.hpp"
#include "models/text/input_error.hpp"
#include "models/units/require.hpp"

namespace moeplan::calibrate {
namespace {

using models::ExchangeLoad;
using models::ExchangeMode;
using models::ExchangePhase;
using models::ExchangeSample;
using models::ExchangeTheta;

using ShapeKey = std::tuple<std::int64_t, std::int64_t, std::int64_t>;  // hidden, top-k, experts

struct Rows {
  SimpleRows simple;
  std::vector<ExchangeLoad> loads;  // [rows]
  std::map<std::string, models::Interval> domain;
};

Rows rows_of(const std::vector<ExchangeSample>& samples, ExchangeMode mode) {
  Rows rows;
  std::vector<ShapeKey> keys;
  for (const ExchangeSample& sample : samples) {
    rows.simple.seconds.push_back(sample.origin.seconds);
    rows.simple.launches.push_back(sample.origin.launch_seconds);
    rows.simple.shape_of.push_back(
        shape_index(keys, ShapeKey(sample.hidden, sample.top_k, sample.experts)));
    rows.loads.push_back(exchange_load(sample, mode));
    const ExchangeLoad& load = rows.loads.back();
    const double tokens = load.tokens;
    const double hidden = load.hidden;
    cover(rows.domain, "tokens", tokens);
    cover(rows.domain, "hidden", hidden);
    cover(rows.domain, "top_k", static_cast<double>(sample.top_k));
    cover(rows.domain, "experts", static_cast<double>(sample.experts));
  }
  rows.simple.shapes = static_cast<int>(keys.size());
  return rows;
}

void check_units(const Rows& rows, const std::vector<ExchangeSample>& samples, double near_rate) {
  std::size_t fast = 0;
  int line = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (rows.loads[i].near_bytes > 1.05 * near_rate * samples[i].origin.seconds) {
      ++fast;
      line = line == 0 ? samples[i].origin.line : line;
    }
  }
  if (4 * fast > samples.size()) {
    throw InputError({.code = "E_UNIT",
                      .file = samples.front().origin.kernel_source,
                      .mark = {line, 0},
                      .pointer = "",
                      .what = "most rows move more than the stated rate of the fabric",
                      .got = "durations taken as microseconds",
                      .expected = "durations that the fabric can reach",
                      .fix = "milliseconds, or another device?"});
  }
}

}  // namespace

FittedFamily fit_exchange(const std::vector<ExchangeSample>& samples,
                          const ExchangeContext& context) {
  require(!samples.empty(), "a fit needs samples");
  const ExchangeSample& first = samples.front();
  const bool low_latency =
      first.origin.kernel_source == kernel_source_of(ExchangeMode::low_latency);
  const ExchangeMode mode = low_latency ? ExchangeMode::low_latency : ExchangeMode::normal;
  Rows rows = rows_of(samples, mode);
  const double inside = context.inside->bandwidth.value();
  const double uplink = context.between->bandwidth.value() * models::kBusEfficiency;
  check_units(rows, samples, inside);
  const bool spans = first.nodes > 1;

  ExchangeTheta held{.near = models::kBusEfficiency * inside,
                     .multiprocessors = static_cast<double>(context.gpu->multiprocessors)};
  if (spans && context.one_node != nullptr) {
    held.near = context.one_node->value("near_Bps");
    held.own = context.one_node->value("own_Bps");
    held.token = context.one_node->value("token_s");
  }
  if (spans && !low_latency) {
    held.far = context.far > 0.0 ? context.far : uplink;
  }
  const double floor = *std::min_element(rows.simple.seconds.begin(), rows.simple.seconds.end());
  rows.simple.parameters = {{"launch_s", floor, floor}, {"norm", 1.0, 1.0}};
  if (!spans) {
    rows.simple.parameters.push_back({"near_Bps", 0.6 * inside, held.near});
    rows.simple.parameters.push_back({"own_Bps", inside, 0.0});
    if (low_latency && first.phase == ExchangePhase::dispatch) {
      rows.simple.parameters.push_back({"token_s", 2e-6, 0.0});
    }
  } else if (low_latency) {
    rows.simple.parameters.push_back({"far_Bps", uplink, uplink});
  } else {
    rows.simple.parameters.push_back({"staged_Bps", uplink, 0.0});
  }
  const auto theta_of = [&](std::span<const double> v) {
    ExchangeTheta theta = held;
    for (std::size_t i = 0; i < rows.simple.parameters.size(); ++i) {
      const std::string& name = rows.simple.parameters[i].name;
      (name == "launch_s"   ? theta.launch
       : name == "norm"     ? theta.norm
       : name == "near_Bps" ? theta.near
       : name == "own_Bps"  ? theta.own
       : name == "token_s"  ? theta.token
       : name == "far_Bps"  ? theta.far
                            : theta.staged) = v[i];
    }
    return theta;
  };
  rows.simple.law = [&](std::span<const double> v, std::size_t i) {
    return models::exchange_seconds(theta_of(v), rows.loads[i]);
  };
  FittedFamily family = fit_simple(rows.simple, "all2all", first.origin,
                                   std::string(name_of(first.origin.precision)));
  models::FittedLaw& law = family.law;
  law.info.form = "two_tier_v1";
  law.info.domain = rows.domain;
  const auto keep = [&](const char* name, double value) {
    if (value > 0.0 && law.theta.count(name) == 0) {
      law.theta[name] = six_digits(value);
    }
  };
  keep("near_Bps", held.near);
  keep("far_Bps", held.far);
  keep("own_Bps", held.own);
  keep("token_s", held.token);
  law.constants = {{"ranks", static_cast<double>(first.ranks)},
                   {"nodes", static_cast<double>(first.nodes)},
                   {"combine", first.phase == ExchangePhase::combine ? 1.0 : 0.0},
                   {"multiprocessors", static_cast<double>(context.gpu->multiprocessors)},
                   {"fabric_Bps", inside},
                   {"uplink_Bps", context.between->bandwidth.value()}};
  if (!law.errors.leave_one_shape_out) {
    law.info.discrepancy_sd_log = std::max(law.info.discrepancy_sd_log, kAssumedNetworkSd);
  }
  return family;
}

}  // namespace moeplan::calibrate
