#pragma once
// Import of Frontier's MoE profiles (CSV): router product, top-k, shuffle and grouped GEMMs of one
// rank.
// Source: github.com/NetX-lab/Frontier, frontier/profiling/moe/, commit
// a4b22df8211864bf229258ecdfbe680f048f2d77.

#include <string>

#include "models/latency/kernel_sample.hpp"

namespace moeplan::calibrate {

// Traps taken care of:
// - medians are in ms. CUDA_EVENT times the host's launches too (about 0.12 ms and more),
//   KERNEL_ONLY the kernels: the type is part of the kernel source, so that they never meet, and
//   event rows are marked host_launched.
// - what the rank got is not a column, but follows exactly: active experts = expert_utilization x
//   local experts; the pairs are the number that makes max_load_ratio x mean load whole. Two ways
//   of routing occur: all top-k of a token among the local experts (then the kernel knew no others
//   and they count as all experts of the layer), or among all experts of the layer.
// - expert_hidden_dim is before tensor parallelism. Cells of parts that were not timed are empty.
// - points stand there several times (columns were left out): all are rows.
// - the grouped GEMMs lack activation and weighted sum (part `products`); shuffle and top-k are of
// other runtimes than
//   the engines': reported by the fit, not used as laws.
// Throws: InputError as import_measurements; E_VALUE for other measurement types, E_RANGE for load
// figures that no routing gives.
models::Measurements parse_frontier(const std::string& content, const std::string& file);

}  // namespace moeplan::calibrate
