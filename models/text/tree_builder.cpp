#include "models/text/tree_builder.hpp"

#include <fmt/format.h>

#include "models/text/encoding.hpp"
#include "models/text/load.hpp"

namespace moeplan::text {
namespace {

constexpr std::size_t kMostProblems = 100;

}  // namespace

bool TreeBuilder::wants_key() const {
  return !frames_.empty() && frames_.back().node.kind == Kind::map && !frames_.back().has_key;
}

void TreeBuilder::key(std::string name, Mark mark) {
  Frame& frame = frames_.back();
  const auto [first, fresh] = frame.keys.emplace(name, mark);
  if (!fresh) {
    problem({.code = "E_DUPLICATE",
             .mark = mark,
             .pointer = pointer() + "/" + shown(name),
             .what = fmt::format("the key '{}' is there twice", shown(name)),
             .got = fmt::format("{}:{} and {}:{}", first->second.line, first->second.column,
                                mark.line, mark.column),
             .expected = "each key once"});
  }
  frame.duplicate = !fresh;
  frame.has_key = true;
  frame.key = std::move(name);
  frame.key_mark = mark;
}

void TreeBuilder::count_value(Mark mark) {
  if (++values_ > kMaxValues) {
    fail({.code = "E_LIMIT",
          .mark = mark,
          .what = "the file holds too many values",
          .expected = fmt::format("at most {}", kMaxValues)});
  }
}

void TreeBuilder::scalar(Kind kind, std::string text, Mark mark) {
  count_value(mark);
  Node node;
  node.kind = kind;
  node.scalar = std::move(text);
  node.mark = mark;
  place(std::move(node));
}

void TreeBuilder::open(Kind kind, Mark mark) {
  count_value(mark);
  if (frames_.size() >= static_cast<std::size_t>(kMaxDepth)) {
    fail({.code = "E_LIMIT",
          .mark = mark,
          .pointer = shown(pointer()),
          .what = "maps and sequences are nested too deep",
          .got = fmt::format("depth {}", frames_.size() + 1),
          .expected = fmt::format("at most {}", kMaxDepth)});
  }
  Frame frame;
  frame.node.kind = kind;
  frame.node.mark = mark;
  frames_.push_back(std::move(frame));
}

void TreeBuilder::close() {
  Node node = std::move(frames_.back().node);
  frames_.pop_back();
  place(std::move(node));
}

void TreeBuilder::place(Node node) {
  if (frames_.empty()) {
    root_ = std::move(node);
    return;
  }
  Frame& frame = frames_.back();
  if (frame.node.kind == Kind::sequence) {
    frame.node.items.push_back(std::move(node));
    return;
  }
  frame.has_key = false;
  if (!frame.duplicate) {
    frame.node.entries.push_back({std::move(frame.key), frame.key_mark, std::move(node)});
  }
}

std::string TreeBuilder::pointer() const {
  std::string out;
  for (const Frame& frame : frames_) {
    if (frame.node.kind == Kind::sequence) {
      out += fmt::format("/{}", frame.node.items.size());
    } else if (frame.has_key) {
      out += "/" + shown(frame.key);
    }
  }
  return out;
}

void TreeBuilder::problem(Problem problem) {
  if (problems_.size() + 1 >= kMostProblems) {
    fail(std::move(problem));
  }
  problem.file = file_;
  problems_.push_back(std::move(problem));
}

void TreeBuilder::fail(Problem problem) {
  problem.file = file_;
  problems_.push_back(std::move(problem));
  throw InputError(std::move(problems_));
}

Document TreeBuilder::finish() {
  if (!problems_.empty()) {
    throw InputError(std::move(problems_));
  }
  return {file_, std::move(root_)};
}

}  // namespace moeplan::text
