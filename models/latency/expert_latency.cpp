#include "models/latency/expert_latency.hpp"

#include <algorithm>
#include <cmath>

#include "models/latency/law_reader.hpp"
#include "models/latency/p_norm.hpp"

namespace moeplan::models {
namespace {

struct Tile {
  double rows;
  double columns;
};

Tile tile_of(TileRule rule, double tokens, double local_experts) {
  switch (rule) {
    case TileRule::fixed:
      return {64.0, 128.0};
    case TileRule::by_local_experts:
      return tokens <= local_experts ? Tile{16.0, 32.0} : Tile{64.0, 64.0};
    case TileRule::by_rows:
      return {1.0, 1.0};
    case TileRule::by_tokens:
      break;
  }
  const double columns = tokens <= 64.0 ? 64.0 : 128.0;
  if (tokens <= 32.0) {
    return {16.0, columns};
  }
  if (tokens <= 96.0) {
    return {32.0, columns};
  }
  return {tokens <= 512.0 ? 64.0 : 128.0, columns};
}

// One grouped GEMM: N columns, K inner.
struct Gemm {
  double columns;
  double inner;
};

// A CPU's products copy weights into another order, which a row or two do not pay for.
constexpr double kFewRows = 4.0;

// Weights that are read more than once, in experts.
double read_again(const ExpertTheta& theta, const ExpertLoad& load, double tiles, double across) {
  const double active = load.active_experts;
  if (theta.reread <= 0.0 || active <= 0.0) {
    return 0.0;
  }
  if (theta.tiles == TileRule::by_rows) {
    const double rows = load.pairs / active / kFewRows;
    return theta.reread * active * rows * rows / (1.0 + rows * rows);
  }
  return (tiles - active) * (across * across / (theta.reread + across * across));
}

double gemm_seconds(const ExpertTheta& theta, const ExpertShape& shape, const ExpertLoad& load,
                    const Gemm& gemm) {
  const Tile tile = tile_of(theta.tiles, load.tokens, static_cast<double>(shape.local_experts));
  const double active = load.active_experts;
  const double any = std::min(1.0, active);
  const double tiles = std::max(active, load.pairs / tile.rows);
  const double per_inner = 2.0 * tile.rows * tile.columns * theta.multiprocessors / theta.compute;
  const double across = gemm.columns / tile.columns / theta.multiprocessors;
  const double again = read_again(theta, load, tiles, across);
  const double read = gemm.columns * gemm.inner * weight_bytes(shape.precision) * (active + again);
  const double wave = tiles * across;
  const double work = gemm.inner * per_inner * std::sqrt(any * any + wave * wave);
  return p_norm(read / theta.bandwidth, work, theta.norm);
}

Gemm gemm_of(ExpertPart part, const ExpertShape& shape) {
  const double h = static_cast<double>(shape.hidden);
  const double width = static_cast<double>(shape.intermediate);
  return part == ExpertPart::up ? Gemm{(shape.gated ? 2.0 : 1.0) * width, h} : Gemm{h, width};
}

}  // namespace

double expert_seconds(const ExpertTheta& theta, const ExpertShape& shape, const ExpertLoad& load) {
  if (load.tokens <= 0.0) {
    return theta.launch;
  }
  const double h = static_cast<double>(shape.hidden);
  const double width = static_cast<double>(shape.intermediate);
  const double k = static_cast<double>(shape.top_k);
  const double inputs = shape.gated ? 2.0 : 1.0;
  const double any = std::min(1.0, load.active_experts);

  double seconds = theta.launch + theta.inner * (h + width) * any;
  if (shape.local_experts < shape.experts) {
    seconds += theta.expert_parallel;
  }
  if (shape.top_k == 1) {
    seconds += theta.top1 * load.tokens * h;
  }
  const double moved = 2.0 * h + (2.0 * inputs + 1.0) * width;
  seconds += activation_bytes(shape.precision) *
             (theta.traffic * load.tokens * k * moved + theta.local_traffic * load.pairs * moved +
              theta.token_traffic * load.tokens * h);
  return seconds + gemm_seconds(theta, shape, load, gemm_of(ExpertPart::up, shape)) +
         gemm_seconds(theta, shape, load, gemm_of(ExpertPart::down, shape));
}

double expert_part_seconds(const ExpertTheta& theta, ExpertPart part, const ExpertShape& shape,
                           const ExpertLoad& load) {
  if (part == ExpertPart::layer) {
    return expert_seconds(theta, shape, load);
  }
  if (part == ExpertPart::products) {
    return expert_part_seconds(theta, ExpertPart::up, shape, load) +
           expert_part_seconds(theta, ExpertPart::down, shape, load);
  }
  const Gemm gemm = gemm_of(part, shape);
  return 0.5 * theta.launch + theta.inner * gemm.inner * std::min(1.0, load.active_experts) +
         gemm_seconds(theta, shape, load, gemm);
}

ExpertTheta expert_theta(const FittedLaw& law) {
  const auto per_byte = [&](const char* name) {
    const double rate = law.value(name);
    return rate > 0.0 ? 1.0 / rate : 0.0;
  };
  return {.launch = law.value("launch_s"),
          .expert_parallel = law.value("expert_parallel_s"),
          .inner = law.value("inner_s"),
          .bandwidth = law.value("bandwidth_Bps"),
          .compute = law.value("compute_flops"),
          .norm = law.value("norm"),
          .traffic = per_byte("traffic_Bps"),
          .local_traffic = per_byte("local_traffic_Bps"),
          .token_traffic = per_byte("token_traffic_Bps"),
          .reread = law.value("reread"),
          .top1 = law.value("top1_s"),
          .multiprocessors = law.constants.at("multiprocessors"),
          .tiles = static_cast<TileRule>(static_cast<int>(law.constants.at("tile_rule")))};
}

ExpertLatency::ExpertLatency(const FittedLaw& law) : info_(law.info) {
  require_form(law, {"tiled_experts_v1"});
  require_whole(law, "tile_rule", 1, 4);
  theta_ = expert_theta(law);
  tokens_ = upper_axis(info_, "tokens");
  pairs_ = upper_axis(info_, "pairs");
  active_ = upper_axis(info_, "active_experts");
  hidden_ = axis(info_, "hidden");
  intermediate_ = axis(info_, "intermediate");
  top_k_ = axis(info_, "top_k");
}

Estimate ExpertLatency::estimate(const ExpertShape& shape, const ExpertLoad& load) const {
  const bool inside = tokens_.contains(load.tokens) && pairs_.contains(load.pairs) &&
                      active_.contains(load.active_experts) &&
                      hidden_.contains(static_cast<double>(shape.hidden)) &&
                      intermediate_.contains(static_cast<double>(shape.intermediate)) &&
                      top_k_.contains(static_cast<double>(shape.top_k));
  return {seconds(expert_seconds(theta_, shape, load)), !inside};
}

}  // namespace moeplan::models
