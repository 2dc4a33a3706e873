#include "models/routing/placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

ExpertId id_of(std::int64_t expert) { return ExpertId(static_cast<std::int32_t>(expert)); }

// Slots of a rank: the first (slots mod ranks) ranks hold one more.
std::size_t room_of(std::int64_t slots, std::size_t ranks, std::size_t rank) {
  const ExpertRange range = experts_of_rank(slots, static_cast<int>(ranks), static_cast<int>(rank));
  return static_cast<std::size_t>(range.end - range.begin);
}

// "expert 3 is" or "experts 3, 7 are".
std::string named(const std::vector<std::int64_t>& experts) {
  return fmt::format("{} {} {}", experts.size() == 1 ? "expert" : "experts",
                     fmt::join(experts, ", "), experts.size() == 1 ? "is" : "are");
}

// [experts], how many copies each gets.
std::vector<std::int64_t> copies_for(const std::vector<double>& load, int ranks,
                                     std::int64_t redundant) {
  std::vector<std::int64_t> copies(load.size(), 1);
  for (std::int64_t i = 0; i < redundant; ++i) {
    std::size_t hottest = load.size();
    for (std::size_t e = 0; e < load.size(); ++e) {
      if (copies[e] < ranks &&
          (hottest == load.size() || load[e] / static_cast<double>(copies[e]) >
                                         load[hottest] / static_cast<double>(copies[hottest]))) {
        hottest = e;
      }
    }
    ++copies[hottest];
  }
  return copies;
}

// Ranks that fill up with copies of experts.
class Packing {
 public:
  Packing(std::size_t ranks, std::size_t experts, std::int64_t slots)
      : slots_(slots), load_(ranks, 0.0), holds_(ranks, std::vector<bool>(experts, false)) {
    on_rank_.resize(ranks);
  }

  void add(std::size_t expert, double load) {
    std::size_t best = on_rank_.size();
    for (std::size_t r = 0; r < on_rank_.size(); ++r) {
      if (has_room(r) && !holds_[r][expert] &&
          (best == on_rank_.size() || load_[r] < load_[best])) {
        best = r;
      }
    }
    put(best < on_rank_.size() ? best : make_room(expert), expert, load);
  }

  Placement::OnRank result() {
    Placement::OnRank out;
    for (auto& copies : on_rank_) {
      std::vector<ExpertId> ids;
      for (const Copy& copy : copies) {
        ids.push_back(id_of(static_cast<std::int64_t>(copy.expert)));
      }
      std::sort(ids.begin(), ids.end());
      out.push_back(std::move(ids));
    }
    return out;
  }

 private:
  struct Copy {
    std::size_t expert = 0;
    double load = 0.0;
  };

  bool has_room(std::size_t rank) const {
    return on_rank_[rank].size() < room_of(slots_, on_rank_.size(), rank);
  }

  void put(std::size_t rank, std::size_t expert, double load) {
    on_rank_[rank].push_back({expert, load});
    holds_[rank][expert] = true;
    load_[rank] += load;
  }

  // All ranks with room hold the expert: the lightest copy of a full rank that a rank with room can
  // take moves there. Returns the rank that now has room.
  std::size_t make_room(std::size_t expert) {
    for (std::size_t full = 0; full < on_rank_.size(); ++full) {
      if (holds_[full][expert]) {
        continue;
      }
      std::vector<Copy>& copies = on_rank_[full];
      for (std::size_t i = copies.size(); i-- > 0;) {  // added in descending order of load
        for (std::size_t open = 0; open < on_rank_.size(); ++open) {
          if (has_room(open) && !holds_[open][copies[i].expert]) {
            const Copy moved = copies[i];
            copies.erase(copies.begin() + static_cast<std::ptrdiff_t>(i));
            holds_[full][moved.expert] = false;
            load_[full] -= moved.load;
            put(open, moved.expert, moved.load);
            return full;
          }
        }
      }
    }
    throw std::logic_error("no more copies of an expert than ranks always find a place");
  }

  std::int64_t slots_;
  std::vector<std::vector<Copy>> on_rank_;
  std::vector<double> load_;              // [ranks]
  std::vector<std::vector<bool>> holds_;  // [ranks x experts]
};

}  // namespace

const std::vector<std::string>& placement_rule_names() {
  static const std::vector<std::string> names = {"contiguous", "round_robin", "balanced"};
  return names;
}

std::string_view name_of(PlacementRule rule) {
  return placement_rule_names()[static_cast<std::size_t>(rule)];
}

std::optional<PlacementRule> placement_rule_from(std::string_view name) {
  const std::vector<std::string>& names = placement_rule_names();
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? std::nullopt
                              : std::optional(static_cast<PlacementRule>(found - names.begin()));
}

Placement Placement::contiguous(std::int64_t experts, int ranks) {
  require(ranks >= 1 && ranks <= experts, "at least one expert for every rank");
  OnRank on_rank(static_cast<std::size_t>(ranks));
  for (int rank = 0; rank < ranks; ++rank) {
    const ExpertRange range = experts_of_rank(experts, ranks, rank);
    std::vector<ExpertId>& own = on_rank[static_cast<std::size_t>(rank)];
    own.reserve(static_cast<std::size_t>(range.end - range.begin));
    for (std::int64_t e = range.begin; e < range.end; ++e) {
      own.push_back(id_of(e));
    }
  }
  // Not checked: every design has one, and checking it would take most of the time.
  return Placement(std::move(on_rank), experts);
}

Placement Placement::round_robin(std::int64_t experts, int ranks) {
  require(ranks >= 1 && ranks <= experts, "at least one expert for every rank");
  OnRank on_rank(static_cast<std::size_t>(ranks));
  for (std::int64_t e = 0; e < experts; ++e) {
    on_rank[static_cast<std::size_t>(e % ranks)].push_back(id_of(e));
  }
  return from_ranks(std::move(on_rank), experts);
}

Placement Placement::balanced(const std::vector<double>& load, int ranks, std::int64_t redundant) {
  const auto experts = static_cast<std::int64_t>(load.size());
  require(ranks >= 1 && ranks <= experts, "at least one expert for every rank");
  require(redundant >= 0 && redundant <= experts * (ranks - 1),
          "at most one copy of an expert on every rank");
  require(
      std::all_of(load.begin(), load.end(), [](double l) { return std::isfinite(l) && l >= 0.0; }),
      "loads of experts are not negative");
  const std::vector<std::int64_t> copies = copies_for(load, ranks, redundant);
  std::vector<std::size_t> order;
  for (std::size_t e = 0; e < load.size(); ++e) {
    order.insert(order.end(), static_cast<std::size_t>(copies[e]), e);
  }
  const auto share = [&](std::size_t e) { return load[e] / static_cast<double>(copies[e]); };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return share(a) > share(b); });
  Packing packing(static_cast<std::size_t>(ranks), load.size(), experts + redundant);
  for (const std::size_t e : order) {
    packing.add(e, share(e));
  }
  return from_ranks(packing.result(), experts);
}

Placement Placement::from_ranks(OnRank on_rank, std::int64_t experts) {
  if (const auto why = why_not_placed(on_rank, experts)) {
    throw std::logic_error("experts cannot be placed so: " + *why);
  }
  return Placement(std::move(on_rank), experts);
}

Placement::Placement(OnRank on_rank, std::int64_t experts)
    : on_rank_(std::move(on_rank)), first_(static_cast<std::size_t>(experts) + 1, 0) {
  for (const std::vector<ExpertId>& own : on_rank_) {
    for (const ExpertId expert : own) {
      ++first_[static_cast<std::size_t>(expert.index()) + 1];
      ++slots_;
    }
  }
  std::partial_sum(first_.begin(), first_.end(), first_.begin());
  holders_.resize(static_cast<std::size_t>(slots_));
  std::vector<std::size_t> next(first_.begin(), first_.end() - 1);
  for (int rank = 0; rank < ranks(); ++rank) {
    for (const ExpertId expert : on_rank_[static_cast<std::size_t>(rank)]) {
      holders_[next[static_cast<std::size_t>(expert.index())]++] = rank;
    }
  }
}

std::int64_t Placement::most_slots() const {
  return static_cast<std::int64_t>(on_rank_.front().size());
}

bool Placement::is_contiguous() const {
  std::int32_t next = 0;
  for (const auto& own : on_rank_) {
    for (const ExpertId expert : own) {
      if (expert.index() != next++) {
        return false;
      }
    }
  }
  return redundant() == 0;
}

std::optional<std::string> why_not_placed(const Placement::OnRank& on_rank, std::int64_t experts,
                                          std::optional<std::int64_t> redundant) {
  std::vector<std::vector<std::size_t>> ranks_of(static_cast<std::size_t>(experts));
  std::int64_t slots = 0;
  for (std::size_t rank = 0; rank < on_rank.size(); ++rank) {
    for (const ExpertId expert : on_rank[rank]) {
      if (expert.index() < 0 || expert.index() >= experts) {
        return fmt::format("rank {} holds expert {}; experts are 0 to {}", rank, expert.index(),
                           experts - 1);
      }
      auto& holders = ranks_of[static_cast<std::size_t>(expert.index())];
      if (!holders.empty() && holders.back() == rank) {
        return fmt::format("expert {} is twice on rank {}", expert.index(), rank);
      }
      holders.push_back(rank);
      ++slots;
    }
  }
  std::vector<std::int64_t> nowhere;
  std::vector<std::int64_t> repeated;
  for (std::int64_t e = 0; e < experts; ++e) {
    const auto& holders = ranks_of[static_cast<std::size_t>(e)];
    if (holders.empty()) {
      nowhere.push_back(e);
    } else if (holders.size() > 1) {
      repeated.push_back(e);
    }
  }
  if (!nowhere.empty()) {
    return named(nowhere) + " nowhere";
  }
  if (redundant && slots != experts + *redundant) {
    return fmt::format("{} copies of {} experts, {} redundant ones wanted{}", slots, experts,
                       *redundant,
                       repeated.empty() ? "" : "; " + named(repeated) + " on several ranks");
  }
  for (std::size_t rank = 0; rank < on_rank.size(); ++rank) {
    if (on_rank[rank].size() != room_of(slots, on_rank.size(), rank)) {
      return fmt::format("rank {} holds {} experts instead of {}", rank, on_rank[rank].size(),
                         room_of(slots, on_rank.size(), rank));
    }
  }
  return std::nullopt;
}

Routing Routing::placed(const Placement& placement) const {
  require(placement.experts() == experts(), "a placement is of the layer's experts");
  if (placement.is_contiguous() || (uniform_ && placement.redundant() == 0)) {
    return *this;
  }
  Routing out;
  out.top_k_ = top_k_;
  std::vector<std::vector<std::int64_t>> slots_of(inclusion_.size());
  for (const auto& own : placement.on_rank()) {
    for (const ExpertId expert : own) {
      const auto e = static_cast<std::size_t>(expert.index());
      slots_of[e].push_back(static_cast<std::int64_t>(out.inclusion_.size()));
      out.inclusion_.push_back(inclusion_[e] / static_cast<double>(placement.ranks_of(e).size()));
    }
  }
  for (std::size_t c = 0; c < weights_.size(); ++c) {
    const auto& slots = slots_of[static_cast<std::size_t>(expert_of_[c])];
    for (const std::int64_t slot : slots) {
      out.weights_.push_back(weights_[c] / static_cast<double>(slots.size()));
      out.expert_of_.push_back(slot);
    }
  }
  out.finish();
  return out;
}

}  // namespace moeplan::models
