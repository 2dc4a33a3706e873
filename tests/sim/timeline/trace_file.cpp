#include "tests/sim/timeline/trace_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "models/text/load.hpp"
#include "sim/evaluate.hpp"

namespace moeplan::tests {
namespace {

const text::Node& at(const text::Node& node, const std::string& key) {
  const text::Node* found = node.find(key);
  if (found == nullptr) {
    throw std::out_of_range("no key " + key);
  }
  return *found;
}

// "12.345678" us -> 12345678 ps. Six decimals, always.
std::int64_t picoseconds(const std::string& text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos || text.size() - dot != 7) {
    throw std::out_of_range("not six decimals: " + text);
  }
  return std::stoll(text.substr(0, dot) + text.substr(dot + 1));
}

sim::Deployment placed(const sim::Scenario& scenario) {
  return std::get<sim::Deployment>(
      sim::deploy(scenario, {.experts_kept = 128,
                             .gpus = 2,
                             .data_parallel = 2,
                             .expert_parallel = true,
                             .exchange = sim::Exchange::alltoall_per_expert}));
}

}  // namespace

TraceFile::TraceFile(const std::string& json) {
  const text::Document document = text::parse_json(json, "timeline");
  cut = at(at(document.root, "otherData"), "cut").scalar;
  if (at(at(document.root, "otherData"), "cut").kind == text::Kind::null) {
    cut.clear();
  }
  for (const text::Node& node : at(document.root, "traceEvents").items) {
    TraceEvent event;
    event.phase = at(node, "ph").scalar.at(0);
    event.name = at(node, "name").scalar;
    event.process = std::stoll(at(node, "pid").scalar);
    if (const text::Node* thread = node.find("tid")) {
      event.thread = std::stoll(thread->scalar);
    }
    for (const text::Node::Entry& entry : at(node, "args").entries) {
      event.args[entry.key] = entry.value.scalar;
    }
    if (event.phase == 'M') {
      if (event.name == "thread_name") {
        name[event.thread] = event.args.at("name");
      } else if (event.name == "process_name") {
        process_name[event.process] = event.args.at("name");
      }
      continue;
    }
    event.at = picoseconds(at(node, "ts").scalar);
    if (event.phase == 'X') {
      event.duration = picoseconds(at(node, "dur").scalar);
    }
    if (event.phase == 'b' || event.phase == 'n' || event.phase == 'e') {
      event.id = std::stoll(at(node, "id").scalar);
    }
    events.push_back(event);
  }
}

std::map<std::int64_t, std::vector<TraceEvent>> TraceFile::tracks() const {
  std::map<std::int64_t, std::vector<TraceEvent>> result;
  for (const TraceEvent& event : of('X')) {
    result[event.thread].push_back(event);
  }
  return result;
}

std::vector<TraceEvent> TraceFile::of(char phase, const std::string& called) const {
  std::vector<TraceEvent> result;
  std::copy_if(events.begin(), events.end(), std::back_inserter(result), [&](const TraceEvent& e) {
    return e.phase == phase && (called.empty() || e.name == called);
  });
  return result;
}

void expect_balanced(const TraceFile& file) {
  std::map<std::int64_t, std::vector<std::string>> open;
  for (const TraceEvent& event : file.events) {
    std::vector<std::string>& stack = open[event.id];
    if (event.phase == 'b') {
      stack.push_back(event.name);
    } else if (event.phase == 'e') {
      ASSERT_FALSE(stack.empty()) << "request " << event.id;
      ASSERT_EQ(stack.back(), event.name) << "request " << event.id;
      stack.pop_back();
    }
  }
  for (const auto& [id, stack] : open) {
    EXPECT_TRUE(stack.empty()) << "request " << id << " is left open";
  }
}

// 24 blocks a rank: one request of 200 + up to 40 tokens takes 15, two do not fit for long.
SmallRun::SmallRun()
    : scenario_(file_.set("hardware", "{gpu: h100-sxm, gpus: 2, profile: datasheet}")
                    .set("parallelism", "{exchange: alltoall_per_expert}")
                    .load()),
      deployment_(placed(scenario_)),
      cost_(deployment_) {
  setup = sim::setup_of(deployment_, sim::full_load(scenario_, 300.0));
  setup.mix.prompt = sim::UniformLength(50, 200);
  setup.mix.output = sim::UniformLength(1, 40);
  setup.mix.request_count = 120;
  setup.limits.scheduler.kv_blocks = 24;
}

sim::Timeline SmallRun::record(const sim::TimelineOptions& options) {
  return sim::record_timeline(deployment_, setup, cost_, options, text::Json::object());
}

sim::ServingTrace SmallRun::simulate() { return sim::simulate(setup, cost_); }

}  // namespace moeplan::tests
