#include "models/units/parse.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

namespace moeplan {
namespace {

struct Unit {
  std::string_view name;
  Dim dim;
  double factor;
};

constexpr double kKibi = 1024.0;

// Order matters for valid_units only.
constexpr std::array kUnits{
    Unit{"ps", kTime, 1e-12},
    Unit{"ns", kTime, 1e-9},
    Unit{"us", kTime, 1e-6},
    Unit{"ms", kTime, 1e-3},
    Unit{"s", kTime, 1.0},
    Unit{"min", kTime, 60.0},
    Unit{"h", kTime, 3600.0},
    Unit{"d", kTime, 86400.0},
    Unit{"month", kTime, 730.0 * 3600.0},
    Unit{"year", kTime, 8760.0 * 3600.0},
    Unit{"B", kData, 1.0},
    Unit{"kB", kData, 1e3},
    Unit{"MB", kData, 1e6},
    Unit{"GB", kData, 1e9},
    Unit{"TB", kData, 1e12},
    Unit{"KiB", kData, kKibi},
    Unit{"MiB", kData, kKibi* kKibi},
    Unit{"GiB", kData, kKibi* kKibi* kKibi},
    Unit{"TiB", kData, kKibi* kKibi* kKibi* kKibi},
    Unit{"Mbit", kData, 1e6 / 8},
    Unit{"Gbit", kData, 1e9 / 8},
    Unit{"Tbit", kData, 1e12 / 8},
    Unit{"FLOP", kWork, 1.0},
    Unit{"GFLOP", kWork, 1e9},
    Unit{"TFLOP", kWork, 1e12},
    Unit{"PFLOP", kWork, 1e15},
    Unit{"tokens", kTokens, 1.0},
    Unit{"token", kTokens, 1.0},
    Unit{"Mtokens", kTokens, 1e6},
    Unit{"USD", kMoney, 1.0},
    Unit{"J", kEnergy, 1.0},
    Unit{"Wh", kEnergy, 3600.0},
    Unit{"kWh", kEnergy, 3.6e6},
    Unit{"W", kPower, 1.0},
    Unit{"kW", kPower, 1e3},
    Unit{"MW", kPower, 1e6},
    Unit{"requests", Dim{}, 1.0},
};

const Unit* find_unit(std::string_view name) {
  for (const Unit& unit : kUnits) {
    if (unit.name == name) {
      return &unit;
    }
  }
  return nullptr;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::string unknown_unit(std::string_view unit, const Dim& wanted) {
  if (unit == "Gb" || unit == "Mb" || unit == "kb" || unit == "Kb" || unit == "Tb" ||
      unit.substr(0, 3) == "Gb/" || unit.substr(0, 3) == "Mb/" || unit.substr(0, 3) == "Tb/" ||
      unit.find("bps") != std::string_view::npos) {
    return fmt::format("ambiguous unit '{}' (bits or bytes?); write Gbit or GB; valid units: {}",
                       unit, valid_units(wanted));
  }
  return fmt::format("unknown unit '{}'; valid units: {}", unit, valid_units(wanted));
}

}  // namespace

std::optional<double> parse_number(std::string_view text) {
  text = trimmed(text);
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (text.substr(0, 1) == "-") {
      return std::nullopt;
    }
  }
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

ParsedQuantity parse_quantity(std::string_view text, const Dim& wanted) {
  text = trimmed(text);
  auto split = text.find_first_not_of("+-.0123456789");
  // An exponent belongs to the number: "1e9 B".
  if (split != std::string_view::npos && split > 0 && (text[split] == 'e' || text[split] == 'E')) {
    const auto after = text.find_first_not_of("+-0123456789", split + 1);
    if (after != split + 1) {
      split = after;
    }
  }
  const std::string_view number = text.substr(0, split);
  const std::string_view unit =
      split == std::string_view::npos ? std::string_view{} : trimmed(text.substr(split));
  const std::optional<double> value = parse_number(number);
  if (!value) {
    return {0.0, fmt::format("'{}' does not start with a finite number", text)};
  }
  if (unit.empty()) {
    return {0.0,
            fmt::format("the unit is missing in '{}'; valid units: {}", text, valid_units(wanted))};
  }
  const auto slash = unit.find('/');
  const Unit* over = find_unit(trimmed(unit.substr(0, slash)));
  if (over == nullptr) {
    return {0.0, unknown_unit(unit, wanted)};
  }
  Dim dim = over->dim;
  double factor = over->factor;
  if (slash != std::string_view::npos) {
    const Unit* under = find_unit(trimmed(unit.substr(slash + 1)));
    if (under == nullptr) {
      return {0.0, unknown_unit(unit, wanted)};
    }
    dim = dim_quotient(dim, under->dim);
    factor /= under->factor;
  }
  if (!(dim == wanted)) {
    return {0.0, fmt::format("unit '{}' does not measure this; valid units: {}", unit,
                             valid_units(wanted))};
  }
  const double result = *value * factor;
  if (!std::isfinite(result)) {
    return {0.0, fmt::format("'{}' is not finite in base units", text)};
  }
  return {result, {}};
}

std::string valid_units(const Dim& dim) {
  if (dim == kBandwidth) {
    return "B/s, MB/s, GB/s, TB/s, GiB/s, Mbit/s, Gbit/s";
  }
  if (dim == kCompute) {
    return "GFLOP/s, TFLOP/s, PFLOP/s";
  }
  if (dim == kFrequency) {
    return "requests/s, requests/min, requests/h";
  }
  if (dim == kTokenRate) {
    return "tokens/s, tokens/h, Mtokens/h";
  }
  if (dim == kRent) {
    return "USD/h, USD/month, USD/year";
  }
  if (dim == kTokenPrice) {
    return "USD/token, USD/Mtokens";
  }
  if (dim == kEnergyPrice) {
    return "USD/kWh";
  }
  std::string list;
  for (const Unit& unit : kUnits) {
    if (unit.dim == dim && unit.name != "month" && unit.name != "year") {
      list += (list.empty() ? "" : ", ") + std::string(unit.name);
    }
  }
  return list;
}

namespace {

// value in base units, steps of {unit, factor} from small to large.
template <std::size_t N>
std::string scaled(double value, const std::array<std::pair<const char*, double>, N>& steps) {
  std::size_t chosen = 0;
  for (std::size_t i = 0; i < N; ++i) {
    if (std::abs(value) >= 0.9995 * steps[i].second) {  // 999.7 us is shown as 1.00 ms
      chosen = i;
    }
  }
  const double shown = value / steps[chosen].second;
  const double size = std::abs(shown);
  const int digits = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f} {}", shown, digits, steps[chosen].first);
}

}  // namespace

std::string to_text(Seconds value) {
  return scaled(
      value.value(),
      std::array<std::pair<const char*, double>, 6>{
          {{"us", 1e-6}, {"ms", 1e-3}, {"s", 1.0}, {"min", 60.0}, {"h", 3600.0}, {"d", 86400.0}}});
}
std::string to_text(Bytes value) {
  return scaled(value.value(), std::array<std::pair<const char*, double>, 5>{
                                   {{"B", 1.0},
                                    {"KiB", kKibi},
                                    {"MiB", kKibi * kKibi},
                                    {"GiB", kKibi * kKibi * kKibi},
                                    {"TiB", kKibi * kKibi * kKibi * kKibi}}});
}
std::string to_text(BytesPerSecond value) {
  return scaled(value.value(), std::array<std::pair<const char*, double>, 3>{
                                   {{"MB/s", 1e6}, {"GB/s", 1e9}, {"TB/s", 1e12}}});
}
std::string to_text(FlopsPerSecond value) {
  return scaled(value.value(), std::array<std::pair<const char*, double>, 2>{
                                   {{"GFLOP/s", 1e9}, {"TFLOP/s", 1e12}}});
}
std::string to_text(UsdPerSecond value) {
  return fmt::format("{:.2f} USD/h", in_usd_per_hour(value));
}

}  // namespace moeplan
