#pragma once
// Private to models/text: TreeBuilder makes the Node tree out of parser events, for YAML and JSON
// alike: nesting depth, number of values and duplicate keys are checked here, once.

#include <string>
#include <unordered_map>
#include <vector>

#include "models/text/node.hpp"

namespace moeplan::text {

class TreeBuilder {
 public:
  explicit TreeBuilder(std::string file) : file_(std::move(file)) {}

  // A map is waiting for a key (not for a value).
  bool wants_key() const;
  void key(std::string name, Mark mark);
  void scalar(Kind kind, std::string text, Mark mark);
  // Throws: InputError E_LIMIT deeper than kMaxDepth.
  void open(Kind kind, Mark mark);
  void close();

  // JSON pointer of the place the next value goes to.
  std::string pointer() const;
  // Where the innermost open map or sequence began; {} when none is open.
  Mark innermost() const { return frames_.empty() ? Mark{} : frames_.back().node.mark; }
  // Records a problem and goes on; throws once there are many.
  void problem(Problem problem);
  // Records a problem and throws all.
  [[noreturn]] void fail(Problem problem);
  // Throws: InputError with all recorded problems.
  Document finish();

 private:
  struct Frame {
    Node node;
    bool has_key = false;
    std::string key;
    Mark key_mark;
    bool duplicate = false;  // the pending value is dropped
    std::unordered_map<std::string, Mark> keys;
  };
  void place(Node node);
  void count_value(Mark mark);

  std::string file_;
  Node root_;
  std::vector<Frame> frames_;
  std::vector<Problem> problems_;
  std::size_t values_ = 0;
};

}  // namespace moeplan::text
