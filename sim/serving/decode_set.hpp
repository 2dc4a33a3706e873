#pragma once
// DecodeSet: the decoding sequences of one rank, all of which emit a token in every round. No work
// per sequence and round: kept are their number, the tokens they attend to, how many begin a new
// cache block in which round (their cache length modulo 16), in which round each ends (a ring of
// lists, one per round to come), and in which order they were admitted (a stack).

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "sim/deployment/kv_block.hpp"

namespace moeplan::sim {

class DecodeSet {
 public:
  struct Member {
    std::int32_t request = 0;  // -1: taken out before its end
    std::int32_t prompt = 0;
    std::int32_t output = 0;
    std::int32_t next = -1;  // in the list of its last round, or of free members
    std::int64_t end = 0;    // round after which it has emitted everything
    std::int64_t order = 0;  // of admission
  };
  // A sequence taken out before its end.
  struct Taken {
    std::int32_t request = 0;
    std::int32_t prompt = 0;
    std::int32_t emitted = 0;
    std::int32_t computed = 0;  // tokens in its cache
  };

  std::int64_t count() const { return count_; }
  // In the caches, before the coming round.
  std::int64_t kv_tokens() const { return kv_tokens_; }
  // Blocks that the coming round takes.
  std::int64_t new_blocks() const { return phases_[phase_of(0)]; }

  // A sequence that has emitted `emitted` < output tokens; its cache holds prompt + emitted - 1.
  // order: of admission, larger than that of every sequence added before.
  void add(std::int32_t request, std::int32_t prompt, std::int32_t output, std::int32_t emitted,
           std::int64_t order) {
    const std::int64_t rounds = output - emitted;
    if (rounds >= static_cast<std::int64_t>(ring_.size())) {
      widen(rounds);
    }
    if (free_ < 0) {
      free_ = static_cast<std::int32_t>(members_.size());
      members_.push_back({});
    }
    const std::int32_t index = free_;
    Member& member = members_[static_cast<std::size_t>(index)];
    free_ = member.next;
    std::int32_t& head = list_of(round_ + rounds);
    member = {request, prompt, output, head, round_ + rounds, order};
    head = index;
    admitted_.push_back({order, index});
    if (admitted_.size() > 2 * static_cast<std::size_t>(count_) + 64) {
      std::erase_if(admitted_, [this](const Admitted& a) { return !is_current(a); });
    }
    const std::int64_t computed = std::int64_t{prompt} + emitted - 1;
    ++phases_[phase_of(computed)];
    kv_tokens_ += computed;
    ++count_;
  }

  // One round passes: every sequence emits a token and its cache grows by one.
  void advance() {
    ++round_;
    kv_tokens_ += count_;
  }
  bool any_ends() const { return ring_[static_cast<std::size_t>(round_) & mask_] >= 0; }
  // Removes the sequences that end with the round just passed; done(request) for each, in any
  // order.
  // Returns the blocks that they held.
  template <class Done>
  std::int64_t remove_ended(Done done) {
    std::int64_t blocks = 0;
    std::int32_t& head = list_of(round_);
    while (head >= 0) {
      const std::int32_t index = head;
      Member& member = members_[static_cast<std::size_t>(index)];
      head = member.next;
      if (member.request >= 0) {
        const std::int64_t computed = std::int64_t{member.prompt} + member.output - 1;
        blocks += blocks_for(computed);
        kv_tokens_ -= computed;
        --phases_[phase_of(computed)];
        --count_;
        done(member.request);
        member.request = -1;
      }
      member.next = free_;
      free_ = index;
    }
    return blocks;
  }

  // Takes out the sequence admitted last. The set must not be empty.
  Taken take_youngest() {
    while (!is_current(admitted_.back())) {
      admitted_.pop_back();
    }
    Member& member = members_[static_cast<std::size_t>(admitted_.back().index)];
    admitted_.pop_back();
    const auto left = static_cast<std::int32_t>(member.end - round_);
    const Taken taken{member.request, member.prompt, member.output - left,
                      member.prompt + member.output - left - 1};
    member.request = -1;  // stays in its list until then
    kv_tokens_ -= taken.computed;
    --phases_[phase_of(taken.computed)];
    --count_;
    return taken;
  }

 private:
  struct Admitted {
    std::int64_t order = 0;
    std::int32_t index = 0;
  };

  bool is_current(const Admitted& admitted) const {
    const Member& member = members_[static_cast<std::size_t>(admitted.index)];
    return member.request >= 0 && member.order == admitted.order;
  }
  std::size_t phase_of(std::int64_t computed) const {
    return static_cast<std::size_t>((computed - round_) & (kBlockTokens - 1));
  }
  std::int32_t& list_of(std::int64_t round) {
    return ring_[static_cast<std::size_t>(round) & mask_];
  }
  void widen(std::int64_t rounds) {
    std::vector<std::int32_t> before = std::move(ring_);
    std::size_t size = before.size();
    while (static_cast<std::int64_t>(size) <= rounds) {
      size *= 2;
    }
    ring_.assign(size, -1);
    mask_ = size - 1;
    for (std::int32_t head : before) {
      while (head >= 0) {
        Member& member = members_[static_cast<std::size_t>(head)];
        const std::int32_t next = member.next;
        std::int32_t& list = list_of(member.end);
        member.next = list;
        list = head;
        head = next;
      }
    }
  }

  std::int64_t count_ = 0;
  std::int64_t kv_tokens_ = 0;
  std::int64_t round_ = 0;
  std::array<std::int64_t, kBlockTokens> phases_{};
  std::vector<std::int32_t> ring_ = std::vector<std::int32_t>(256, -1);  // heads of lists
  std::size_t mask_ = 255;
  std::vector<Member> members_;
  std::vector<Admitted> admitted_;  // in order of admission, some of them gone
  std::int32_t free_ = -1;
};

}  // namespace moeplan::sim
