#include "calibrate/all2all/rank_world.hpp"

#include <algorithm>

#include "models/text/reader.hpp"

namespace moeplan::calibrate {

int RankWorld::nodes() const {
  return node_of_rank.empty() ? 0 : *std::max_element(node_of_rank.begin(), node_of_rank.end()) + 1;
}

int RankWorld::near_peer() const {
  const auto found = std::find(node_of_rank.begin() + 1, node_of_rank.end(), node_of_rank.front());
  return found == node_of_rank.end() ? 0 : static_cast<int>(found - node_of_rank.begin());
}

int RankWorld::far_peer() const {
  const auto found = std::find_if(node_of_rank.begin(), node_of_rank.end(),
                                  [&](int node) { return node != node_of_rank.front(); });
  return found == node_of_rank.end() ? 0 : static_cast<int>(found - node_of_rank.begin());
}

bool RankWorld::even() const {
  std::vector<int> count(static_cast<std::size_t>(nodes()), 0);
  for (const int node : node_of_rank) {
    ++count[static_cast<std::size_t>(node)];
  }
  return std::all_of(count.begin(), count.end(), [&](int n) { return n == count.front(); });
}

text::Json to_json(const RankWorld& world) {
  text::Json settings = text::Json::object();
  for (const auto& [key, value] : world.settings) {
    settings.set(key, value);
  }
  return text::Json::object()
      .set("node_of_rank", world.node_of_rank)
      .set("hosts", world.hosts)
      .set("shared_cores", world.shared_cores)
      .set("settings", settings)
      .set("problem", world.problem);
}

RankWorld world_from(const text::Document& document) {
  text::Problems problems(document);
  text::Reader reader(problems, document.root);
  RankWorld world;
  for (const double node : reader.numbers("node_of_rank", text::kNonNegative)) {
    world.node_of_rank.push_back(static_cast<int>(node));
  }
  world.hosts = static_cast<int>(reader.count("hosts"));
  world.shared_cores = reader.boolean("shared_cores", false);
  if (const text::Node* settings = reader.node("settings"); settings != nullptr) {
    for (const text::Node::Entry& entry : settings->entries) {
      world.settings[entry.key] =
          as_string(problems, entry.value, "/settings/" + entry.key).value_or("");
    }
  }
  world.problem = reader.string("problem", "");
  reader.finish();
  problems.throw_if_any();
  return world;
}

}  // namespace moeplan::calibrate
