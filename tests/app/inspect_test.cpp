// Does `inspect` show what the catalog holds, with units and sources, and refuse what it does not
// hold? Figures are those of models/data, or follow from them as the comment says.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "models/text/load.hpp"
#include "models/units/parse.hpp"
#include "tests/app/json_values.hpp"
#include "tests/app/process.hpp"
#include "tests/app/scenario_text.hpp"
#include "tests/support/locations.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using text::Kind;
using text::Node;

// Keeps the document alive beside its root.
text::Document shown(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "inspect");
  arguments.insert(arguments.end(), {"--format", "json"});
  const Finished run = run_moeplan(arguments);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, IsEmpty());
  return text::parse_json(run.out.empty() ? "{}" : run.out, "stdout");
}

const Node& item(const Node& list, const std::string& key, const std::string& value) {
  for (const Node& entry : list.items) {
    if (at(entry, key).scalar == value) {
      return entry;
    }
  }
  throw std::runtime_error("no item with " + key + " " + value);
}

TEST(InspectHardware, GpuWithBalanceSourcesAndProfile) {
  const text::Document page = shown({"hardware", "h100-sxm"});
  const Node& root = page.root;
  EXPECT_EQ(number(root, "bandwidth_bytes_per_s"), 3350e9);
  EXPECT_EQ(number(root, "power_w"), 700.0);
  for (const Node::Entry& source : at(root, "sources").entries) {
    EXPECT_FALSE(source.value.scalar.empty()) << source.key;
  }
  const Node& bf16 = item(at(root, "peaks"), "precision", "bf16");
  EXPECT_NEAR(number(bf16, "machine_balance_flop_per_byte"),
              number(bf16, "dense_peak_flop_per_s") / 3350e9, 1e-9);
  EXPECT_EQ(at(item(at(root, "peaks"), "precision", "w4a16"), "computes_in").scalar, "bf16");
  EXPECT_EQ(at(root, "profile").scalar, "h100-sxm");
  EXPECT_EQ(at(item(at(root, "families"), "kernel", "expert"), "measured").scalar, "true");
  const Node& router = item(at(root, "families"), "kernel", "router");
  EXPECT_EQ(at(router, "measured").scalar, "false");
  EXPECT_THAT(at(router, "used_instead").scalar, HasSubstr("dense and permute"));
  EXPECT_EQ(number(item(at(root, "nodes"), "id", "aws-p5.48xlarge"), "gpus"), 8.0);
}

// Mistake 3 of others: 1466 TFLOP/s is the L40S's rate with sparsity; 733 is the dense one.
TEST(InspectHardware, PeaksAreDense) {
  const text::Document page = shown({"hardware", "l40s"});
  const double fp8 =
      number(item(at(page.root, "peaks"), "precision", "fp8"), "dense_peak_flop_per_s");
  EXPECT_NEAR(fp8, 733e12, 1e12);
  EXPECT_EQ(at(page.root, "profile").kind, Kind::null) << "nobody measured it";
  for (const Node& family : at(page.root, "families").items) {
    EXPECT_EQ(at(family, "measured").scalar, "false");
    EXPECT_FALSE(at(family, "used_instead").scalar.empty());
  }
}

TEST(InspectHardware, NodesAndFabrics) {
  const text::Document node = shown({"hardware", "aws-p5.48xlarge"});
  EXPECT_EQ(at(node.root, "kind").scalar, "node");
  EXPECT_EQ(number(node.root, "nics_per_gpu"), number(node.root, "nics") / 8.0);
  EXPECT_NEAR(number(node.root, "network_bytes_per_s_per_gpu"),
              number(node.root, "network_bytes_per_s") / 8.0, 1.0);
  const text::Document fabric = shown({"hardware", "nvlink4"});
  EXPECT_EQ(at(fabric.root, "kind").scalar, "fabric");
  EXPECT_EQ(at(fabric.root, "fabric_kind").scalar, "nvlink");
  bool used = false;
  for (const Node& user : at(fabric.root, "used_by").items) {
    used = used || user.scalar == "h100-sxm";
  }
  EXPECT_TRUE(used);
}

// Without a name the ids are listed, and every one of them can be shown in every format.
TEST(InspectHardware, EveryIdOfTheCatalog) {
  const text::Document list = shown({"hardware"});
  for (const char* kind : {"gpus", "nodes", "fabrics"}) {
    EXPECT_GE(at(list.root, kind).items.size(), 9U) << kind;
    for (const Node& id : at(list.root, kind).items) {
      const Finished run = run_moeplan({"inspect", "hardware", id.scalar});
      EXPECT_EQ(run.exit_code, 0) << id.scalar << ": " << run.err;
    }
  }
  for (const char* format : {"table", "jsonl", "csv", "markdown"}) {
    const Finished run = run_moeplan({"inspect", "hardware", "a10", "--format", format});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_THAT(run.out, HasSubstr("a10")) << format;
  }
}

const Node& threshold_of(const Node& root, const std::string& method, int pretrained) {
  for (const Node& entry : at(root, "thresholds").items) {
    if (at(entry, "method").scalar == method &&
        number(entry, "pretrained_experts") == static_cast<double>(pretrained)) {
      return entry;
    }
  }
  throw std::runtime_error("no threshold of " + method);
}

// serving.md 6: with the paper's rule uncurl holds 4 from 32 experts and 2 from 64 and 128, by
// 0.91, 0.18 and 0.13 points of the six-task mean; greedy never holds. The unpaired binomial
// standard error is about 2.3 points, so no gain is excluded at any usual confidence.
TEST(InspectAccuracy, ThePapersThreshold) {
  const text::Document page =
      shown({"accuracy", "paper-superglue", "--reference", "from_scratch_same_size", "--aggregate",
             "mean", "--confidence", "point"});
  const struct {
    int pretrained;
    double factor;
    double points;
  } rows[] = {{32, 4.0, 0.91}, {64, 2.0, 0.18}, {128, 2.0, 0.13}};
  for (const auto& row : rows) {
    const Node& found = threshold_of(page.root, "uncurl", row.pretrained);
    EXPECT_EQ(number(found, "factor"), row.factor) << row.pretrained;
    EXPECT_EQ(at(found, "distinguishable").scalar, "false");
    for (const Node& verdict : at(found, "verdicts").items) {
      if (number(verdict, "factor") != row.factor) {
        continue;
      }
      EXPECT_NEAR(100 * number(verdict, "difference"), row.points, 0.006);
      EXPECT_LT(number(verdict, "difference_low"), 0.0);
      EXPECT_GT(number(verdict, "difference_high"), 0.0);
      // 1.96 x about 2.3 points on each side.
      EXPECT_NEAR(100 * (number(verdict, "difference_high") - number(verdict, "difference")),
                  1.96 * 2.3, 0.5);
      EXPECT_LT(number(verdict, "excludes_zero_below_confidence"), 0.5);
    }
    EXPECT_EQ(at(threshold_of(page.root, "greedy", row.pretrained), "factor").kind, Kind::null);
  }
  EXPECT_THAT(at(page.root, "conclusion").scalar,
              HasSubstr("\"no gain\" over the same size trained from scratch is not excluded"));
  const Finished table = run_moeplan({"inspect", "accuracy", "paper-superglue"});
  EXPECT_THAT(table.out, HasSubstr("reference from_scratch_same_size, mean over tasks, tolerance 0 "
                                   "points, point estimate"))
      << "the paper's rule is the default where the table has models from scratch";
  EXPECT_THAT(table.out,
              HasSubstr("\"no gain\" over the same size trained from scratch is not excluded"));
  EXPECT_THAT(table.out, testing::ContainsRegex("greedy +32 +none"));
}

TEST(InspectAccuracy, WithAConfidenceNothingHolds) {
  const text::Document page =
      shown({"accuracy", "paper-superglue", "--method", "uncurl", "--confidence", "0.95"});
  for (const int pretrained : {32, 64, 128}) {
    EXPECT_EQ(at(threshold_of(page.root, "uncurl", pretrained), "factor").kind, Kind::null);
  }
}

// A curve that is a part of a table reaches its models from scratch through it.
TEST(InspectAccuracy, ACurveOfATableKnowsItsReference) {
  const text::Document page =
      shown({"accuracy", "paper-354m-32e-uncurl", "--reference", "from_scratch_same_size"});
  EXPECT_EQ(number(at(page.root, "thresholds").items.at(0), "factor"), 4.0);
}

// 724 problems; EvalPlus and LiveCodeBench as in models/data/accuracy. The band is binomial.
TEST(InspectAccuracy, CurveWithBandSamplesAndSources) {
  const text::Document page = shown({"accuracy", "qwen3-30b-a3b-reap-code"});
  EXPECT_EQ(at(page.root, "method").scalar, "REAP");
  EXPECT_EQ(at(page.root, "architecture").scalar, "qwen3-30b-a3b");
  EXPECT_THAT(at(page.root, "band").scalar, HasSubstr("binomial"));
  for (const Node& point : at(page.root, "points").items) {
    EXPECT_EQ(number(point, "samples"), 164.0 + 378.0 + 182.0);
    EXPECT_LT(number(point, "accuracy_low"), number(point, "accuracy"));
    EXPECT_FALSE(at(point, "source").scalar.empty());
  }
}

TEST(InspectAccuracy, EveryIdOfTheCatalog) {
  const text::Document list = shown({"accuracy"});
  for (const Node& id : at(list.root, "curves").items) {
    EXPECT_EQ(run_moeplan({"inspect", "accuracy", id.scalar}).exit_code, 0) << id.scalar;
  }
  for (const Node& id : at(list.root, "tables").items) {
    const Finished run = run_moeplan({"inspect", "accuracy", "tables/" + id.scalar});
    EXPECT_EQ(run.exit_code, 0) << id.scalar << run.err;
    EXPECT_THAT(run.out, HasSubstr("(accuracy_table)"));
  }
  for (const Node& id : at(list.root, "top_k").items) {
    EXPECT_THAT(run_moeplan({"inspect", "accuracy", "top_k/" + id.scalar}).out,
                HasSubstr("prunes nothing"));
  }
}

TEST(InspectProfile, LawsWithUnitsErrorsFilesAndWhatIsMissing) {
  const text::Document page = shown({"profile", "a100-sxm"});
  EXPECT_EQ(at(page.root, "hardware").scalar, "a100-sxm");
  const Node& expert = item(at(page.root, "laws"), "kernel", "expert");
  EXPECT_EQ(at(item(at(expert, "parameters"), "name", "bandwidth_Bps"), "unit").scalar, "B/s");
  EXPECT_EQ(at(item(at(expert, "parameters"), "name", "compute_flops"), "unit").scalar, "FLOP/s");
  EXPECT_EQ(at(item(at(expert, "parameters"), "name", "launch_s"), "unit").scalar, "s");
  EXPECT_LE(number(expert, "median_abs_error"), number(expert, "p90_abs_error"));
  EXPECT_EQ(at(expert, "leave_one_shape_out").kind, Kind::map);
  EXPECT_EQ(at(expert, "domain").find("tokens")->items.size(), 2U);
  for (const Node& file : at(page.root, "files").items) {
    EXPECT_EQ(at(file, "sha256").scalar.size(), 64U);
    EXPECT_GT(number(file, "rows"), 0.0);
  }
  const Node& router = item(at(page.root, "missing_families"), "kernel", "router");
  EXPECT_FALSE(at(router, "used_instead").scalar.empty());
  const Finished table = run_moeplan({"inspect", "profile", "a100-sxm"});
  EXPECT_THAT(table.out, HasSubstr("Families without measurements"));
}

void expect_refused(const std::vector<std::string>& arguments,
                    const std::vector<std::string>& parts) {
  const Finished run = run_moeplan(arguments);
  SCOPED_TRACE(testing::PrintToString(arguments));
  EXPECT_EQ(run.exit_code, 3) << run.err;
  EXPECT_THAT(run.out, IsEmpty());
  for (const std::string& part : parts) {
    EXPECT_THAT(run.err, HasSubstr(part));
  }
}

TEST(InspectWrongInput, NamesThatAreNotThereListTheOthers) {
  expect_refused({"inspect", "hardware", "h100"},
                 {"error[E_VALUE]", "unknown hardware, got h100", "a GPU (a10, a100-pcie",
                  "a node (aws-g6e.48xlarge", "a fabric (ethernet-100g",
                  "did you mean 'h100-pcie' or 'h100-sxm'?"});
  expect_refused({"inspect", "hardware", "nvlink44"}, {"did you mean 'nvlink4'?"});
  expect_refused({"inspect", "model", "qwen3-30b"}, {"unknown architecture", "qwen3-30b-a3b"});
  expect_refused({"inspect", "profile", "h100"},
                 {"unknown profile", "a100-sxm, a800-sxm, h100-sxm"});
  expect_refused({"inspect", "profile", "nowhere.json"}, {"error[E_IO] nowhere.json"});
  expect_refused({"inspect", "accuracy", "paper-supergleu"},
                 {"unknown accuracy curve or table", "did you mean 'paper-superglue'?"});
  expect_refused({"inspect", "accuracy", "nowhere.yaml"}, {"error[E_IO] nowhere.yaml"});
}

TEST(InspectWrongInput, RulesThatTheFileCannotAnswer) {
  expect_refused({"inspect", "accuracy", "paper-superglue", "--method", "unclur"},
                 {"unclur", "did you mean 'uncurl'?"});
  expect_refused({"inspect", "accuracy", "paper-superglue", "--method", "uncurl",
                  "--pretrained-experts", "16"},
                 {"nothing pruned from 16 experts"});
  expect_refused({"inspect", "accuracy", "paper-superglue", "--aggregate", "task", "--task", "RTI"},
                 {"no such task", "did you mean 'RTE'?"});
  expect_refused(
      {"inspect", "accuracy", "qwen3-30b-a3b-reap-code", "--reference", "from_scratch_same_size"},
      {"only knows its aggregate and its unpruned model"});
}

// A profile that someone edited: the checksum and the edit itself are both reported (tests.md C3
// row 39).
TEST(InspectWrongInput, EditedProfiles) {
  const TemporaryDirectory folder;
  const std::string good = read_bytes(data_dir() / "profiles/a100-sxm.json");
  const struct {
    const char* what;
    const char* by;
    const char* says;
  } rows[] = {
      {"\"launch_s\": ", "\"launch_s\": -", "/theta/launch_s"},
      {"\"points\": ", "\"points\": 0, \"was\": ", "E_UNKNOWN_KEY"},
      {"\"form\": \"tiled_experts_v1\"", "\"form\": \"tiled_expert_v1\"",
       "did you mean 'tiled_experts_v1'?"},
      {"\"hardware\": \"a100-sxm\"", "\"hardware\": \"\"", "checksum mismatch"},
      {"\"schema_version\": 1", "\"schema_version\": 9", "newer than this moeplan"},
  };
  for (const auto& row : rows) {
    const std::string file = folder.write("edited.json", with(good, row.what, row.by)).string();
    expect_refused({"inspect", "profile", file}, {"edited.json:", row.says});
  }
  expect_refused(
      {"inspect", "profile",
       folder.write("edited.json", with(good, "\"launch_s\": ", "\"launch_s\": -")).string()},
      {"checksum mismatch", "profiles are not edited by hand"});
}

TEST(InspectWrongInput, CurvesOfAnotherFormat) {
  const TemporaryDirectory folder;
  expect_refused({"inspect", "accuracy", folder.write("a.yaml", "schema: moeplan.gpu\n").string()},
                 {"E_SCHEMA", "moeplan.accuracy_curve"});
  const std::string good = read_bytes(data_dir() / "accuracy/qwen3-30b-a3b-reap-code.yaml");
  expect_refused({"inspect", "accuracy",
                  folder
                      .write("b.yaml", with(good, "architecture: qwen3-30b-a3b",
                                            "architecture: qwen3-30b-a3c"))
                      .string()},
                 {"b.yaml:", "(/architecture)", "did you mean 'qwen3-30b-a3b'?"});
}

}  // namespace
}  // namespace moeplan::tests
