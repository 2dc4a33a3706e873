#pragma once
// RankWorld: the ranks that a launcher starts - how many, on which nodes, of which MPI. What a plan
// is made from, and part of the fingerprint of a sweep.

#include <map>
#include <string>
#include <vector>

#include "models/text/json.hpp"
#include "models/text/node.hpp"

namespace moeplan::calibrate {

struct RankWorld {
  std::vector<int> node_of_rank;  // [ranks], nodes numbered by their first rank
  int hosts = 1;                  // different host names among them
  bool shared_cores = false;      // some node has more ranks than cores
  // What a figure depends on, by key: of rank 0's host (host_fingerprint), and of MPI its version,
  // algorithms and eager limits. Not of the host that starts the ranks, which may be another one.
  std::map<std::string, std::string> settings;
  std::string problem;  // why these ranks cannot do what was asked; "": they can

  int ranks() const { return static_cast<int>(node_of_rank.size()); }
  int nodes() const;
  // First rank after 0 on its node, resp. on another node; 0 where there is none.
  int near_peer() const;
  int far_peer() const;
  // Equally many ranks on every node.
  bool even() const;
};

text::Json to_json(const RankWorld& world);
// Throws: InputError.
RankWorld world_from(const text::Document& document);

}  // namespace moeplan::calibrate
