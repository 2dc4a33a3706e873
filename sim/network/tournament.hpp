#pragma once
// Tournament: the least of n integers, each of which may change, in log4(n) steps without branches
// that a processor would have to guess.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace moeplan::sim {

class Tournament {
 public:
  static constexpr std::int64_t kOut = std::numeric_limits<std::int64_t>::max();

  // n players, all out until set() and rebuild().
  void reset(std::size_t players) {
    std::size_t leaves = 1;
    first_leaf_ = 0;
    while (leaves < players) {
      first_leaf_ += leaves;
      leaves *= kChildren;
    }
    nodes_.resize(first_leaf_ + leaves);
    for (std::size_t i = 0; i < leaves; ++i) {
      nodes_[first_leaf_ + i] = {kOut, i};
    }
  }
  void set(std::size_t player, std::int64_t value) { nodes_[first_leaf_ + player].value = value; }
  void rebuild() {
    for (std::size_t node = first_leaf_; node-- > 0;) {
      play(node);
    }
  }
  void update(std::size_t player, std::int64_t value) {
    set(player, value);
    for (std::size_t node = first_leaf_ + player; node > 0;) {
      node = (node - 1) / kChildren;
      play(node);
    }
  }

  // The least number and who has it, the smaller index on ties.
  std::size_t winner() const { return nodes_[0].player; }
  std::int64_t least() const { return nodes_[0].value; }

 private:
  static constexpr std::size_t kChildren = 4;

  struct Node {
    std::int64_t value;
    std::size_t player;
  };

  static Node lesser(const Node& a, const Node& b) {
    const auto from_b = -static_cast<std::size_t>(b.value < a.value);  // all bits or none
    const auto value =
        static_cast<std::size_t>(a.value) ^ (static_cast<std::size_t>(a.value ^ b.value) & from_b);
    return {static_cast<std::int64_t>(value), a.player ^ ((a.player ^ b.player) & from_b)};
  }
  void play(std::size_t node) {
    const Node* children = nodes_.data() + kChildren * node + 1;
    nodes_[node] = lesser(lesser(children[0], children[1]), lesser(children[2], children[3]));
  }

  std::size_t first_leaf_ = 0;
  std::vector<Node> nodes_;  // children of i: 4 i + 1 to 4 i + 4
};

}  // namespace moeplan::sim
