#pragma once
// The pipeline for prefill/decode disaggregation: as evaluate.hpp, with two pools of engines. The
// candidate describes a decode engine; the scenario says how prefill engines differ from it.

#include <variant>

#include "sim/evaluate.hpp"
#include "sim/serving/law_errors.hpp"

namespace moeplan::sim {

// A prefill engine beside the given decode engine, of the scenario's parallelism.disaggregation.
// Like a decode engine it must have room for the longest request.
std::variant<Deployment, Infeasible> deploy_prefill(const Deployment& decode);

// Runs load.replicas units of prefill and decode engines together; rates and numbers in system are
// of one unit. errors: of the laws, see ModelStepCost. Deterministic in its arguments.
ServingMetrics run_pools(const Deployment& prefill, const Deployment& decode, const Load& load,
                         const LawErrors& errors = {});

}  // namespace moeplan::sim
