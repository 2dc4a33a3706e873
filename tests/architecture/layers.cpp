// The table of house.md 2 and the questions asked of it.
#include "tests/architecture/layers.hpp"

#include <algorithm>
#include <map>

namespace moeplan::architecture {

namespace {

// What evaluate stands on; sim/plan and sim/sweep may include it too ("evaluate and below").
const std::vector<std::string> kBelowEvaluate = {"models/*",     "sim/engine",     "sim/scenario",
                                                 "sim/workload", "sim/deployment", "sim/network",
                                                 "sim/serving",  "sim/result",     "sim/topology"};

std::vector<std::string> with(std::vector<std::string> folders, const std::string& more) {
  folders.push_back(more);
  return folders;
}

// "models/*" covers every folder below models; any other entry covers itself.
bool covers(const std::string& entry, const std::string& folder) {
  if (entry.ends_with("/*")) {
    return folder.starts_with(entry.substr(0, entry.size() - 1));
  }
  return entry == folder;
}

enum class Visit { open, done };

// Depth first; `path` is the chain of folders that are open.
bool reaches_cycle(const Layer& layer, std::map<std::string, Visit>& visits,
                   std::vector<std::string>& path) {
  visits[layer.folder] = Visit::open;
  path.push_back(layer.folder);
  for (const Layer& other : layers()) {
    if (other.folder == layer.folder || !may_include(layer, other)) {
      continue;
    }
    const auto seen = visits.find(other.folder);
    if (seen == visits.end() ? reaches_cycle(other, visits, path) : seen->second == Visit::open) {
      return true;
    }
  }
  visits[layer.folder] = Visit::done;
  path.pop_back();
  return false;
}

}  // namespace

const std::vector<Layer>& layers() {
  static const std::vector<std::string> kUnitsText = {"models/units", "models/text"};
  static const std::vector<Layer> kLayers = {
      {"models/units", {}},
      {"models/text", {"models/units"}},
      {"models/architecture", kUnitsText},
      {"models/hardware", {"models/text", "models/architecture"}},
      {"models/accuracy", kUnitsText},
      {"models/price", kUnitsText},
      {"models/routing", kUnitsText},
      {"models/latency",
       {"models/text", "models/architecture", "models/hardware", "models/routing"}},
      {"models/pruning", {"models/text", "models/architecture", "models/routing"}},
      {"models/checkpoint",
       {"models/text", "models/architecture", "models/routing", "models/pruning"}},
      {"models/laboratory",
       {"models/text", "models/architecture", "models/hardware", "models/accuracy", "models/price",
        "models/routing", "models/latency", "models/pruning", "models/checkpoint"}},
      {"models/catalog", {"models/*"}},
      {"sim/engine", {"models/units"}},
      {"sim/topology", {"models/*"}},
      {"sim/scenario", {"models/*", "sim/workload", "sim/result", "sim/topology"}},
      {"sim/workload", {"models/*", "sim/engine"}},
      {"sim/result", {"models/units", "sim/engine"}},
      {"sim/forward", {"models/*", "sim/scenario"}},
      {"sim/deployment", {"models/*", "sim/scenario", "sim/result"}},
      {"sim/network", {"sim/engine", "sim/topology"}},
      {"sim/serving",
       {"models/*", "sim/engine", "sim/workload", "sim/topology", "sim/network", "sim/deployment",
        "sim/result"}},
      {"sim", kBelowEvaluate},
      {"sim/plan", with(kBelowEvaluate, "sim")},
      {"sim/study", with(with(with(kBelowEvaluate, "sim"), "sim/plan"), "sim/forward")},
      {"sim/sweep", with(with(with(kBelowEvaluate, "sim"), "sim/plan"), "sim/forward")},
      {"sim/share", with(with(with(kBelowEvaluate, "sim"), "sim/plan"), "sim/uncertainty")},
      {"sim/timeline", with(kBelowEvaluate, "sim")},
      {"sim/uncertainty", with(with(kBelowEvaluate, "sim"), "sim/plan")},
      {"sim/report",
       {"models/*", "sim/result", "sim/plan", "sim/uncertainty", "sim/scenario", "sim/deployment",
        "sim/forward"}},
      {"sim/report/html", {"models/text", "sim/report"}},
      {"calibrate/measurement", {"models/text", "models/routing"}},
      {"calibrate/kernels",
       {"calibrate/measurement", "models/architecture", "models/routing", "models/text"}},
      {"calibrate/all2all",
       {"calibrate/measurement", "models/architecture", "models/routing", "models/text"}},
      {"calibrate/layer",
       {"calibrate/kernels", "calibrate/all2all", "calibrate/measurement", "models/latency",
        "models/routing"}},
      {"calibrate/import", {"calibrate/measurement", "models/*"}},
      {"calibrate/fitting", {"calibrate/measurement", "models/*"}},
      {"calibrate/scorecard", {"calibrate/fitting", "models/*"}},
      {"calibrate", {"calibrate/*", "models/*"}},
      {"app",
       {"models/*", "sim", "sim/*", "calibrate/import", "calibrate/fitting",
        "calibrate/scorecard"}},
  };
  return kLayers;
}

const std::vector<ThirdParty>& third_party() {
  static const std::vector<std::string> kDevices = {"calibrate/kernels", "calibrate/all2all",
                                                    "calibrate/layer"};
  // Files and processes: the operating system is asked where files are read and programs run.
  static const std::vector<std::string> kSystem = {
      "models/text", "models/checkpoint",     "sim/sweep",        "app",
      "calibrate",   "calibrate/measurement", "calibrate/all2all"};
  static const std::vector<ThirdParty> kThirdParty = {
      {"fmt/", {}},
      {"yaml-cpp/", {"models/text"}},
      {"nlohmann/", {"models/text"}},
      {"Eigen/",
       {"models/latency", "models/pruning", "models/laboratory", "calibrate/fitting",
        "calibrate/kernels"}},
      {"boost/graph/", {"sim/topology"}},
      {"boost/math/", {"models/accuracy"}},
      {"sqlite3.h", {"sim/sweep"}},
      {"CLI/", {"app", "calibrate"}},
      {"mpi-ext.h", {"calibrate/all2all"}},
      {"mpi.h", {"sim/sweep", "calibrate/all2all", "calibrate/layer", "calibrate"}},
      {"nccl.h", kDevices},
      {"cudnn.h", kDevices},
      {"dlfcn.h", kDevices},
      {"cuda", kDevices},
      {"cublas", kDevices},
      {"cpuid.h", {"models/text"}},
      {"immintrin.h", {"models/text"}},
      {"cblas.h", {"calibrate/kernels", "models/pruning"}},
      {"benchmark/", {"calibrate/kernels"}},
      {"sys/", kSystem},
      {"unistd.h", kSystem},
      {"fcntl.h", kSystem},
      {"sched.h", {"calibrate/measurement"}},
  };
  return kThirdParty;
}

const Layer* layer_of(const std::string& path) {
  const Layer* best = nullptr;
  for (const Layer& layer : layers()) {
    const bool inside = path.starts_with(layer.folder + "/");
    // "sim" and "calibrate" are only the files that lie directly in them.
    const bool direct = path.find('/', layer.folder.size() + 1) == std::string::npos;
    const bool has_slash = layer.folder.find('/') != std::string::npos || layer.folder == "app";
    if (inside && (has_slash || direct)) {
      best = &layer;
    }
  }
  return best;
}

bool may_include(const Layer& layer, const Layer& other) {
  return other.folder == layer.folder || other.folder == "models/units" ||
         std::any_of(layer.may_include.begin(), layer.may_include.end(),
                     [&](const std::string& entry) { return covers(entry, other.folder); });
}

std::vector<std::string> find_cycle() {
  std::map<std::string, Visit> visits;
  for (const Layer& layer : layers()) {
    std::vector<std::string> path;
    if (visits.count(layer.folder) == 0 && reaches_cycle(layer, visits, path)) {
      return path;
    }
  }
  return {};
}

}  // namespace moeplan::architecture
