#pragma once
// UncertainInputs: what is not known of a scenario, and scenarios with these inputs set to other
// values. An input is addressed by its name: draws of one do not shift when another comes or goes,
// and every design sees the same world in the same draw (common random numbers).
//   law         errors of one family of laws on one GPU, exp(discrepancy_sd_log x normal)
//   parameters  the fits' own error, all laws of all profiles together
//   (models/latency/draw_profile) jitter      engine.jitter, more by 0 to uncertainty.jitter
//   routing     how skewed tokens are routed, by uncertainty.routing (read_fields:
//   scenarios/README) accuracy    a point of the accuracy curve, normal with the standard error of
//   its band price       what one kind of GPU costs, log-normal by uncertainty.price
// Not among them: what the scenario asks for (traffic, objectives), and chance within a run, which
// is the same in all draws: intervals are of what is not known, not of what fluctuates.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/deployment/deployment.hpp"
#include "sim/scenario/scenario.hpp"
#include "sim/serving/law_errors.hpp"

namespace moeplan::sim {

enum class InputKind { law, parameters, jitter, routing, accuracy, price };

struct UncertainInput {
  InputKind kind = InputKind::law;
  std::string name;               // "expert law of h100-sxm"; unique
  std::string unit;               // of its values: "x estimate", "alpha", ...
  std::string gpu;                // law, price
  std::string kernel;             // law
  double spread = 0.0;            // law: discrepancy_sd_log; accuracy: standard error
  std::int64_t experts_kept = 0;  // accuracy
};

// One state of what is not known: for each input the level of its distribution, in (0, 1), or
// nothing where it is as estimated.
struct World {
  std::vector<std::optional<double>> levels;  // [inputs]; of parameters: any level means `member`
  std::uint64_t member = 0;                   // of the profiles' ensembles
};

// A scenario in one world. Accuracy and prices do not change what is simulated and stand beside it.
struct DrawnScenario {
  Scenario scenario;
  std::vector<LawErrors> errors;            // [hardware]
  std::map<std::string, double> price;      // by GPU, factor
  std::map<std::int64_t, double> accuracy;  // by experts kept, what is added to the curve
};

class UncertainInputs {
 public:
  // Of the designs compared; the scenario must outlive it.
  UncertainInputs(const Scenario& scenario, std::span<const Candidate> compared);

  const std::vector<UncertainInput>& all() const { return inputs_; }
  World estimate() const;
  // Draw i; a pure function of the scenario's seed, i and the inputs' names.
  World draw(std::uint64_t i) const;
  // All as estimated but one. Of parameters, level is the member to take.
  World only(std::size_t input, double level) const;
  World only_member(std::size_t input, std::uint64_t member) const;
  // Of an input that has one (all but parameters), in its unit, at a level.
  double value(std::size_t input, double level) const;

  DrawnScenario apply(const World& world) const;

 private:
  void add_laws(std::span<const Candidate> compared);
  void set_routing(double level, Scenario& drawn) const;

  const Scenario& scenario_;
  std::vector<UncertainInput> inputs_;
};

}  // namespace moeplan::sim
