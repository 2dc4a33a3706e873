#include "models/price/date.hpp"

#include <fmt/core.h>

#include <array>

namespace moeplan::models {
namespace {

bool is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int days_in_month(int year, int month) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return kDays[static_cast<std::size_t>(month - 1)] + (month == 2 && is_leap(year) ? 1 : 0);
}

// Days from 1970-01-01 to 1 January of the year.
std::int64_t days_before_year(int year) {
  const std::int64_t y = year - 1;
  constexpr std::int64_t kBefore1970 = 719162;  // days from 0001-01-01 to 1970-01-01
  return 365 * y + y / 4 - y / 100 + y / 400 - kBefore1970;
}

}  // namespace

std::optional<Date> Date::from(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') {
    return std::nullopt;
  }
  std::array<int, 3> parts{};  // year, month, day
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == 4 || i == 7) {
      continue;
    }
    if (text[i] < '0' || text[i] > '9') {
      return std::nullopt;
    }
    int& part = parts[i < 4 ? 0 : (i < 7 ? 1 : 2)];
    part = part * 10 + (text[i] - '0');
  }
  const auto [year, month, day] = parts;
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
    return std::nullopt;
  }
  std::int64_t days = days_before_year(year) + day - 1;
  for (int m = 1; m < month; ++m) {
    days += days_in_month(year, m);
  }
  return Date(days);
}

std::string Date::text() const {
  int year = 1970;
  while (days_before_year(year + 1) <= days_) {
    ++year;
  }
  std::int64_t rest = days_ - days_before_year(year);
  int month = 1;
  while (rest >= days_in_month(year, month)) {
    rest -= days_in_month(year, month);
    ++month;
  }
  return fmt::format("{:04}-{:02}-{:02}", year, month, rest + 1);
}

}  // namespace moeplan::models
