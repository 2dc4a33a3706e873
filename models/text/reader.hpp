#pragma once
// Reader: typed, checked access to one map of a Document. Every getter records what is wrong in
// the shared Problems and returns a harmless value, so that one pass reports all problems of a
// file; finish() reports keys that nobody read; Problems::throw_if_any() ends the pass.
//
//   Problems problems(document);
//   Reader reader(problems, document.root);
//   Gpu gpu;
//   gpu.memory = reader.quantity<kData>("memory", above(bytes(0)));
//   reader.finish();
//   problems.throw_if_any();

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "models/text/node.hpp"
#include "models/units/quantity.hpp"

namespace moeplan::text {

class Problems {
 public:
  explicit Problems(const Document& document) : file_(document.file) {}
  explicit Problems(std::string file) : file_(std::move(file)) {}
  // The file name is filled in here.
  void add(Problem problem);
  const std::vector<Problem>& list() const { return list_; }
  bool empty() const { return list_.empty(); }
  const std::string& file() const { return file_; }
  // Throws: InputError with all problems, sorted by line.
  void throw_if_any() const;

 private:
  std::string file_;
  std::vector<Problem> list_;
};

// Allowed numbers: [low, high], the bounds open or closed.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;
  bool high_open = false;
  bool contains(double value) const;
  // "> 0", ">= 1", "0 to 1"; in the given unit (empty for none).
  std::string text() const;
};
inline constexpr Range kAny{};
inline constexpr Range kPositive{.low = 0.0, .low_open = true};
inline constexpr Range kNonNegative{.low = 0.0};
inline constexpr Range kFraction{.low = 0.0, .high = 1.0};

// Readers for a single value; they record a problem and return nullopt when it is wrong.
std::optional<std::string> as_string(Problems&, const Node&, const std::string& pointer);
std::optional<bool> as_boolean(Problems&, const Node&, const std::string& pointer);
// Integers only: 8.5 and "8" are errors. Range within +-2^53.
std::optional<std::int64_t> as_count(Problems&, const Node&, const std::string& pointer,
                                     const Range& range = kNonNegative);
std::optional<double> as_number(Problems&, const Node&, const std::string& pointer,
                                const Range& range = kAny);
// A string "NUMBER UNIT"; a bare number is an error, also 0. The range is in base units.
std::optional<double> as_quantity(Problems&, const Node&, const std::string& pointer,
                                  const Dim& dim, const Range& range);
std::optional<std::string> as_choice(Problems&, const Node&, const std::string& pointer,
                                     const std::vector<std::string>& choices);

class Reader {
 public:
  Reader(Problems& problems, const Node& map, std::string pointer = "");

  bool has(const std::string& key) const { return map_->find(key) != nullptr; }
  // Marks the key as read and returns it; nullptr when absent.
  const Node* optional_node(const std::string& key);
  // As optional_node, but absence is a problem (E_MISSING, with did-you-mean over unread keys).
  const Node* node(const std::string& key);

  std::string string(const std::string& key);
  std::string string(const std::string& key, const std::string& fallback);
  bool boolean(const std::string& key, bool fallback);
  std::int64_t count(const std::string& key, const Range& range = kNonNegative);
  std::int64_t count(const std::string& key, std::int64_t fallback, const Range& range);
  double number(const std::string& key, const Range& range = kAny);
  double number(const std::string& key, double fallback, const Range& range);
  std::string choice(const std::string& key, const std::vector<std::string>& choices);
  template <Dim D>
  Quantity<D> quantity(const std::string& key, const Range& range = kPositive) {
    const Node* value = node(key);
    return Quantity<D>(
        value ? as_quantity(*problems_, *value, pointer_of(key), D, range).value_or(0.0) : 0.0);
  }
  template <Dim D>
  Quantity<D> quantity(const std::string& key, Quantity<D> fallback, const Range& range) {
    const Node* value = optional_node(key);
    return value ? Quantity<D>(as_quantity(*problems_, *value, pointer_of(key), D, range)
                                   .value_or(fallback.value()))
                 : fallback;
  }
  // A sub-map; absent or not a map is a problem and gives an empty reader.
  Reader section(const std::string& key);
  // A sequence of maps / of numbers; absence is a problem.
  std::vector<Reader> sections(const std::string& key);
  std::vector<double> numbers(const std::string& key, const Range& range = kAny);
  std::vector<std::string> keys() const;

  // Records E_UNKNOWN_KEY for every key nobody read.
  void finish();
  // For maps whose other keys are somebody else's business (Hugging Face configs): no finish().

  void problem(const std::string& key, const std::string& code, const std::string& what,
               const std::string& expected = "", const std::string& fix = "");
  std::string pointer_of(const std::string& key) const { return pointer_ + "/" + key; }
  const std::string& pointer() const { return pointer_; }
  const Node& map() const { return *map_; }
  Problems& problems() const { return *problems_; }
  Mark mark_of(const std::string& key) const;

 private:
  Problems* problems_;
  const Node* map_;
  std::string pointer_;
  std::set<std::string> read_;
};

// Requires schema `name` and a supported version; newer and older ones say the supported range.
void check_schema(Reader& reader, const std::string& name, int oldest, int newest);

}  // namespace moeplan::text
