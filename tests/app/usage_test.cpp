// Does the program behave on the command line as interface.md and house.md 3.3 say?

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <regex>
#include <sstream>

#include "models/text/load.hpp"
#include "tests/app/process.hpp"
#include "tests/app/scenario_text.hpp"
#include "tests/support/locations.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(Usage, WrongCommandLinesExitWith2AndHelpOnStderr) {
  struct Case {
    std::vector<std::string> arguments;
    std::string says;
  };
  const std::vector<Case> cases = {
      {{}, "no subcommand"},
      {{"plam"},
       "unknown subcommand 'plam', expected one of plan, pretrain, simulate, timeline, sweep, "
       "merge, export, share, compare, report, inspect, fit, import, validate, prune, gate, lab, "
       "scorecard, schema, "
       "completion, doctor; "
       "did you "
       "mean 'plan'?"},
      {{"plan", "--fromat", "json"}, "unknown option '--fromat'; did you mean '--format'?"},
      {{"plan", "a.yaml", "b.yaml"}, "unknown argument 'b.yaml'"},
      {{"plan", "--format", "xml"}, "xml not in"},
      {{"plan", "--threads", "0"}, "--threads"},
      {{"plan", "--seed=-1"}, "--seed: a whole number 0 to 9007199254740992, not -1"},
      {{"plan", "--seed", "9007199254740993"}, "--seed: a whole number 0 to"},
      {{"plan", "-o", ""}, "the name of the output is empty"},
      {{"inspect"}, "no subcommand"},
      {{"inspect", "modle"}, "did you mean 'model'?"},
      {{"inspect", "hardwear"}, "did you mean 'hardware'?"},
      {{"inspect", "hardware", "h100-sxm", "a10"}, "unknown argument 'a10'"},
      {{"inspect", "hardware", "--fromat", "json"}, "did you mean '--format'?"},
      {{"inspect", "profile", "h100-sxm", "--format", "yaml"}, "yaml not in"},
      {{"inspect", "accuracy", "x", "--reference", "dense"}, "dense not in"},
      {{"inspect", "accuracy", "x", "--aggregate", "median"}, "median not in"},
      {{"inspect", "accuracy", "x", "--tolerance", "2"}, "--tolerance"},
      {{"inspect", "accuracy", "x", "--confidence", "95"},
       "point (the estimate decides) or a fraction between 0 and 1, not 95"},
      {{"inspect", "accuracy", "x", "--pretrained-experts", "0"}, "--pretrained-experts"},
      {{"inspect", "model", "x", "--tensor-parallel", "0"}, "--tensor-parallel"},
      {{"fit"}, "--measurements"},
      {{"scorecard"}, "--profile"},
      {{"scorecard", "--profile", "a10", "--usd-per-gpu-hour", "1", "2"}, "2 rents for 1 profiles"},
      {{"scorecard", "--profile", "a10", "--usd-per-gpu-hour", "0"}, "--usd-per-gpu-hour"},
  };
  for (const Case& c : cases) {
    const Finished run = run_moeplan(c.arguments);
    EXPECT_EQ(run.exit_code, 2) << c.says;
    EXPECT_THAT(run.out, IsEmpty()) << c.says;
    EXPECT_THAT(run.err, HasSubstr("Usage: moeplan")) << c.says;
    // The error is the last line: above a page of help it would be out of sight.
    const std::size_t last = run.err.rfind('\n', run.err.size() - 2) + 1;
    EXPECT_THAT(run.err.substr(last), HasSubstr(c.says));
    EXPECT_EQ(run.err.compare(last, 15, "error[E_USAGE]:"), 0) << run.err.substr(last);
  }
}

// Bash runs the completion itself: of subcommands, of options below one, of nested subcommands.
TEST(Usage, BashCompletesWhatTheParserKnows) {
  const TemporaryDirectory directory;
  const std::string script = (directory / "moeplan.bash").string();
  text::write_file(script, run_moeplan({"completion", "bash"}).out);
  const auto completed = [&](const std::string& words, int index) {
    return run_program("/bin/bash", {"-c",
                                     "source \"$0\"; COMP_WORDS=(" + words +
                                         "); COMP_CWORD=" + std::to_string(index) +
                                         "; _moeplan; echo \"${COMPREPLY[*]}\"",
                                     script})
        .out;
  };
  EXPECT_EQ(completed("moeplan com", 1), "compare completion\n");
  EXPECT_EQ(completed("moeplan plan --form", 2), "--format\n");
  EXPECT_EQ(completed("moeplan inspect mo", 2), "model\n");
  EXPECT_THAT(completed("moeplan inspect model --", 3), HasSubstr("--tensor-parallel"));
  for (const char* shell : {"zsh", "fish"}) {
    EXPECT_THAT(run_moeplan({"completion", shell}).out, HasSubstr("moeplan")) << shell;
  }
  EXPECT_EQ(run_moeplan({"completion", "tcsh"}).exit_code, 2);
}

// Roff reads a leading dot as a request: every one in the page is one that we wrote.
TEST(ManPage, NamesEverySubcommandAndEscapesWhatRoffWouldRead) {
  const std::string page = run_moeplan({"completion", "man"}).out;
  EXPECT_TRUE(page.starts_with(".TH MOEPLAN 1"));
  for (const char* part : {".SS moeplan plan\n", ".SS moeplan inspect model\n", "\\-\\-format",
                           ".SH COMMANDS\n", "0 ok, 1 bug", "moeplan completion man"}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('.')) {
      EXPECT_TRUE(std::regex_match(line, std::regex("\\.(TH|SH|SS|TP|PP|nf|fi)( .*)?"))) << line;
    }
  }
}

TEST(Usage, DoctorFindsTheCatalog) {
  const Finished doctor = run_moeplan({"doctor", "--format", "json"});
  EXPECT_EQ(doctor.exit_code, 0);
  EXPECT_THAT(doctor.out, HasSubstr("\"catalog\""));
  EXPECT_THAT(run_moeplan({"doctor"}).out, HasSubstr("yes  catalog"));
}

TEST(Usage, VersionAndHelpAreResults) {
  const Finished version = run_moeplan({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.out, HasSubstr("moeplan 0."));
  EXPECT_THAT(run_moeplan({"--help"}).out, HasSubstr("130/143 interrupted"));
}

// The two lines below "Examples:", without "  moeplan "; the help must end there.
std::vector<std::string> examples(const std::string& help) {
  const std::size_t at = help.rfind("Examples:\n");
  std::vector<std::string> lines;
  std::size_t begin = at == std::string::npos ? help.size() : help.find('\n', at) + 1;
  while (begin < help.size()) {
    const std::size_t end = help.find('\n', begin);
    const std::string line = help.substr(begin, end - begin);
    if (!line.empty()) {
      lines.push_back(line);
    }
    begin = end + 1;
  }
  return lines;
}

const std::vector<std::vector<std::string>>& commands() {
  static const std::vector<std::vector<std::string>> all = {{},
                                                            {"plan"},
                                                            {"pretrain"},
                                                            {"simulate"},
                                                            {"timeline"},
                                                            {"sweep"},
                                                            {"merge"},
                                                            {"export"},
                                                            {"share"},
                                                            {"compare"},
                                                            {"report"},
                                                            {"inspect"},
                                                            {"inspect", "model"},
                                                            {"inspect", "hardware"},
                                                            {"inspect", "accuracy"},
                                                            {"inspect", "profile"},
                                                            {"inspect", "trace"},
                                                            {"fit"},
                                                            {"import"},
                                                            {"validate"},
                                                            {"prune"},
                                                            {"gate"},
                                                            {"lab"},
                                                            {"scorecard"},
                                                            {"schema"},
                                                            {"completion"},
                                                            {"doctor"}};
  return all;
}

std::string help_of(std::vector<std::string> command) {
  command.push_back("--help");
  const Finished help = run_moeplan(command);
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.err, IsEmpty());
  return help.out;
}

TEST(Usage, EveryHelpEndsInTwoExamples) {
  for (const std::vector<std::string>& command : commands()) {
    const std::string help = help_of(command);
    const std::vector<std::string> lines = examples(help);
    ASSERT_EQ(lines.size(), 2U) << help;
    std::string begin = "  moeplan ";
    for (const std::string& word : command) {
      begin += word;
      begin += word == command.back() ? "" : " ";
    }
    for (const std::string& line : lines) {
      EXPECT_TRUE(line.starts_with(begin)) << line;
    }
  }
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  return {std::istream_iterator<std::string>(stream), std::istream_iterator<std::string>()};
}

TEST(Usage, ExamplesOfHelpWork) {
  // As printed; --dry-run where a full run would be slow. The files of fit, import, validate,
  // prune, compare, merge, export, gate, report and inspect trace are the user's own.
  const RunOptions here{.directory = source_dir()};
  for (const std::vector<std::string>& command : commands()) {
    for (const std::string& line : examples(help_of(command))) {
      std::vector<std::string> words = words_of(line);
      ASSERT_GE(words.size(), 2U) << line;
      words.erase(words.begin());  // moeplan
      if (words.front() == "fit" || words.front() == "import" || words.front() == "validate" ||
          words.front() == "prune" || words.front() == "compare" || words.front() == "merge" ||
          words.front() == "export" || words.front() == "gate" || words[1] == "trace") {
        continue;
      }
      if (words.front() == "report" && words[1].ends_with(".json")) {
        continue;
      }
      if ((words.front() == "plan" || words.front() == "simulate" || words.front() == "timeline" ||
           words.front() == "sweep" || words.front() == "lab" || words.front() == "share" ||
           words.front() == "report") &&
          words.back() != "--help") {
        words.emplace_back("--dry-run");
      }
      const Finished run = run_moeplan(words, here);
      EXPECT_EQ(run.exit_code, 0) << line << "\n" << run.err;
      EXPECT_FALSE(run.out.empty()) << line;
    }
  }
  EXPECT_FALSE(std::filesystem::exists(source_dir() / "out")) << "--dry-run writes nothing";
}

TEST(Usage, PrintConfigSaysWhereEveryValueComesFrom) {
  const TemporaryDirectory folder;
  const std::string file = folder.write("s.yaml", kScenario).string();
  const Finished run = run_moeplan({"plan", file, "--print-config", "--seed", "7"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("s.yaml:10:9"));
  EXPECT_THAT(run.out, testing::ContainsRegex("engine.max_sequences +256 +default"));
  EXPECT_THAT(run.out, testing::ContainsRegex("seed +7 +--seed"));
  const Finished json = run_moeplan({"plan", file, "--print-config", "--format", "json"});
  const text::Document read = text::parse_json(json.out, "stdout");
  EXPECT_EQ(read.root.find("workload.rate")->find("value")->scalar, "60 requests/s");
  EXPECT_EQ(read.root.find("seed")->find("from")->scalar, "default");
}

// Every subcommand that takes a scenario: values of the file, a default, a derivation, a data file
// and an option, in both forms.
TEST(Usage, PrintConfigIsTheSameForEverySubcommandOfAScenario) {
  const TemporaryDirectory folder;
  const std::string file = folder.write("s.yaml", kScenario).string();
  const std::vector<std::vector<std::string>> commands = {
      {"plan", file, "--draws", "20"},
      {"report", file, "--draws", "20"},
      {"simulate", file, "--draws", "20"},
      {"timeline", file, "--steps", "20"},
      {"share", file, file, "--drain", "20s"},
      {"sweep", file, "--replicas", "20", "--evaluate", "plan"},
      {"pretrain", (source_dir() / "scenarios/study/pretrain_and_serve.yaml").string()}};
  for (std::vector<std::string> words : commands) {
    words.push_back("--print-config");
    const Finished run = run_moeplan(words);
    EXPECT_EQ(run.exit_code, 0) << words.front() << run.err;
    EXPECT_THAT(run.out, testing::ContainsRegex("engine.max_sequences .*default"));
    EXPECT_THAT(run.out, testing::ContainsRegex("hardware.gpus .*yaml:[0-9]+:[0-9]+"));
    EXPECT_THAT(run.out, testing::ContainsRegex("parallelism.tensor_parallel .*derived: "));
    EXPECT_THAT(run.out, testing::ContainsRegex("catalog.gpu.*data file .*gpus/.*yaml"));
    EXPECT_THAT(run.out, testing::ContainsRegex("catalog.price.*data file .*prices/2026-11"));
    if (words.front() != "pretrain") {
      EXPECT_THAT(run.out, testing::ContainsRegex("--[a-z]+ +20 ?s? +command line"))
          << words.front();
    }
    words.insert(words.end(), {"--format", "json"});
    const Finished json = run_moeplan(words);
    EXPECT_EQ(json.exit_code, 0) << json.err;
    const text::Document read = text::parse_json(json.out, "stdout");
    const text::Node* root = &read.root;
    root = words.front() == "share" ? root->find(file) : root;
    root = words.front() == "sweep" ? root->find("first_point") : root;
    ASSERT_NE(root, nullptr) << words.front();
    const std::string prefix = words.front() == "pretrain" ? "inference." : "";
    const text::Node* split = root->find(prefix + "parallelism.tensor_parallel");
    ASSERT_NE(split, nullptr) << words.front();
    EXPECT_THAT(split->find("from")->scalar, testing::StartsWith("derived: ")) << words.front();
  }
}

TEST(Usage, DryRunCountsAndWritesNothing) {
  const TemporaryDirectory folder;
  const std::string file = folder.write("s.yaml", kScenario).string();
  const std::string out = (folder / "out").string();
  const Finished run = run_moeplan({"plan", file, "--dry-run", "-o", out, "--format", "json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const text::Document read = text::parse_json(run.out, "stdout");
  // 2 numbers of experts x (1 GPU: one layout; 2 GPUs: TP 1 or 2, each with EP or without).
  EXPECT_EQ(read.root.find("candidates")->scalar, "10");
  EXPECT_FALSE(std::filesystem::exists(out));
}

}  // namespace
}  // namespace moeplan::tests
