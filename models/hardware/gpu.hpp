#pragma once
// Gpu: capacities and peak rates of one device, as the maker states them. Filled by
// models/catalog from models/data/gpus; what a kernel reaches of them is models/latency's business.
// A measured CPU (id "cpu-...") is one too: its rates are measured, multiprocessors are its cores,
// l2_cache is its last-level cache, memory and bandwidth are those of the host's RAM.

#include <map>
#include <string>
#include <vector>

#include "models/architecture/precision.hpp"
#include "models/units/quantity.hpp"

namespace moeplan::models {

struct Gpu {
  std::string id;            // "h100-sxm" (interface.md)
  std::string name;          // as the maker writes it
  Bytes memory;              // total device memory that the driver reports, before any context
  BytesPerSecond bandwidth;  // of the device memory, peak
  // DENSE peak rates of the arithmetic the device has; never the "with sparsity" figures, which
  // data sheets print larger (twice). bf16, fp16, fp8, int8, nvfp4: tensor cores; fp32: plain
  // single precision outside the tensor cores (not TF32).
  std::map<Precision, FlopsPerSecond> peak;
  // Weight formats the device has no arithmetic for, and the one it computes in instead
  // (w4a16 -> bf16: weights are expanded in the kernel).
  std::map<Precision, Precision> computes_in;
  int multiprocessors = 0;
  Bytes l2_cache;
  Watts power;         // maximum board power
  std::string fabric;  // catalog id of the fabric inside a node
  std::string uplink;  // catalog id of the fabric between nodes
  int gpus_per_node = 0;
  std::map<std::string, std::string> sources;  // field -> document, page or URL, date

  bool is_cpu() const { return id.starts_with("cpu-"); }
  // True when weights of this format can run: peak has it, or computes_in leads there.
  bool supports(Precision weights) const;
  // The arithmetic that weights of this format run in.
  // Throws: InputError E_VALUE naming the formats that the device runs.
  Precision arithmetic(Precision weights) const;
  // Dense peak rate for weights of this format: peak[arithmetic(weights)].
  // Throws: as arithmetic().
  FlopsPerSecond peak_for(Precision weights) const;
  // Names of all formats it runs, in the order of precision_names().
  std::vector<std::string> supported() const;
};

}  // namespace moeplan::models
