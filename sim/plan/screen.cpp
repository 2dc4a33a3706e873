#include "sim/plan/screen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/units/parse.hpp"
#include "models/units/require.hpp"
#include "sim/plan/design.hpp"

namespace moeplan::sim {
namespace {

constexpr std::int64_t kFloorRequests = 100;
constexpr double kMonotone = 0.9;         // how far a price may fall as tokens grow
constexpr double kCounted = 0.98;         // of the arrivals: at most 1 % miss each objective
constexpr double kDeviations = 4.0;       // of the jitter
constexpr double kRounding = 1.0 - 1e-9;  // of percentiles made of picoseconds

// The value at the lower of the two ranks that a percentile lies between; 0 for no values.
std::int64_t at_rank(std::vector<std::int64_t>& values, double fraction) {
  if (values.empty()) {
    return 0;
  }
  const auto rank = static_cast<std::ptrdiff_t>(fraction * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + rank, values.end());
  return values[static_cast<std::size_t>(rank)];
}

// The price of a step in which one rank computes `tokens` tokens of one prompt, or all ranks do.
PhaseTimes prompt_step(StepCost& cost, std::int64_t tokens, bool ends, int ranks, bool on_all) {
  RankBatch batch;
  batch.prefill_tokens = tokens;
  batch.sampled = ends ? 1 : 0;
  batch.prefill.push_back({tokens, 0});
  std::vector<RankBatch> batches(static_cast<std::size_t>(ranks), on_all ? batch : RankBatch{});
  batches.front() = batch;
  return cost.cost(batches);
}

}  // namespace

Load floor_load(const Scenario& scenario) {
  Load load = full_load(scenario, 1.0);
  load.closed_loop = true;
  load.search_only = true;
  if (load.requests != kFloorRequests) {
    load.requests = kFloorRequests;
    load.warmup = kFloorRequests / 10;
  }
  return load;
}

Screen::Screen(const Scenario& scenario)
    : scenario_(scenario),
      slack_(std::exp(-kDeviations * scenario.engine.jitter -
                      0.5 * scenario.engine.jitter * scenario.engine.jitter)),
      floor_(floor_of()) {}

Screen::Floor Screen::floor_of() const {
  const Load load = floor_load(scenario_);
  RequestSource source(mix_of(scenario_.workload, load), scenario_.seed);
  std::vector<std::int64_t> prompts;
  std::vector<std::int64_t> of_answers;  // of more than one token
  std::optional<RequestSpec> request = source.next();
  for (std::int64_t i = 0; request; ++i) {
    const std::int64_t length = std::int64_t{request->prompt_tokens} + request->output_tokens;
    const std::int64_t longest = scenario_.engine.max_model_length;
    if (i >= load.warmup && (longest == 0 || length <= longest)) {
      prompts.push_back(request->prompt_tokens);
      if (request->output_tokens > 1) {
        of_answers.push_back(request->prompt_tokens);
      }
    }
    request = source.on_completion(request->arrival);
  }
  return {.ttft_p50_prompt = at_rank(prompts, 0.50),
          .ttft_p99_prompt = at_rank(prompts, 0.99),
          .tpot_p50_prompt = at_rank(of_answers, 0.50),
          .tpot_p99_prompt = at_rank(of_answers, 0.99)};
}

std::optional<Screen::Work> Screen::work_of() const {
  const Workload& w = scenario_.workload;
  if (!scenario_.objectives.budget || w.kind != ArrivalKind::poisson || w.bursts || w.day ||
      w.ramp || w.max_in_flight > 0 || w.closed_loop || scenario_.engine.prefix_caching) {
    return std::nullopt;
  }
  const double rate = in_per_second(w.rate);
  const Load load = full_load(scenario_, rate);
  const RequestArrays all = RequestSource(mix_of(w, load), scenario_.seed).take_all();
  Work work;
  work.last_unit_gap = in_seconds(all.arrivals.back()) * rate;
  work.longest_answer = longest_length(w.output);
  const std::size_t count = all.arrivals.size();
  const auto counted = static_cast<std::size_t>(kCounted * static_cast<double>(count));
  const std::int64_t longest = scenario_.engine.max_model_length;
  std::vector<std::int64_t> answers;
  for (std::size_t i = 0; i < counted; ++i) {
    const std::int64_t prompt = all.prompt_tokens[i];
    const std::int64_t output = all.output_tokens[i];
    if (longest == 0 || prompt + output <= longest) {
      work.prompt_tokens += static_cast<double>(prompt);
      answers.push_back(output - 1);
    }
  }
  std::sort(answers.begin(), answers.end());
  const std::size_t missing = std::min(answers.size(), count - counted);
  for (std::size_t i = 0; i + missing < answers.size(); ++i) {
    work.decode_tokens += static_cast<double>(answers[i]);
  }
  return work;
}

std::optional<Infeasible> Screen::hopeless(const Deployment& deployment, StepCost& cost) const {
  if (auto why = misses_floor(deployment, cost)) {
    return why;
  }
  return exceeds_budget(deployment, cost);
}

std::optional<Infeasible> Screen::misses_floor(const Deployment& deployment, StepCost& cost) const {
  const LatencyObjectives& o = scenario_.objectives.latency;
  const auto miss = [&](const char* name, double least, double bound, const PhaseTimes& step) {
    const Phase largest = step.largest();
    return Infeasible{
        deployment.candidate, "latency",
        fmt::format("screened: {} is at least {} even without load (objective {}); the largest "
                    "term is {} ({:.0f} % of the step)",
                    name, to_text(Seconds(least)), to_text(Seconds(bound)), name_of(largest),
                    100.0 * in_seconds(step[largest]) / in_seconds(step.total()))};
  };
  for (const auto& [prompt, bound] : {std::pair{floor_.tpot_p99_prompt, o.tpot_p99_s},
                                      std::pair{floor_.tpot_p50_prompt, o.tpot_p50_s}}) {
    if (bound <= 0.0 || prompt == 0) {
      continue;
    }
    const std::optional<DecodeLine> line = cost.decode_line(1, prompt + 1);
    if (!line) {
      break;
    }
    PhaseTimes step = line->base;
    step.set(Phase::attention,
             step[Phase::attention] + SimDuration(line->attention_ps(prompt + 1)));
    const double least = in_seconds(step.total()) * slack_ * kRounding;
    if (least > bound) {
      return miss("tpot", least, bound, step);
    }
  }
  if (scenario_.engine.prefix_caching) {
    return std::nullopt;  // a prompt may be found instead of computed
  }
  for (const auto& [prompt, bound] : {std::pair{floor_.ttft_p99_prompt, o.ttft_p99_s},
                                      std::pair{floor_.ttft_p50_prompt, o.ttft_p50_s}}) {
    if (bound <= 0.0 || prompt == 0) {
      continue;
    }
    const std::int64_t tokens = std::min(prompt, scenario_.engine.max_batched_tokens);
    const PhaseTimes step =
        prompt_step(cost, tokens, tokens == prompt, deployment.candidate.data_parallel, false);
    const double least = in_seconds(step.total()) * kMonotone * slack_;
    if (least > bound) {
      return miss("ttft", least, bound, step);
    }
  }
  return std::nullopt;
}

std::optional<Infeasible> Screen::exceeds_budget(const Deployment& deployment,
                                                 StepCost& cost) const {
  const LatencyObjectives& o = scenario_.objectives.latency;
  std::call_once(work_known_, [&] { work_ = work_of(); });
  if (scenario_.objectives.search == SearchGoal::most_traffic || !work_ ||
      deployment.candidate.data_parallel > 1 || deployment.candidate.pipeline_parallel > 1 ||
      o.ttft_p99_s <= 0.0) {
    return std::nullopt;
  }
  const EngineOptions& engine = scenario_.engine;
  const double per_prompt_token =
      in_seconds(prompt_step(cost, engine.max_batched_tokens, false, 1, true).total()) /
      static_cast<double>(engine.max_batched_tokens) * kMonotone * slack_;
  // load <= unit gaps / (least busy time - time allowed after the last arrival)
  double busy = work_->prompt_tokens * per_prompt_token - o.ttft_p99_s;
  // Where steps are padded to captured sizes, a full one may cost less per token than the largest.
  const std::int64_t most = std::min(engine.max_sequences, engine.max_batched_tokens);
  std::int64_t full = most;
  for (const std::int64_t size : engine.graph_sizes) {
    full = size <= most ? size : full;
  }
  const auto line = cost.decode_line(most, most);
  const auto full_line = cost.decode_line(full, full);
  if (line && full_line && o.tpot_p99_s > 0.0) {
    const double per_token =
        std::min(in_seconds(line->base.total()) / static_cast<double>(most),
                 in_seconds(full_line->base.total()) / static_cast<double>(full));
    busy = std::max(busy, work_->decode_tokens * per_token * kMonotone * slack_ - o.ttft_p99_s -
                              o.tpot_p99_s * work_->longest_answer);
  }
  if (busy <= 0.0) {
    return std::nullopt;
  }
  const double most_load = work_->last_unit_gap / busy;
  const auto engines = static_cast<std::int64_t>(
      std::ceil(in_per_second(scenario_.workload.rate) / most_load * kRounding));
  const auto offer =
      cheapest_offer(scenario_.prices, deployment.hardware().gpu.id, deployment.candidate.gpus,
                     deployment.hardware().gpu.gpus_per_node, engines);
  if (!std::holds_alternative<Offer>(offer)) {
    return std::nullopt;
  }
  const Offer& least = std::get<Offer>(offer);
  const UsdPerSecond rent = least.price->rent * static_cast<double>(least.instances);
  if (rent <= *scenario_.objectives.budget) {
    return std::nullopt;
  }
  return Infeasible{
      deployment.candidate, "budget",
      fmt::format("screened: an engine serves at most {:.4g} requests/s, so {} or more are needed; "
                  "they rent for at least {}, above the budget of {}",
                  most_load, engines, to_text(rent), to_text(*scenario_.objectives.budget))};
}

}  // namespace moeplan::sim
