#include "models/text/yaml_scalar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "models/text/encoding.hpp"

namespace moeplan::text {
namespace {

constexpr std::string_view kDigits = "0123456789";

bool all_of_set(std::string_view text, std::string_view set) {
  return !text.empty() && text.find_first_not_of(set) == std::string_view::npos;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view without_sign(std::string_view text) {
  return !text.empty() && (text.front() == '-' || text.front() == '+') ? text.substr(1) : text;
}

// [0-9]+ | [0-9]+ '.' [0-9]* | '.' [0-9]+, each with an optional exponent; the sign is gone.
bool is_decimal(std::string_view text) {
  const auto exponent = text.find_first_of("eE");
  if (exponent != std::string_view::npos &&
      !all_of_set(without_sign(text.substr(exponent + 1)), kDigits)) {
    return false;
  }
  const std::string_view mantissa = text.substr(0, exponent);
  const auto dot = mantissa.find('.');
  const std::string_view whole = mantissa.substr(0, dot);
  if (dot == std::string_view::npos) {
    return all_of_set(whole, kDigits);
  }
  const std::string_view fraction = mantissa.substr(dot + 1);
  return (whole.empty() || all_of_set(whole, kDigits)) &&
         (fraction.empty() || all_of_set(fraction, kDigits)) &&
         !(whole.empty() && fraction.empty());
}

bool is_other_number(std::string_view text) {
  const std::string_view head = text.substr(0, 2);
  const std::string_view tail = text.substr(std::min<std::size_t>(2, text.size()));
  if ((head == "0o" && all_of_set(tail, "01234567_")) ||
      (head == "0x" && all_of_set(tail, "0123456789abcdefABCDEF_")) ||
      (head == "0b" && all_of_set(tail, "01_"))) {
    return true;
  }
  if (text.empty() || kDigits.find(text.front()) == std::string_view::npos) {
    return false;
  }
  // 012 is ten in YAML 1.1; 1_000 and the base-60 1:30 are numbers there and text in 1.2.
  return (text.size() > 1 && text.front() == '0' && all_of_set(text, kDigits)) ||
         (text.find('_') != std::string_view::npos && all_of_set(text, "0123456789_.")) ||
         (text.find(':') != std::string_view::npos && text.back() != ':' &&
          all_of_set(text, "0123456789:"));
}

bool is_infinity_or_nan(std::string_view text) {
  const std::string name = lower(without_sign(text));
  return name == ".inf" || name == ".nan";
}

bool is_old_boolean(std::string_view text) {
  const std::string name = text.size() <= 3 ? lower(text) : "";
  return name == "yes" || name == "no" || name == "on" || name == "off";
}

}  // namespace

Kind plain_kind(std::string_view text) {
  constexpr std::array<std::string_view, 6> kBooleans{"true",  "True",  "TRUE",
                                                      "false", "False", "FALSE"};
  if (std::find(kBooleans.begin(), kBooleans.end(), text) != kBooleans.end()) {
    return Kind::boolean;
  }
  if (is_old_boolean(text) || is_infinity_or_nan(text) || is_other_number(without_sign(text))) {
    return Kind::ambiguous;
  }
  return is_decimal(without_sign(text)) ? Kind::number : Kind::string;
}

std::string ambiguous_hint(const std::string& scalar) {
  if (is_old_boolean(scalar)) {
    const std::string name = lower(scalar);
    return fmt::format("write {} for the boolean or \"{}\" for the text",
                       name == "yes" || name == "on" ? "true" : "false", scalar);
  }
  if (is_infinity_or_nan(scalar)) {
    return "write a finite number";
  }
  return fmt::format("write a decimal number without leading zeros, '_' or ':', or \"{}\" for text",
                     shown(scalar));
}

}  // namespace moeplan::text
