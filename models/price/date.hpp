#pragma once
// Date: a calendar day as text ("2026-11-09") and as a number, for the age of prices. There is no
// "today" here: ages are counted against the scenario's as_of.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace moeplan::models {

class Date {
 public:
  // "YYYY-MM-DD", a real day of the Gregorian calendar, 1970..9999; nullopt for anything else.
  static std::optional<Date> from(std::string_view text);

  static Date epoch() { return Date(0); }  // 1970-01-01

  std::string text() const;                    // "YYYY-MM-DD"
  std::int64_t days() const { return days_; }  // since 1970-01-01
  friend bool operator==(Date a, Date b) { return a.days_ == b.days_; }
  friend bool operator<(Date a, Date b) { return a.days_ < b.days_; }

 private:
  explicit Date(std::int64_t days) : days_(days) {}
  std::int64_t days_ = 0;
};

}  // namespace moeplan::models
