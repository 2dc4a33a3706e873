// `moeplan simulate` and `moeplan compare`: does one design give the figures a plan gives it, do
// the figures agree with each other, and is a difference told with its reason?

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "models/text/load.hpp"
#include "models/units/parse.hpp"
#include "tests/app/process.hpp"
#include "tests/app/scenario_text.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

using testing::HasSubstr;
using text::Kind;
using text::Node;

class Simulate : public testing::Test {
 protected:
  TemporaryDirectory folder_;
  std::string file_ = folder_.write("s.yaml", kScenario).string();

  // The JSON of a simulation of the one-GPU design with 64 experts.
  std::string one_gpu(const std::string& scenario, const std::string& replicas) const {
    const Finished run = run_moeplan({"simulate", scenario, "--gpus", "1", "--experts-kept", "64",
                                      "--replicas", replicas, "--format", "json"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return run.out;
  }
  static const Node& at(const Node& node, const std::string& path) {
    const std::size_t slash = path.find('/');
    const Node* found = node.find(path.substr(0, slash));
    if (found == nullptr) {
      throw std::runtime_error("no key " + path);
    }
    return slash == std::string::npos ? *found : at(*found, path.substr(slash + 1));
  }
  static double number(const Node& node, const std::string& path) {
    return parse_number(at(node, path).scalar).value();
  }
};

TEST_F(Simulate, FiguresAgreeWithEachOther) {
  const text::Document result = text::parse_json(one_gpu(file_, "6"), "stdout");
  const Node& root = result.root;
  // 60 requests/s over 6 engines.
  EXPECT_EQ(number(root, "engine_load"), 10.0);
  EXPECT_EQ(number(root, "requests/arrived"), 300.0);
  EXPECT_EQ(number(root, "requests/arrived"), number(root, "requests/completed") +
                                                  number(root, "requests/rejected") +
                                                  number(root, "requests/unfinished"));
  for (const char* metric : {"ttft", "tpot", "itl", "e2e", "wait"}) {
    const std::string m = metric;
    EXPECT_LE(number(root, m + "/p50_s"), number(root, m + "/p90_s")) << m;
    EXPECT_LE(number(root, m + "/p90_s"), number(root, m + "/p99_s")) << m;
    EXPECT_LE(number(root, m + "/p99_s"), number(root, m + "/max_s")) << m;
  }
  // A request of 100 tokens: E2E = TTFT + 99 TPOT, so the means agree likewise.
  EXPECT_NEAR(number(root, "e2e/mean_s"),
              number(root, "ttft/mean_s") + 99 * number(root, "tpot/mean_s"), 1e-9);
  // Little: L = lambda W over the whole run; all requests completed, the mean of E2E leaves out the
  // warm-up, so within a few per cent.
  EXPECT_NEAR(number(root, "mean_in_system"),
              number(root, "engine_requests_per_s") * number(root, "e2e/mean_s"),
              0.05 * number(root, "mean_in_system"));
  double shares = 0.0;
  for (const Node::Entry& entry : at(root, "phases").entries) {
    shares += entry.key.ends_with("_fraction") ? parse_number(entry.value.scalar).value() : 0.0;
  }
  EXPECT_NEAR(shares, 1.0, 1e-12);
  EXPECT_NEAR(number(root, "steps") * number(root, "phases/mean_step_s"),
              number(root, "busy_fraction") * number(root, "duration_s"), 1e-6);
  // 730 h of the rent.
  EXPECT_NEAR(number(root, "money/cost_usd_per_month"), 730 * number(root, "money/rent_usd_per_h"),
              1e-6);
}

TEST_F(Simulate, GivesAPlansDesignTheSameFigures) {
  const Finished plan = run_moeplan({"plan", file_, "--format", "json"});
  ASSERT_EQ(plan.exit_code, 0) << plan.err;
  const text::Document planned = text::parse_json(plan.out, "plan");
  int compared = 0;
  for (const Node& design : at(planned.root, "designs").items) {
    if (number(design, "tensor_parallel") != 1 || number(design, "experts_kept") != 64 ||
        number(design, "data_parallel") != 1 ||
        at(design, "objectives_verdict").scalar == "undecided") {  // those ran longer
      continue;
    }
    const text::Document one =
        text::parse_json(one_gpu(file_, at(design, "replicas").scalar), "simulation");
    EXPECT_EQ(number(one.root, "ttft/p99_s"), number(design, "ttft_p99_s"));
    EXPECT_EQ(number(one.root, "tpot/p99_s"), number(design, "tpot_p99_s"));
    EXPECT_EQ(number(one.root, "money/cost_usd_per_month"), number(design, "cost_usd_per_month"));
    EXPECT_EQ(number(one.root, "accuracy"), number(design, "accuracy"));
    ++compared;
  }
  EXPECT_EQ(compared, 1);
}

TEST_F(Simulate, OverloadPrintsNoSteadyState) {
  // 2,000 requests/s of 500 + 100 tokens on one engine; the longer run shows the queue growing.
  const std::string busy =
      folder_
          .write("busy.yaml", with(with(kScenario, "60 requests/s", "2000 requests/s"),
                                   "requests: 300", "requests: 3000"))
          .string();
  const text::Document result = text::parse_json(one_gpu(busy, "1"), "stdout");
  EXPECT_EQ(at(result.root, "overloaded").scalar, "true");
  for (const char* key : {"ttft", "tpot", "e2e", "throughput_tokens_per_s", "money"}) {
    EXPECT_EQ(at(result.root, key).kind, Kind::null) << key;
  }
  const Finished text = run_moeplan({"simulate", busy, "--gpus", "1", "--experts-kept", "64"});
  EXPECT_THAT(text.out, HasSubstr("OVERLOADED"));
  EXPECT_THAT(text.out, Not(HasSubstr("TTFT (arrival")));
}

TEST_F(Simulate, OneDesignIsNeeded) {
  const Finished several = run_moeplan({"simulate", file_, "--experts-kept", "64"});
  EXPECT_EQ(several.exit_code, 2);
  EXPECT_THAT(several.err, HasSubstr("choose by --gpus 1|2"));
  const Finished none = run_moeplan({"simulate", file_, "--gpus", "3"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("no design of the scenario is like that; it has --gpus 1|2"));
}

TEST_F(Simulate, InfeasibleExits4WithTheReason) {
  const std::string small =
      folder_
          .write("small.yaml",
                 with(kScenario, "workload:\n", "engine: {memory_utilization: 0.3}\nworkload:\n"))
          .string();
  const Finished run = run_moeplan({"simulate", small, "--gpus", "1", "--experts-kept", "128"});
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_THAT(run.err, HasSubstr("infeasible (memory): does not fit one h100-sxm"));
}

TEST_F(Simulate, CompareNamesWhatChangedAndThePhaseThatCarriesIt) {
  const std::string a = folder_.write("a.json", one_gpu(file_, "6")).string();
  const std::string slow = folder_
                               .write("slow.yaml", with(kScenario, "workload:\n",
                                                        "engine: {host_time: 20 ms}\nworkload:\n"))
                               .string();
  const std::string b = folder_.write("b.json", one_gpu(slow, "6")).string();
  const Finished same = run_moeplan({"compare", a, a, "--format", "json"});
  ASSERT_EQ(same.exit_code, 0) << same.err;
  const text::Document none = text::parse_json(same.out, "stdout");
  EXPECT_TRUE(at(none.root, "differences").items.empty());
  for (const Node& figure : at(none.root, "figures").items) {
    EXPECT_EQ(number(figure, "a"), number(figure, "b"));
  }
  const Finished run = run_moeplan({"compare", a, b, "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const text::Document changed = text::parse_json(run.out, "stdout");
  // Only the host's time was changed: from its law to 20 ms in every step.
  const Node& first = at(changed.root, "phase_seconds_per_step").items.front();
  EXPECT_EQ(at(first, "key").scalar, "host");
  EXPECT_NEAR(number(first, "b"), 0.020, 1e-9);
  bool hash = false;
  for (const Node& difference : at(changed.root, "differences").items) {
    hash = hash || at(difference, "key").scalar == "provenance/scenario_sha256";
  }
  EXPECT_TRUE(hash);
}

TEST_F(Simulate, CompareRefusesOtherFiles) {
  const std::string a = folder_.write("a.json", one_gpu(file_, "6")).string();
  const std::string other = folder_.write("o.json", "{\"schema_version\": 1}").string();
  const Finished run = run_moeplan({"compare", a, other});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("o.json:1:1: this is not a result of moeplan"));
  EXPECT_EQ(run_moeplan({"compare", a, file_}).exit_code, 3);
  EXPECT_EQ(run_moeplan({"compare", a}).exit_code, 2);
}

}  // namespace
}  // namespace moeplan::tests
