#include "tests/support/scenario_file.hpp"

#include "models/text/load.hpp"

namespace moeplan::tests {

ScenarioFile& ScenarioFile::set(const std::string& section, const std::string& yaml) {
  if (yaml.empty()) {
    sections_.erase(section);
  } else {
    sections_[section] = yaml;
  }
  return *this;
}

std::filesystem::path ScenarioFile::write() const {
  std::string content;
  for (const auto& [section, yaml] : sections_) {
    content += section + ": " + yaml + "\n";
  }
  const std::filesystem::path path = directory_.path() / "scenario.yaml";
  text::write_file(path, content);
  return path;
}

}  // namespace moeplan::tests
