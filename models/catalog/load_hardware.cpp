// GPUs, fabrics and nodes: data/gpus, data/fabrics, data/nodes.

#include <fmt/core.h>

#include <cmath>

#include "models/catalog/catalog.hpp"
#include "models/catalog/files.hpp"
#include "models/catalog/sourced.hpp"
#include "models/text/load.hpp"

namespace moeplan::models {
namespace {

constexpr text::Range kGpuCount{.low = 1.0, .high = 1e6};

Precision precision_of(text::Reader& reader, const std::string& key, const std::string& name) {
  const std::optional<Precision> precision = precision_from(name);
  if (!precision) {
    reader.problem(key, "E_VALUE", fmt::format("unknown precision '{}'", name),
                   joined(precision_names()), did_you_mean(name, precision_names()));
  }
  return precision.value_or(Precision::fp32);
}

// peak: {bf16: {dense: ..., with_sparsity: ..., source: ...}}. with_sparsity may be left out where
// the maker prints none; where it is given it must be about twice the dense rate, which catches the
// sparse figure written as the dense one.
void read_peak(text::Reader& file, const Sources& sources, Gpu& gpu) {
  text::Reader peak = file.section("peak");
  for (const std::string& name : peak.keys()) {
    text::Reader rate = peak.section(name);
    const Precision precision = precision_of(peak, name, name);
    const auto dense = rate.quantity<kCompute>("dense");
    if (rate.has("with_sparsity")) {
      const auto sparse = rate.quantity<kCompute>("with_sparsity");
      const double ratio = dense.value() > 0.0 ? sparse / dense : 0.0;
      if (std::fabs(ratio - 2.0) > 0.1) {
        rate.problem("dense", "E_VALUE", "the rate with sparsity is not twice the dense one",
                     "dense = with_sparsity / 2");
      }
    }
    gpu.sources["peak/" + name] = sources.of(rate);
    gpu.peak[precision] = dense;
    rate.finish();
  }
  if (file.has("peak") && gpu.peak.count(Precision::bf16) == 0) {
    file.problem("peak", "E_MISSING", "no dense rate for bf16", "bf16: {dense: ... TFLOP/s, ...}");
  }
}

void read_computes_in(text::Reader& file, const Sources& sources, Gpu& gpu) {
  if (!file.has("computes_in")) {
    return;
  }
  text::Reader section = file.section("computes_in");
  for (const std::string& name : section.keys()) {
    const Precision weights = precision_of(section, name, name);
    text::Reader entry = section.section(name);
    const std::string value = entry.string("value");
    const Precision arithmetic = precision_of(entry, "value", value);
    gpu.sources["computes_in/" + name] = sources.of(entry);
    entry.finish();
    if (gpu.peak.count(weights) > 0) {
      section.problem(name, "E_VALUE", "this format has arithmetic of its own under peak",
                      "one of the two");
    } else if (gpu.peak.count(arithmetic) == 0) {
      entry.problem("value", "E_VALUE", "there is no rate for this arithmetic under peak",
                    "a key of peak");
    } else {
      gpu.computes_in[weights] = arithmetic;
    }
  }
}

}  // namespace

Gpu load_gpu(const std::string& id) {
  const text::Document document = text::load_yaml(catalog_path("gpus", "GPU", id));
  text::Problems problems(document);
  text::Reader file(problems, document.root);
  text::check_schema(file, "moeplan.gpu", 1, 1);
  const Sources sources(file);
  Gpu gpu;
  gpu.id = id;
  gpu.name = file.string("name");
  gpu.memory = sources.quantity<kData>(file, "memory", gpu.sources);
  gpu.bandwidth = sources.quantity<kBandwidth>(file, "bandwidth", gpu.sources);
  gpu.multiprocessors = sources.count(file, "multiprocessors", gpu.sources, kGpuCount);
  gpu.l2_cache = sources.quantity<kData>(file, "l2_cache", gpu.sources);
  gpu.power = sources.quantity<kPower>(file, "power", gpu.sources);
  gpu.fabric = sources.string(file, "fabric", gpu.sources);
  gpu.uplink = sources.string(file, "uplink", gpu.sources);
  gpu.gpus_per_node = sources.count(file, "gpus_per_node", gpu.sources, kGpuCount);
  read_peak(file, sources, gpu);
  read_computes_in(file, sources, gpu);
  file.finish();
  problems.throw_if_any();
  return gpu;
}

Fabric load_fabric(const std::string& id) {
  const text::Document document = text::load_yaml(catalog_path("fabrics", "fabric", id));
  text::Problems problems(document);
  text::Reader file(problems, document.root);
  text::check_schema(file, "moeplan.fabric", 1, 1);
  const Sources sources(file);
  Fabric fabric;
  fabric.id = id;
  fabric.name = file.string("name");
  const std::string kind = file.choice("kind", fabric_kind_names());
  fabric.kind = fabric_kind_from(kind).value_or(Fabric::Kind::nvlink);
  fabric.bandwidth = sources.quantity<kBandwidth>(file, "bandwidth", fabric.sources);
  fabric.latency = sources.quantity<kTime>(file, "latency", fabric.sources);
  if (file.has("max_gpus")) {
    fabric.max_gpus = sources.count(file, "max_gpus", fabric.sources, kGpuCount);
  }
  file.finish();
  problems.throw_if_any();
  return fabric;
}

Node load_node(const std::string& id) {
  const text::Document document = text::load_yaml(catalog_path("nodes", "node", id));
  text::Problems problems(document);
  text::Reader file(problems, document.root);
  text::check_schema(file, "moeplan.node", 1, 1);
  const Sources sources(file);
  Node node;
  node.id = id;
  node.name = file.string("name");
  node.gpu = sources.string(file, "gpu", node.sources);
  node.gpus = sources.count(file, "gpus", node.sources, kGpuCount);
  node.fabric = sources.string(file, "fabric", node.sources);
  node.uplink = sources.string(file, "uplink", node.sources);
  file.finish();
  problems.throw_if_any();
  return node;
}

}  // namespace moeplan::models
