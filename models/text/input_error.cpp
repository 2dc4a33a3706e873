#include "models/text/input_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace moeplan {
namespace {

constexpr std::size_t kMostPrinted = 20;
constexpr std::size_t kLongestName = 200;
constexpr std::size_t kShortestPrefix = 3;  // of a name that may go on
constexpr std::size_t kMostSuggested = 3;

std::string all_texts(const std::vector<Problem>& problems) {
  std::string out;
  for (std::size_t i = 0; i < problems.size() && i < kMostPrinted; ++i) {
    out += (i == 0 ? "" : "\n") + problems[i].text();
  }
  if (problems.size() > kMostPrinted) {
    out += fmt::format("\n... and {} more problems", problems.size() - kMostPrinted);
  }
  return out;
}

// Case and the kind of dash do not count as a difference.
std::string folded(const std::string& name) {
  std::string out = name;
  for (char& c : out) {
    c = c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

// Optimal string alignment: insertion, deletion, substitution, swap of neighbours cost 1 each.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    last[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string Problem::text() const {
  std::string out = fmt::format("error[{}]", code);
  std::string place = file;
  if (mark.line > 0) {
    place += fmt::format("{}{}", place.empty() ? "line " : ":", mark.line);
    if (mark.column > 0) {
      place += fmt::format(":{}", mark.column);
    }
  }
  if (!place.empty()) {
    out += " " + place;
  }
  if (!pointer.empty()) {
    out += " (" + pointer + ")";
  }
  out += ": " + what;
  if (!got.empty()) {
    out += ", got " + got;
  }
  if (!expected.empty()) {
    out += ", expected " + expected;
  }
  if (!fix.empty()) {
    out += "; " + fix;
  }
  return out;
}

InputError::InputError(std::vector<Problem> problems)
    : std::runtime_error(all_texts(problems)), problems_(std::move(problems)) {}

InputError::InputError(Problem problem) : InputError(std::vector<Problem>{std::move(problem)}) {}

std::string nearest(const std::string& name, const std::vector<std::string>& candidates) {
  if (name.empty() || name.size() > kLongestName) {
    return "";
  }
  const std::string wanted = folded(name);
  std::string best;
  std::size_t best_distance = 0;
  for (const std::string& candidate : candidates) {
    if (candidate.empty() || candidate.size() > kLongestName) {
      continue;
    }
    const std::size_t distance = edit_distance(wanted, folded(candidate));
    const std::size_t most = std::max(name.size(), candidate.size()) / 3;
    if (distance <= most && (best.empty() || distance < best_distance)) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string did_you_mean(const std::string& name, const std::vector<std::string>& candidates) {
  std::vector<std::string> longer;
  const std::string begin = folded(name.substr(0, kLongestName));
  for (const std::string& candidate : candidates) {
    if (begin.size() >= kShortestPrefix && folded(candidate).starts_with(begin)) {
      longer.push_back("'" + candidate + "'");
    }
  }
  if (!longer.empty() && longer.size() <= kMostSuggested) {
    return fmt::format("did you mean {}?", fmt::join(longer, " or "));
  }
  const std::string best = nearest(name, candidates);
  return best.empty() ? "" : fmt::format("did you mean '{}'?", best);
}

std::string joined(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace moeplan
