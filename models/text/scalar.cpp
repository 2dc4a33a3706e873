// The readers for one value: kind, finiteness, unit and range, each with its own message.

#include <fmt/format.h>

#include <algorithm>

#include "models/text/encoding.hpp"
#include "models/text/reader.hpp"
#include "models/text/whole_number.hpp"
#include "models/text/yaml_scalar.hpp"
#include "models/units/parse.hpp"

namespace moeplan::text {
namespace {

// "a number 8.5", "a string \"8\"", "a sequence of 3".
std::string described(const Node& node) {
  switch (node.kind) {
    case Kind::null:
      return "null (no value)";
    case Kind::string:
      return fmt::format("a string \"{}\"", shown(node.scalar));
    case Kind::sequence:
      return fmt::format("a sequence of {}", node.items.size());
    case Kind::map:
      return fmt::format("a map of {} keys", node.entries.size());
    case Kind::boolean:
    case Kind::number:
    case Kind::ambiguous:
      break;
  }
  return fmt::format("{} {}", kind_name(node.kind), shown(node.scalar));
}

void wrong_type(Problems& problems, const Node& node, const std::string& pointer,
                const std::string& expected, std::string fix) {
  const bool ambiguous = node.kind == Kind::ambiguous;
  problems.add({.code = "E_TYPE",
                .mark = node.mark,
                .pointer = pointer,
                .what = ambiguous ? "YAML versions read this value differently" : "wrong type",
                .got = described(node),
                .expected = expected,
                .fix = ambiguous ? ambiguous_hint(node.scalar) : std::move(fix)});
}

void out_of_range(Problems& problems, const Node& node, const std::string& pointer,
                  const std::string& expected) {
  problems.add({.code = "E_RANGE",
                .mark = node.mark,
                .pointer = pointer,
                .what = "the value is out of range",
                .got = shown(node.scalar),
                .expected = expected});
}

// A string that would be right without its quotes.
std::string quotes_hint(const Node& node, bool would_fit) {
  return node.kind == Kind::string && would_fit ? "remove the quotes" : "";
}

// "s", "B/s", "USD/token": the base unit in which a range is stated; a rate of arrivals counts
// requests.
std::string base_unit(const Dim& dim) {
  if (dim == kFrequency) {
    return "requests/s";
  }
  std::string over;
  std::string under;
  const auto add = [&](int exponent, const char* name) {
    std::string& side = exponent > 0 ? over : under;
    for (int i = 0; i < std::abs(exponent); ++i) {
      side += (side.empty() ? "" : " ") + std::string(name);
    }
  };
  add(dim.data, "B");
  add(dim.work, "FLOP");
  add(dim.tokens, "tokens");
  add(dim.money, "USD");
  add(dim.energy, "J");
  add(dim.time, "s");
  return under.empty() ? over : (over.empty() ? "1" : over) + "/" + under;
}

}  // namespace

bool Range::contains(double value) const {
  return (low_open ? value > low : value >= low) && (high_open ? value < high : value <= high);
}

std::string Range::text() const {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const bool has_low = low > -kInfinity;
  const bool has_high = high < kInfinity;
  if (has_low && has_high && !low_open && !high_open) {
    return low == high ? fmt::format("{}", low) : fmt::format("{} to {}", low, high);
  }
  std::string out = has_low ? fmt::format("{} {}", low_open ? ">" : ">=", low) : "";
  if (has_high) {
    out += fmt::format("{}{} {}", has_low ? " and " : "", high_open ? "<" : "<=", high);
  }
  return out.empty() ? "a finite number" : out;
}

std::optional<std::string> as_string(Problems& problems, const Node& node,
                                     const std::string& pointer) {
  if (node.kind == Kind::string) {
    return node.scalar;
  }
  const bool scalar = node.kind == Kind::number || node.kind == Kind::boolean;
  wrong_type(problems, node, pointer, "a string",
             scalar ? fmt::format("write \"{}\" in quotes for text", shown(node.scalar)) : "");
  return std::nullopt;
}

std::optional<bool> as_boolean(Problems& problems, const Node& node, const std::string& pointer) {
  if (node.kind == Kind::boolean) {
    return node.scalar.front() == 't' || node.scalar.front() == 'T';
  }
  wrong_type(problems, node, pointer, "true or false",
             quotes_hint(node, node.scalar == "true" || node.scalar == "false"));
  return std::nullopt;
}

std::optional<std::int64_t> as_count(Problems& problems, const Node& node,
                                     const std::string& pointer, const Range& range) {
  using enum WholeNumber::State;
  const std::string expected = "a whole number " + range.text();
  const WholeNumber whole = parse_whole(node.scalar);
  if (node.kind != Kind::number) {
    wrong_type(problems, node, pointer, expected, quotes_hint(node, whole.state == ok));
    return std::nullopt;
  }
  if (whole.state == not_whole) {
    wrong_type(problems, node, pointer, expected, "");
    return std::nullopt;
  }
  if (whole.state != ok) {
    const auto limit = static_cast<double>(kMaxCount);
    problems.add({.code = "E_OVERFLOW",
                  .mark = node.mark,
                  .pointer = pointer,
                  .what = "the whole number is too large",
                  .got = shown(node.scalar),
                  .expected = range.low >= -limit && range.high <= limit
                                  ? expected
                                  : fmt::format("-{0} to {0}", kMaxCount)});
    return std::nullopt;
  }
  if (!range.contains(static_cast<double>(whole.value))) {
    out_of_range(problems, node, pointer, expected);
    return std::nullopt;
  }
  return whole.value;
}

std::optional<double> as_number(Problems& problems, const Node& node, const std::string& pointer,
                                const Range& range) {
  const std::optional<double> value = parse_number(node.scalar);
  if (node.kind != Kind::number) {
    wrong_type(problems, node, pointer, "a number " + range.text(),
               quotes_hint(node, value.has_value()));
    return std::nullopt;
  }
  if (!value) {
    problems.add({.code = "E_RANGE",
                  .mark = node.mark,
                  .pointer = pointer,
                  .what = "the number is not finite or too small for a double",
                  .got = shown(node.scalar),
                  .expected = range.text()});
    return std::nullopt;
  }
  if (!range.contains(*value)) {
    out_of_range(problems, node, pointer, range.text());
    return std::nullopt;
  }
  return value;
}

std::optional<double> as_quantity(Problems& problems, const Node& node, const std::string& pointer,
                                  const Dim& dim, const Range& range) {
  if (node.kind == Kind::number) {
    problems.add({.code = "E_UNIT",
                  .mark = node.mark,
                  .pointer = pointer,
                  .what = "the unit is missing",
                  .got = shown(node.scalar),
                  .expected = "a number with one of the units " + valid_units(dim)});
    return std::nullopt;
  }
  if (node.kind != Kind::string) {
    wrong_type(problems, node, pointer, "a number with one of the units " + valid_units(dim), "");
    return std::nullopt;
  }
  const ParsedQuantity parsed = parse_quantity(node.scalar, dim);
  if (!parsed.problem.empty()) {
    problems.add({.code = "E_UNIT",
                  .mark = node.mark,
                  .pointer = pointer,
                  .what = "this is not a quantity of the wanted kind",
                  .got = fmt::format("\"{}\"", shown(node.scalar)),
                  .expected = "a number with one of the units " + valid_units(dim),
                  .fix = node.scalar.size() > 60 ? "" : parsed.problem});
    return std::nullopt;
  }
  if (!range.contains(parsed.value)) {
    const std::string unit = base_unit(dim);
    out_of_range(problems, node, pointer, range.text() + (unit.empty() ? "" : " " + unit));
    return std::nullopt;
  }
  return parsed.value;
}

std::optional<std::string> as_choice(Problems& problems, const Node& node,
                                     const std::string& pointer,
                                     const std::vector<std::string>& choices) {
  if (node.kind != Kind::string) {
    wrong_type(problems, node, pointer, "one of " + joined(choices), "");
    return std::nullopt;
  }
  if (std::find(choices.begin(), choices.end(), node.scalar) == choices.end()) {
    problems.add({.code = "E_VALUE",
                  .mark = node.mark,
                  .pointer = pointer,
                  .what = "unknown value",
                  .got = fmt::format("'{}'", shown(node.scalar)),
                  .expected = "one of " + joined(choices),
                  .fix = did_you_mean(node.scalar, choices)});
    return std::nullopt;
  }
  return node.scalar;
}

}  // namespace moeplan::text
