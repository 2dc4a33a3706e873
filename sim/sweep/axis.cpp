#include "sim/sweep/axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "models/text/reader.hpp"
#include "models/units/parse.hpp"
#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

constexpr double kStepSlack = 1e-9;  // of a step: what rounding may take from the last one

bool has_numbers(const Field& field) {
  return field.type == FieldType::count || field.type == FieldType::number ||
         field.type == FieldType::quantity;
}

const char* base_unit(const Dim& dim) {
  return dim == kTime        ? "s"
         : dim == kFrequency ? "requests/s"
         : dim == kData      ? "B"
         : dim == kRent      ? "USD/s"
                             : "";
}

// A value of a range, as if it had been written.
Value written(const Field& field, double number, Mark mark) {
  std::string text = fmt::format("{}", number);
  if (field.type == FieldType::quantity) {
    text += std::string(" ") + base_unit(field.dim);
  }
  return {.texts = {text}, .numbers = {number}, .given = true, .mark = mark, .item_marks = {}};
}

// Between the ends of a range: 12 digits, so that 0.1 + 2 x 0.1 is 0.3; counts are whole.
double rounded(const Field& field, double number) {
  return field.type == FieldType::count
             ? std::round(number)
             : parse_number(fmt::format("{:.12g}", number)).value_or(number);
}

class AxisReader {
 public:
  AxisReader(text::Problems& problems, const Field& field, const text::Node& node)
      : problems_(problems), field_(field), node_(node), pointer_(pointer_of(field.path)) {}

  // [values] of a list, of {each: ...} or of a range.
  std::vector<Value> values() {
    if (node_.kind == text::Kind::sequence) {
      return of_items(node_);
    }
    if (const text::Node* each = node_.find("each"); each != nullptr) {
      check_keys({"each"});
      if (each->kind != text::Kind::sequence) {
        problem(each->mark, "/each", "E_TYPE", "each needs a list of values",
                text::kind_name(each->kind), "a list");
        return {};
      }
      return of_items(*each);
    }
    return of_range();
  }

 private:
  void problem(Mark mark, const std::string& below, const std::string& code, std::string what,
               std::string got, std::string expected, std::string fix = "") {
    problems_.add({.code = code,
                   .mark = mark,
                   .pointer = pointer_ + below,
                   .what = std::move(what),
                   .got = std::move(got),
                   .expected = std::move(expected),
                   .fix = std::move(fix)});
  }

  bool check_keys(const std::vector<std::string>& known) {
    bool good = true;
    for (const text::Node::Entry& entry : node_.entries) {
      if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
        problem(entry.mark, "/" + entry.key, "E_UNKNOWN_KEY",
                fmt::format("unknown key '{}' of a swept value", entry.key), "",
                "one of " + joined(known), did_you_mean(entry.key, known));
        good = false;
      }
    }
    return good;
  }

  std::vector<Value> of_items(const text::Node& list) {
    if (list.items.empty()) {
      problem(list.mark, "", "E_VALUE", "the list is empty", "", "at least one value");
    }
    if (list.items.size() > static_cast<std::size_t>(kMostAxisValues)) {
      problem(list.mark, "", "E_LIMIT", "too many values", fmt::format("{}", list.items.size()),
              fmt::format("at most {}", kMostAxisValues));
      return {};
    }
    std::vector<Value> values;
    for (const text::Node& item : list.items) {
      Value value = read_value(problems_, field_, item);
      value.given = true;
      values.push_back(std::move(value));
    }
    return values;
  }

  // from, to or step: a positive step may be smaller than any value of the field.
  std::optional<double> end(const std::string& key, const Field& field) {
    const text::Node* node = node_.find(key);
    if (node == nullptr) {
      problem(node_.mark, "/" + key, "E_MISSING", fmt::format("a range needs '{}'", key), "",
              "from, to, and step or points");
      return std::nullopt;
    }
    Field single = field;
    single.list = false;
    single.path = field.path + "." + key;  // where a problem points to
    single.choices.clear();
    const Value value = read_value(problems_, single, *node);
    return value.numbers.empty() ? std::nullopt : std::optional(value.numbers.front());
  }

  bool is_log() {
    const text::Node* node = node_.find("scale");
    if (node == nullptr) {
      return false;
    }
    const auto scale = as_choice(problems_, *node, pointer_ + "/scale", {"linear", "log"});
    return scale && *scale == "log";
  }

  std::optional<std::int64_t> points() {
    return as_count(problems_, *node_.find("points"), pointer_ + "/points",
                    {.low = 2.0, .high = static_cast<double>(kMostAxisValues)});
  }

  std::vector<Value> of_range() {
    if (!check_keys({"from", "to", "step", "points", "scale", "each"})) {
      return {};
    }
    if (!has_numbers(field_)) {
      problem(node_.mark, "", "E_TYPE", "only numbers have ranges", "", "{each: [...]}");
      return {};
    }
    const std::optional<double> from = end("from", field_);
    const std::optional<double> to = end("to", field_);
    const bool log = is_log();
    const bool stepped = node_.find("step") != nullptr;
    if (stepped == (node_.find("points") != nullptr)) {
      problem(node_.mark, "", "E_VALUE",
              stepped ? "a range has a step or a number of points, not both"
                      : "a range needs a step or a number of points",
              "", "step: VALUE or points: COUNT");
      return {};
    }
    if (stepped && log) {
      problem(node_.find("scale")->mark, "/scale", "E_VALUE", "a step is linear", "log",
              "points: COUNT with scale: log");
      return {};
    }
    if (!from || !to) {
      return {};
    }
    if (*to <= *from) {
      problem(node_.find("to")->mark, "/to", "E_RANGE", "a range ends above its beginning",
              node_.find("to")->scalar, "more than " + node_.find("from")->scalar);
      return {};
    }
    if (log && *from <= 0.0) {
      problem(node_.find("from")->mark, "/from", "E_RANGE", "a logarithmic range begins above 0",
              node_.find("from")->scalar, "> 0");
      return {};
    }
    return stepped ? with_step(*from, *to) : with_points(*from, *to, log);
  }

  std::vector<Value> with_step(double from, double to) {
    Field field = field_;
    field.range = text::kPositive;
    const std::optional<double> step = end("step", field);
    if (!step) {
      return {};
    }
    const double steps = std::floor((to - from) / *step + kStepSlack);
    if (steps < 1.0 || steps >= static_cast<double>(kMostAxisValues)) {
      problem(node_.find("step")->mark, "/step", "E_RANGE",
              fmt::format("a range of {:.0f} values", steps + 1.0), node_.find("step")->scalar,
              fmt::format("a step that gives 2 to {} values", kMostAxisValues));
      return {};
    }
    std::vector<Value> values;
    values.push_back(written(field_, from, node_.mark));
    for (std::int64_t i = 1; i <= static_cast<std::int64_t>(steps); ++i) {
      const double value = rounded(field_, from + static_cast<double>(i) * *step);
      values.push_back(written(field_, std::min(value, to), node_.mark));
    }
    return values;
  }

  std::vector<Value> with_points(double from, double to, bool log) {
    const std::optional<std::int64_t> count = points();
    if (!count) {
      return {};
    }
    std::vector<Value> values;
    values.push_back(written(field_, from, node_.mark));
    for (std::int64_t i = 1; i + 1 < *count; ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(*count - 1);
      const double between =
          log ? from * std::exp(share * std::log(to / from)) : from + share * (to - from);
      values.push_back(written(field_, std::clamp(rounded(field_, between), from, to), node_.mark));
    }
    values.push_back(written(field_, to, node_.mark));
    return values;
  }

  text::Problems& problems_;
  const Field& field_;
  const text::Node& node_;
  std::string pointer_;
};

void refuse_repeats(text::Problems& problems, const Field& field, const Axis& axis) {
  std::set<std::string> seen;
  for (const Value& value : axis.values) {
    if (!value.texts.empty() && !seen.insert(canonical_text(field, value)).second) {
      problems.add({.code = "E_DUPLICATE",
                    .mark = value.mark,
                    .pointer = pointer_of(axis.path),
                    .what = fmt::format("{} is swept over twice", joined(value.texts)),
                    .got = "",
                    .expected = "each value once",
                    .fix = ""});
    }
  }
}

// Takes the swept values out of the tree; the first of each stays, as a scalar or a list.
void take_axes(text::Node& section, const std::string& path, text::Problems& problems,
               std::vector<Axis>& axes) {
  for (text::Node::Entry& entry : section.entries) {
    const std::string below = path.empty() ? entry.key : path + "." + entry.key;
    const Field* field = find_field(below);
    text::Node& node = entry.value;
    if (field == nullptr) {
      take_axes(node, below, problems, axes);
      continue;
    }
    const bool list = node.kind == text::Kind::sequence && !field->list;
    if (!list && node.kind != text::Kind::map) {
      continue;
    }
    Axis axis{
        .path = below, .mark = node.mark, .values = AxisReader(problems, *field, node).values()};
    refuse_repeats(problems, *field, axis);
    const text::Node* items = list ? &node : node.find("each");
    text::Node first = items != nullptr && !items->items.empty() ? items->items.front()
                       : node.find("from") != nullptr            ? *node.find("from")
                                                                 : text::Node{};
    node = std::move(first);
    axes.push_back(std::move(axis));
  }
}

}  // namespace

SweptDocument read_swept(const text::Document& document, text::Problems& problems) {
  text::Document fixed = document;
  std::vector<Axis> found;
  take_axes(fixed.root, "", problems, found);
  problems.throw_if_any();  // what is left of a wrong axis would be reported once more
  SweptDocument swept{.fixed = ScenarioValues::parse(fixed, problems), .axes = {}};
  for (const Field& field : scenario_fields()) {
    for (Axis& axis : found) {
      if (axis.path == field.path) {
        swept.axes.push_back(std::move(axis));
        break;
      }
    }
  }
  return swept;
}

std::string column_name(const Field& field) {
  if (field.path.find('.') == std::string::npos) {
    return "scenario." + field.path;  // `seed` is a result's column too
  }
  if (field.type != FieldType::quantity) {
    return field.path;
  }
  const Dim& dim = field.dim;
  if (dim == kTime) {
    return field.path + "_s";
  }
  if (dim == kFrequency) {
    return field.path + "_per_s";
  }
  if (dim == kData) {
    return field.path + "_bytes";
  }
  require(dim == kRent, "a swept quantity has a unit without a name for columns");
  return field.path + "_usd_per_h";
}

double column_number(const Field& field, double base) {
  const bool rent = field.type == FieldType::quantity && field.dim == kRent;
  // 12 digits: hours and seconds leave their rounding behind.
  return rent ? parse_number(fmt::format("{:.12g}", in_usd_per_hour(UsdPerSecond(base))))
                    .value_or(base * 3600.0)
              : base;
}

}  // namespace moeplan::sim
