#include "calibrate/import/table_routing.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "models/units/parse.hpp"

namespace moeplan::calibrate {
namespace {

// Counter-based uniform numbers in (0, 1): splitmix64 of the counter.
double uniform(std::uint64_t counter) {
  std::uint64_t z = (counter + 1) * 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  z ^= z >> 31;
  return (static_cast<double>(z >> 11) + 0.5) * 0x1.0p-53;
}

// Expert counts of one draw, before they are dealt to ranks: shares times the pairs, at most
// `tokens` each; what was clipped is given to the others, the emptiest first (to a common level).
std::vector<double> draw_counts(std::int64_t tokens, std::int64_t experts, std::int64_t top_k,
                                double alpha, std::uint64_t draw) {
  const double t = static_cast<double>(tokens);
  const double pairs = t * static_cast<double>(top_k);
  const bool many = pairs > static_cast<double>(experts);
  const double low = many ? 1.0 : 0.01;
  const double high = many ? 0.8 * t : 2.0;
  const double power = 1.0 - alpha;
  std::vector<double> counts(static_cast<std::size_t>(experts));
  double sum = 0.0;
  for (std::size_t e = 0; e < counts.size(); ++e) {
    const double u = uniform(draw * 4096 + e);
    counts[e] = std::pow((std::pow(high, power) - std::pow(low, power)) * u + std::pow(low, power),
                         1.0 / power);
    sum += counts[e];
  }
  double missing = pairs;
  for (double& count : counts) {
    count = std::min(t, std::round(count / sum * pairs));
    missing -= count;
  }
  // Raise (or lower) to a common level until the sum is right.
  while (std::abs(missing) > 0.5) {
    const bool raise = missing > 0.0;
    std::vector<double*> open;
    for (double& count : counts) {
      if (raise ? count < t : count > 0.0) {
        open.push_back(&count);
      }
    }
    if (open.empty()) {
      break;
    }
    const auto end = raise ? std::min_element(open.begin(), open.end(),
                                              [](double* a, double* b) { return *a < *b; })
                           : std::max_element(open.begin(), open.end(),
                                              [](double* a, double* b) { return *a < *b; });
    const double level = **end;
    double next = raise ? t : 0.0;
    std::vector<double*> at;
    for (double* count : open) {
      if (*count == level) {
        at.push_back(count);
      } else {
        next = raise ? std::min(next, *count) : std::max(next, *count);
      }
    }
    const double each = std::floor(std::abs(missing) / static_cast<double>(at.size()));
    const double step = std::min(std::abs(next - level), each);
    const double sign = raise ? 1.0 : -1.0;
    if (step >= 1.0) {
      for (double* count : at) {
        *count += sign * step;
      }
      missing -= sign * step * static_cast<double>(at.size());
    } else {  // fewer left over than experts at the level: one each
      for (double* count : at) {
        if (std::abs(missing) > 0.5) {
          *count += sign;
          missing -= sign;
        }
      }
    }
  }
  return counts;
}

}  // namespace

models::ExpertLoad balanced_load(std::int64_t tokens, std::int64_t experts, std::int64_t top_k,
                                 std::int64_t ranks) {
  const std::int64_t stride = (experts + top_k - 1) / top_k;
  const std::int64_t local = experts / ranks;
  std::vector<std::int64_t> counts(static_cast<std::size_t>(local), 0);
  const auto add = [&](std::int64_t expert, std::int64_t times) {
    if (expert < local) {
      counts[static_cast<std::size_t>(expert)] += times;
    }
  };
  if (tokens >= stride) {
    // t runs over whole cycles of E values and a rest.
    for (std::int64_t i = 0; i < top_k; ++i) {
      for (std::int64_t e = 0; e < std::min(experts, tokens); ++e) {
        add((e + i * stride) % experts, tokens / experts + (e < tokens % experts ? 1 : 0));
      }
    }
  } else {
    for (std::int64_t i = 0; i < top_k; ++i) {
      for (std::int64_t t = 0; t < tokens; ++t) {
        add((t * stride / tokens + i * stride) % experts, 1);
      }
    }
  }
  models::ExpertLoad load{.tokens = static_cast<double>(tokens)};
  for (const std::int64_t count : counts) {
    load.pairs += static_cast<double>(count);
    load.active_experts += count > 0 ? 1.0 : 0.0;
  }
  return load;
}

models::ExpertLoad even_load(std::int64_t tokens, std::int64_t experts, std::int64_t top_k,
                             std::int64_t ranks) {
  const double pairs = static_cast<double>(tokens * top_k) / static_cast<double>(ranks);
  return {.tokens = static_cast<double>(tokens),
          .pairs = pairs,
          .active_experts = std::min(pairs, static_cast<double>(experts / ranks))};
}

models::ExpertLoad power_law_load(std::int64_t tokens, std::int64_t experts, std::int64_t top_k,
                                  std::int64_t ranks, double alpha) {
  models::ExpertLoad mean{.tokens = static_cast<double>(tokens)};
  const std::size_t local = static_cast<std::size_t>(experts / ranks);
  for (int draw = 0; draw < kPowerLawDraws; ++draw) {
    const std::vector<double> counts =
        draw_counts(tokens, experts, top_k, alpha, static_cast<std::uint64_t>(draw));
    double most = -1.0;
    double active_of_most = 0.0;
    for (std::size_t first = 0; first + local <= counts.size(); first += local) {
      double pairs = 0.0;
      double active = 0.0;
      for (std::size_t e = first; e < first + local; ++e) {
        pairs += counts[e];
        active += counts[e] > 0.0 ? 1.0 : 0.0;
      }
      if (pairs > most) {
        most = pairs;
        active_of_most = active;
      }
    }
    mean.pairs += most / kPowerLawDraws;
    mean.active_experts += active_of_most / kPowerLawDraws;
  }
  return mean;
}

std::optional<double> power_law_exponent(const std::string& distribution) {
  const std::string prefix = "power_law_";
  if (!distribution.starts_with(prefix)) {
    return std::nullopt;
  }
  const std::optional<double> alpha = parse_number(distribution.substr(prefix.size()));
  return alpha && *alpha > 0.0 && *alpha != 1.0 ? alpha : std::nullopt;
}

}  // namespace moeplan::calibrate
