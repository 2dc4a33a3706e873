#include "tests/sim/report/html/planned.hpp"

#include <stdexcept>

#include "models/text/load.hpp"
#include "models/units/parse.hpp"
#include "sim/plan/plan.hpp"
#include "sim/report/plan_json.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::tests {
namespace {

using text::Json;
using text::Kind;
using text::Node;

Json copy_of(const Node& node, const std::string& prefix) {
  switch (node.kind) {
    case Kind::null:
    case Kind::ambiguous:
      return {};
    case Kind::boolean:
      return node.scalar == "true";
    case Kind::number:
      return parse_number(node.scalar).value();
    case Kind::string:
      return prefix + node.scalar;
    case Kind::sequence: {
      Json items = Json::array();
      for (const Node& item : node.items) {
        items.push(copy_of(item, prefix));
      }
      return items;
    }
    case Kind::map: {
      Json entries = Json::object();
      for (const Node::Entry& entry : node.entries) {
        entries.set(entry.key, copy_of(entry.value, prefix));
      }
      return entries;
    }
  }
  return {};
}

}  // namespace

const text::Document& planned() {
  static const text::Document document = [] {
    ScenarioFile file;
    file.set("accuracy", "{curve: qwen3-30b-a3b-reap-code}");
    file.set("pruning", "{experts_kept: [128, 64], router: sliced}");
    file.set("objectives",
             "{ttft_p99: 2 s, tpot_p99: 50 ms, accuracy_loss: 0.03, budget: 200000 USD/month}");
    const sim::Scenario scenario = file.load();
    const sim::Plan plan = sim::make_plan(scenario, {.threads = 2});
    return text::parse_json(sim::plan_json(plan, scenario, {"1.2.3"}).line(), "plan.json");
  }();
  return document;
}

text::Document with_strings(const text::Document& document, const std::string& prefix) {
  return text::parse_json(copy_of(document.root, prefix).line(), document.file);
}

const Node& value_at(const Node& node, const std::string& path) {
  const std::size_t slash = path.find('/');
  const std::string key = path.substr(0, slash);
  const Node* found = nullptr;
  if (node.kind == Kind::sequence) {
    const std::size_t index = std::stoul(key);
    found = index < node.items.size() ? &node.items[index] : nullptr;
  } else {
    found = node.find(key);
  }
  if (found == nullptr) {
    throw std::runtime_error("no value at " + path);
  }
  return slash == std::string::npos ? *found : value_at(*found, path.substr(slash + 1));
}

double number_at_path(const Node& node, const std::string& path) {
  return parse_number(value_at(node, path).scalar).value();
}

}  // namespace moeplan::tests
