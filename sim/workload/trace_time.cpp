#include "sim/workload/trace_time.hpp"

#include <fmt/format.h>

#include <charconv>

#include "models/price/date.hpp"
#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

constexpr int kMostDigits = 26;  // 10 times as much still fits into 128 bits
constexpr std::int64_t kPerSecond = 1'000'000'000'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes exactly `digits` digits off the front.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + digits || !is_digit(text.front())) {
    return std::nullopt;
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char c) {
  const bool there = !text.empty() && text.front() == c;
  text.remove_prefix(there ? 1 : 0);
  return there;
}

// The two fields of "HH:MM"; nullopt beyond 23:59.
std::optional<std::int64_t> take_hour_and_minute(std::string_view& text) {
  if (text.size() < 5 || text[2] != ':') {
    return std::nullopt;
  }
  const auto hour = take_number(text, 2);
  take(text, ':');
  const auto minute = text.size() < 2 ? std::nullopt : take_number(text, 2);
  if (!hour || !minute || *hour > 23 || *minute > 59) {
    return std::nullopt;
  }
  return *hour * 60 + *minute;
}

// digits [. digits] [e [sign] digits], no sign in front, scaled by 10^decimals.
std::optional<WidePicoseconds> parse_decimal(std::string_view text, int decimals) {
  WidePicoseconds value = 0;
  int scale = decimals;
  int digits = 0;
  bool any = false;
  bool point = false;
  std::size_t i = 0;
  for (; i < text.size() && (is_digit(text[i]) || (text[i] == '.' && !point)); ++i) {
    if (text[i] == '.') {
      point = true;
      continue;
    }
    any = true;
    if (digits == kMostDigits) {
      if (!point) {
        return std::nullopt;
      }
      continue;  // far below a picosecond
    }
    value = value * 10 + (text[i] - '0');
    digits += value > 0 ? 1 : 0;
    scale -= point ? 1 : 0;
  }
  if (!any) {
    return std::nullopt;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    i += i + 1 < text.size() && text[i + 1] == '+' ? 2 : 1;
    int power = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + i, end, power);
    if (error != std::errc{} || stop != end || power < -400 || power > 400) {
      return std::nullopt;
    }
    scale += power;
    i = text.size();
  }
  if (i != text.size()) {
    return std::nullopt;
  }
  for (; scale > 0 && value > 0; --scale, ++digits) {
    if (digits >= kMostDigits) {
      return std::nullopt;
    }
    value *= 10;
  }
  for (; scale < -1 && value > 0; ++scale) {
    value /= 10;
  }
  return scale == -1 ? (value + 5) / 10 : value;
}

std::optional<WidePicoseconds> parse_calendar(std::string_view text) {
  const auto day = models::Date::from(text.substr(0, 10));
  if (!day || text.size() < 19 || (text[10] != ' ' && text[10] != 'T')) {
    return std::nullopt;
  }
  text.remove_prefix(11);
  const auto minutes = take_hour_and_minute(text);
  if (!minutes || !take(text, ':') || text.size() < 2) {
    return std::nullopt;
  }
  const std::size_t end = text.find_first_of("Z+-");
  const auto seconds = parse_decimal(text.substr(0, end), decimals_of(StampUnit::seconds));
  if (!seconds || !is_digit(text[1]) || *seconds >= WidePicoseconds{61} * kPerSecond) {
    return std::nullopt;
  }
  std::int64_t offset = 0;
  if (end != std::string_view::npos) {
    text.remove_prefix(end);
    if (!take(text, 'Z')) {
      const int sign = take(text, '-') ? -1 : 1;
      take(text, '+');
      const auto minutes_east = take_hour_and_minute(text);
      if (!minutes_east) {
        return std::nullopt;
      }
      offset = sign * *minutes_east;
    }
    if (!text.empty()) {
      return std::nullopt;
    }
  }
  const std::int64_t whole = (day->days() * 1440 + *minutes - offset) * 60;
  return WidePicoseconds{whole} * kPerSecond + *seconds;
}

}  // namespace

int decimals_of(StampUnit unit) {
  switch (unit) {
    case StampUnit::seconds:
      return 12;
    case StampUnit::milliseconds:
      return 9;
    case StampUnit::microseconds:
      return 6;
    case StampUnit::nanoseconds:
      return 3;
    case StampUnit::calendar:
      break;
  }
  require(false, "calendar stamps have no decimal unit");
  return 0;
}

const char* name_of(StampUnit unit) {
  switch (unit) {
    case StampUnit::seconds:
      return "seconds";
    case StampUnit::milliseconds:
      return "milliseconds";
    case StampUnit::microseconds:
      return "microseconds";
    case StampUnit::nanoseconds:
      return "nanoseconds";
    case StampUnit::calendar:
      return "a day and a time";
  }
  return "";
}

std::optional<WidePicoseconds> parse_stamp(std::string_view text, StampUnit unit) {
  if (unit == StampUnit::calendar) {
    return parse_calendar(text);
  }
  const bool negative = take(text, '-');
  const auto value = parse_decimal(text, decimals_of(unit));
  return negative && value ? std::optional(-*value) : value;
}

std::string seconds_text(std::int64_t picoseconds) {
  require(picoseconds >= 0, "a written instant is not negative");
  const std::int64_t fraction = picoseconds % kPerSecond;
  std::string text = fmt::format("{}", picoseconds / kPerSecond);
  if (fraction != 0) {
    text += fmt::format(".{:012}", fraction);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text;
}

}  // namespace moeplan::sim
