#pragma once
// ReferenceEngine: serving.md 3 written down once more, naively and from the text alone: every
// step looks at every request, blocks are counted anew from all caches, nothing is kept between
// steps but each request's own state. The simulator must agree with it to the picosecond
// (tests.md C2 31). It shares no code with sim/serving.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <list>
#include <vector>

namespace moeplan::tests {

struct ReferenceRequest {
  std::int64_t arrival = 0;  // ps
  int prompt = 1;
  int output = 1;
  // Filled in:
  std::int64_t first_token = -1;  // ps
  std::int64_t completion = -1;   // ps
  int preemptions = 0;
  int written = 0;  // tokens emitted
  int cached = 0;   // tokens whose keys and values are in the cache
  int ever = 0;     // most that ever were
};

struct ReferenceLimits {
  int max_sequences = 4;
  int max_batched_tokens = 64;
  int kv_blocks = 16;
};

// What one step runs: tokens of prompts (new or repeated), and sequences that decode.
struct ReferenceStep {
  std::int64_t prefill_tokens = 0;
  std::int64_t decodes = 0;
  std::int64_t kv_tokens = 0;  // that the decodes attend to, their own new token included
};

// Requests in order of arrival; every one fits the cache alone. Steps that were run.
inline std::vector<ReferenceStep> run_reference(
    std::vector<ReferenceRequest>& requests, const ReferenceLimits& limits,
    const std::function<std::int64_t(const ReferenceStep&)>& step_ps) {
  constexpr int kBlock = 16;
  const auto blocks = [](int tokens) { return (tokens + kBlock - 1) / kBlock; };
  std::list<ReferenceRequest*> waiting;
  std::vector<ReferenceRequest*> running;
  std::vector<ReferenceStep> steps;
  std::size_t arrived = 0;
  std::int64_t now = 0;
  // Blocks of all caches once `plan` more tokens were in them.
  std::vector<std::pair<ReferenceRequest*, int>> plan;
  const auto used = [&] {
    int sum = 0;
    for (const ReferenceRequest* r : running) {
      int tokens = r->cached;
      for (const auto& [who, more] : plan) {
        tokens += who == r ? more : 0;
      }
      sum += blocks(tokens);
    }
    return sum;
  };
  // Tokens still to be computed before the next one can be emitted.
  const auto missing = [](const ReferenceRequest& r) { return r.prompt + r.written - r.cached; };
  while (arrived < requests.size() || !waiting.empty() || !running.empty()) {
    while (arrived < requests.size() && requests[arrived].arrival <= now) {
      waiting.push_back(&requests[arrived++]);
    }
    if (waiting.empty() && running.empty()) {
      now = requests[arrived].arrival;
      continue;
    }
    plan.clear();
    int budget = limits.max_batched_tokens;
    bool evicted = false;
    for (std::size_t i = 0; i < running.size() && budget > 0; ++i) {
      const int tokens = std::min(missing(*running[i]), budget);
      plan.push_back({running[i], tokens});
      while (used() > limits.kv_blocks) {
        ReferenceRequest* last = running.back();
        running.pop_back();
        if (plan.back().first == last) {
          plan.pop_back();
        }
        last->cached = 0;
        ++last->preemptions;
        waiting.push_front(last);
        evicted = true;
      }
      if (i >= running.size()) {
        break;  // it was the last itself
      }
      budget -= tokens;
    }
    while (!evicted && !waiting.empty() && budget > 0 &&
           static_cast<int>(running.size()) < limits.max_sequences) {
      ReferenceRequest* next = waiting.front();
      const int tokens = std::min(missing(*next), budget);
      running.push_back(next);
      plan.push_back({next, tokens});
      if (used() > limits.kv_blocks) {
        running.pop_back();
        plan.pop_back();
        break;
      }
      waiting.pop_front();
      budget -= tokens;
    }
    ReferenceStep step;
    for (const auto& [r, tokens] : plan) {
      const bool decodes = r->written > 0 && missing(*r) == 1 && r->cached == r->ever;
      step.decodes += decodes ? 1 : 0;
      step.kv_tokens += decodes ? r->cached + 1 : 0;
      step.prefill_tokens += decodes ? 0 : tokens;
    }
    steps.push_back(step);
    now += step_ps(step);
    for (const auto& [r, tokens] : plan) {
      r->cached += tokens;
      r->ever = std::max(r->ever, r->cached);
      if (missing(*r) > 0) {
        continue;
      }
      if (++r->written == 1) {
        r->first_token = now;
      }
      if (r->written == r->output) {
        r->completion = now;
        running.erase(std::find(running.begin(), running.end(), r));
      }
    }
  }
  return steps;
}

}  // namespace moeplan::tests
