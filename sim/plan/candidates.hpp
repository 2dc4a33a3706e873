#pragma once
// Candidates: every design that the scenario allows: experts kept x GPU x GPUs per engine x layout.

#include <vector>

#include "sim/deployment/deployment.hpp"

namespace moeplan::sim {

// All designs in a fixed order (GPU, GPUs, experts from many to few, pipeline stages, tensor
// parallel, expert parallel, exchange, placement, redundant experts). Layouts that would be the
// same design are listed once: expert_parallel, exchange and placement only where they differ;
// attention data parallelism only for models with experts (a dense model has replicas instead).
std::vector<Candidate> candidates(const Scenario& scenario);

}  // namespace moeplan::sim
