// The rules about #include lines: the layering table applied.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "tests/architecture/layers.hpp"
#include "tests/architecture/rules.hpp"
#include "tests/architecture/words.hpp"

namespace moeplan::architecture {

namespace {

bool is_device_code(const SourceFile& file) {
  return file.path.ends_with(".cu") || file.path.ends_with(".cuh");
}

// "calibrate/kernels/expert.cu" -> "calibrate/kernels/expert"
std::string stem(const std::string& path) { return path.substr(0, path.rfind('.')); }

std::string root_of(const std::string& path) { return path.substr(0, path.find('/')); }

std::string problem_of_quoted(const SourceFile& file, const Layer& layer, const std::string& name,
                              const std::set<std::string>& known) {
  if (known.count(name) == 0) {
    return fmt::format("includes \"{}\", which is no file; write it from the repository root",
                       name);
  }
  if (name.starts_with("tests/")) {
    return fmt::format("includes \"{}\": nobody includes tests/", name);
  }
  const Layer* other = layer_of(name);
  if (other == nullptr) {
    return fmt::format("includes \"{}\", whose folder has no row in tests/architecture/layers.cpp",
                       name);
  }
  const std::string here = root_of(file.path);
  const std::string there = root_of(name);
  if ((here == "sim" && there == "calibrate") || (here == "calibrate" && there == "sim")) {
    return fmt::format("includes \"{}\": sim/ and calibrate/ never include each other", name);
  }
  if (is_device_code(file) && other->folder != "models/units" && stem(name) != stem(file.path)) {
    return fmt::format("includes \"{}\": device code includes models/units and its own header only",
                       name);
  }
  if (!may_include(layer, *other)) {
    return fmt::format("includes \"{}\": {} may include {}", name, layer.folder,
                       layer.may_include.empty()
                           ? "only models/units"
                           : fmt::format("{}", fmt::join(layer.may_include, ", ")));
  }
  return "";
}

std::string problem_of_bracketed(const SourceFile& file, const Layer& layer,
                                 const std::string& name) {
  if (name.find_first_of("/.") == std::string::npos && !name.starts_with("cuda")) {
    return "";  // the standard library
  }
  for (const ThirdParty& party : third_party()) {
    if (!name.starts_with(party.prefix)) {
      continue;
    }
    if (is_device_code(file) && !name.starts_with("cu") && !name.starts_with("nccl")) {
      return fmt::format("includes <{}>: device code includes std and CUDA only", name);
    }
    if (!party.only.empty() &&
        std::find(party.only.begin(), party.only.end(), layer.folder) == party.only.end()) {
      return fmt::format("includes <{}>: only {} may", name, fmt::join(party.only, ", "));
    }
    if (party.prefix == "boost/graph/" && file.path != "sim/topology/topology.cpp") {
      return fmt::format("includes <{}>: only sim/topology/topology.cpp may", name);
    }
    return "";
  }
  return fmt::format("includes <{}>, which has no row in tests/architecture/layers.cpp", name);
}

// The Debian packages that hold what find_package(NAME) looks for.
const std::map<std::string, std::vector<std::string>>& packages_of_names() {
  static const std::map<std::string, std::vector<std::string>> kPackages = {
      {"Threads", {"g++"}},
      {"fmt", {"libfmt-dev"}},
      {"yaml-cpp", {"libyaml-cpp-dev"}},
      {"nlohmann_json", {"nlohmann-json3-dev"}},
      {"CLI11", {"libcli11-dev"}},
      {"Eigen3", {"libeigen3-dev"}},
      {"Boost", {"libboost-graph-dev"}},
      {"SQLite3", {"libsqlite3-dev"}},
      {"GTest", {"libgtest-dev", "libgmock-dev"}},
      {"benchmark", {"libbenchmark-dev"}},
  };
  return kPackages;
}

}  // namespace

std::vector<Violation> check_includes(const SourceFile& file, const std::set<std::string>& known) {
  const Layer* layer = layer_of(file.path);
  if (layer == nullptr) {
    return {{file.path, 0, "its folder has no row in tests/architecture/layers.cpp"}};
  }
  std::vector<Violation> violations;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const std::string name = included_name(file.lines[i], file.code[i]);
    if (name.empty()) {
      continue;
    }
    const std::string problem = name[0] == '<'
                                    ? problem_of_bracketed(file, *layer, name.substr(1))
                                    : problem_of_quoted(file, *layer, name.substr(1), known);
    if (!problem.empty()) {
      violations.push_back({file.path, static_cast<int>(i) + 1, problem});
    }
  }
  return violations;
}

std::vector<Violation> check_packages(const std::string& path, const std::string& cmake_text,
                                      const std::string& script) {
  std::vector<Violation> violations;
  const std::vector<std::string> lines = split_lines(cmake_text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    const std::size_t at = line.find("find_package(");
    if (at == std::string::npos || !find_word(line, "REQUIRED")) {
      continue;
    }
    const std::size_t begin = at + std::string("find_package(").size();
    const std::string name = line.substr(begin, line.find_first_of(" )", begin) - begin);
    const auto packages = packages_of_names().find(name);
    if (packages == packages_of_names().end()) {
      violations.push_back({path, static_cast<int>(i) + 1,
                            fmt::format("find_package({}): say in include_rules.cpp which Debian "
                                        "package holds it",
                                        name)});
      continue;
    }
    for (const std::string& package : packages->second) {
      // Whole names between blanks or brackets: "libfmt-dev" is not found in "libfmt-dev2".
      if (!find_word(script, package)) {
        violations.push_back(
            {path, static_cast<int>(i) + 1,
             fmt::format("find_package({}): ./moeplan does not install {}", name, package)});
      }
    }
  }
  return violations;
}

}  // namespace moeplan::architecture
