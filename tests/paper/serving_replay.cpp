#include "tests/paper/serving_replay.hpp"

#include "models/units/require.hpp"
#include "sim/serving/model_step_cost.hpp"
#include "sim/serving/simulate.hpp"

namespace moeplan::tests {
namespace {

// Every step takes two picoseconds, so that instants count steps; the prices are kept. Users pause
// for one: their next request arrives in the middle of the step that begins at the completion.
class Recorder : public sim::StepCost {
 public:
  explicit Recorder(const sim::Deployment& deployment) : cost_(deployment) {
    const auto& sizes = deployment.scenario->engine.graph_sizes;
    largest_graph_ = sizes.empty() ? 0 : sizes.back();
    before_.push_back({});
  }

  sim::PhaseTimes cost(std::span<const sim::RankBatch> ranks) override {
    const sim::PhaseTimes times = cost_.cost(ranks);
    Terms sum = before_.back();
    std::int64_t sequences = 0;
    bool prefill = false;
    std::int64_t largest = 0;
    for (const sim::RankBatch& rank : ranks) {
      sequences = std::max(sequences, rank.sequences());
      largest = std::max(largest, rank.tokens());
      prefill = prefill || rank.prefill_tokens > 0;
    }
    for (std::size_t i = 0; i < sim::kPhaseCount; ++i) {
      const auto phase = static_cast<sim::Phase>(i);
      const bool own = phase == sim::Phase::host || phase == sim::Phase::launch;
      sum[i] += own ? 0.0 : in_seconds(to_seconds(times[phase]));
    }
    sum[kSteps] += 1.0;
    sum[kSequences] += static_cast<double>(sequences);
    sum[kPrefillSteps] += prefill && largest > largest_graph_ ? 1.0 : 0.0;
    before_.push_back(sum);
    sim::PhaseTimes tick;
    tick.set(sim::Phase::host, sim::SimDuration(2));
    return tick;
  }
  void begin_run() override { cost_.begin_run(); }
  std::vector<std::string> extrapolated() const override { return cost_.extrapolated(); }

  // Terms of the steps from the one that `from` lies in or at the beginning of to the one that ends
  // at `to`, each divided by `parts`.
  Terms between(sim::SimTime from, sim::SimTime to, double parts) const {
    require(to.picoseconds() % 2 == 0, "the engine was idle: steps begin at even instants only");
    const Terms& a = before_[static_cast<std::size_t>(from.picoseconds() / 2)];
    const Terms& b = before_[static_cast<std::size_t>(to.picoseconds() / 2)];
    Terms terms{};
    for (std::size_t i = 0; i < kTermCount; ++i) {
      terms[i] = (b[i] - a[i]) / parts;
    }
    return terms;
  }

 private:
  sim::ModelStepCost cost_;
  std::int64_t largest_graph_ = 0;
  std::vector<Terms> before_;  // [steps + 1], summed over the steps before
};

Terms mean_of(const std::vector<Terms>& all) {
  Terms mean{};
  for (const Terms& terms : all) {
    for (std::size_t i = 0; i < kTermCount; ++i) {
      mean[i] += terms[i] / static_cast<double>(all.size());
    }
  }
  return mean;
}

}  // namespace

Replay replay(const sim::Deployment& d) {
  const sim::Scenario& scenario = *d.scenario;
  require(scenario.workload.closed_loop && scenario.engine.jitter == 0.0,
          "only a closed loop without jitter has batches that do not depend on time");
  const sim::SimulationSetup setup{
      .limits = {.scheduler = {.max_sequences = scenario.engine.max_sequences,
                               .max_batched_tokens = scenario.engine.max_batched_tokens,
                               .kv_blocks = d.memory.kv_blocks},
                 .data_parallel = d.candidate.data_parallel,
                 .max_model_length = scenario.engine.max_model_length},
      .mix = {.arrivals = sim::ClosedLoop{static_cast<std::int32_t>(scenario.workload.concurrency),
                                          Seconds(1e-12)},
              .prompt = scenario.workload.input,
              .output = scenario.workload.output,
              .request_count = scenario.workload.requests},
      .seed = scenario.seed};
  Recorder recorder(d);
  const sim::ServingTrace trace = sim::simulate(setup, recorder);
  Replay result;
  for (const sim::RequestRecord& request : trace.requests) {
    require(request.status == sim::RequestStatus::completed, "a request of a closed loop was lost");
    result.ttft.push_back(recorder.between(request.arrival, request.first_token, 1.0));
    if (request.output_tokens > 1) {
      result.tpot.push_back(
          recorder.between(request.first_token, request.completion, request.output_tokens - 1.0));
    }
  }
  result.mean_ttft = mean_of(result.ttft);
  result.mean_tpot = mean_of(result.tpot);
  result.steps = trace.steps;
  result.preemptions = trace.preemptions;
  result.extrapolated = trace.extrapolated;
  return result;
}

}  // namespace moeplan::tests
