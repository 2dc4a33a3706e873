// GPUs, fabrics and nodes: data/gpus, data/fabrics, data/nodes.

#include <fmt/core.h>

#include <cmath>

#include "models/catalog/catalog.hpp"
#include "models/catalog/files.hpp"
#include "models/catalog/sourced.hpp"
#include "models/text/load.hpp"
#include "models/units/parse.hpp"

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

// How much faster than bf16 the arithmetic of a format may be: tensor cores gain by its width, and
// by 6 at most for 4 bits (B300). A sparse rate among dense ones is outside.
double most_over_bf16(Precision precision) {
  switch (precision) {
    case Precision::fp32:
    case Precision::fp16:
      return 1.0;
    case Precision::mxfp4:
    case Precision::nvfp4:
      return 6.0;
    default:
      return 2.0;
  }
}

// peak: {bf16: {dense: ..., with_sparsity: ..., source: ...}}. Makers print the rate with sparsity
// larger, so every tensor rate says what it is with sparsity, or `none` where none is printed; it
// must be about twice the dense one. Plain fp32 and measured CPU rates have none.
void check_sparsity(text::Reader& rate, FlopsPerSecond dense, bool expected) {
  if (!expected && !rate.has("with_sparsity")) {
    return;
  }
  const text::Node* written = rate.node("with_sparsity");
  if (written == nullptr || (written->kind == text::Kind::string && written->scalar == "none")) {
    return;
  }
  const auto sparse = rate.quantity<kCompute>("with_sparsity");
  const double ratio = dense.value() > 0.0 ? sparse / dense : 0.0;
  if (std::fabs(ratio - 2.0) > 0.1) {
    rate.problem("dense", "E_VALUE", "the rate with sparsity is not twice the dense one",
                 "dense = with_sparsity / 2");
  }
}

void read_peak(text::Reader& file, const Sources& sources, Gpu& gpu) {
  text::Reader peak = file.section("peak");
  for (const std::string& name : peak.keys()) {
    text::Reader rate = peak.section(name);
    const Precision precision = precision_of(peak, name, name);
    const auto dense = rate.quantity<kCompute>("dense");
    check_sparsity(rate, dense, precision != Precision::fp32 && !gpu.is_cpu());
    gpu.sources["peak/" + name] = sources.of(rate);
    gpu.peak[precision] = dense;
    rate.finish();
  }
  const auto bf16 = gpu.peak.find(Precision::bf16);
  if (bf16 == gpu.peak.end()) {
    if (file.has("peak") && !gpu.is_cpu()) {
      file.problem("peak", "E_MISSING", "no dense rate for bf16",
                   "bf16: {dense: ... TFLOP/s, ...}");
    }
    return;
  }
  for (const auto& [precision, dense] : gpu.peak) {
    const double most = most_over_bf16(precision);
    if (!gpu.is_cpu() && bf16->second.value() > 0.0 && dense / bf16->second > 1.05 * most) {
      peak.problem(std::string(name_of(precision)), "E_VALUE",
                   fmt::format("{:.3g} times the dense bf16 rate: one of the two is not dense",
                               dense / bf16->second),
                   fmt::format("at most {:.0f} times", most));
    }
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

Gpu load_gpu(const std::string& id_or_path) {
  const std::filesystem::path path = named_path("gpus", "GPU", id_or_path);
  const text::Document document = text::load_yaml(path);
  text::Problems problems(document);
  text::Reader file(problems, document.root);
  text::check_schema(file, "moeplan.gpu", 1, 1);
  const Sources sources(file);
  Gpu gpu;
  gpu.id = path.stem().string();
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
  if (file.has("peak") && gpu.is_cpu() && !gpu.supports(Precision::bf16)) {
    file.problem("peak", "E_MISSING", "no arithmetic for bf16 weights",
                 "bf16 under peak, or under computes_in");
  }
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
  node.nics = sources.count(file, "nics", node.sources, kGpuCount);
  node.network = sources.quantity<kBandwidth>(file, "network", node.sources);
  file.finish();
  problems.throw_if_any();
  const BytesPerSecond wanted = load_fabric(node.uplink).bandwidth * node.gpus;
  if (std::fabs(node.network / wanted - 1.0) > 0.05) {
    file.problem("network", "E_VALUE",
                 fmt::format("the uplink {} gives {} GPUs another rate", node.uplink, node.gpus),
                 to_text(wanted));
    problems.throw_if_any();
  }
  return node;
}

}  // namespace moeplan::models
