// Each rule of the house can fail, and says where: made-up files that break it, and twins that do
// not. layers_test.cpp then applies the same rules to the tree.
#include "tests/architecture/rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/architecture/layers.hpp"

namespace moeplan::architecture {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::set<std::string> kKnown = {
    "models/units/quantity.hpp",    "models/text/reader.hpp",
    "models/price/price_book.hpp",  "sim/evaluate.hpp",
    "sim/engine/event_queue.hpp",   "sim/plan/plan.hpp",
    "sim/report/json.hpp",          "calibrate/fitting/fit.hpp",
    "calibrate/kernels/expert.hpp", "calibrate/measurement/sample.hpp",
    "tests/support/paths.hpp",      "models/surprise/new.hpp"};

// What check_includes says of one include line in line 3 of a file.
std::vector<std::string> includes(const std::string& path, const std::string& name) {
  std::vector<std::string> texts;
  for (const Violation& violation :
       check_includes(make_source_file(path, "// head\n\n#include " + name + "\n"), kKnown)) {
    texts.push_back(violation.text());
  }
  return texts;
}

std::vector<std::string> texts(const std::vector<Violation>& violations) {
  std::vector<std::string> all;
  for (const Violation& violation : violations) {
    all.push_back(violation.text());
  }
  return all;
}

TEST(LayerTable, HasNoCycle) { EXPECT_THAT(find_cycle(), IsEmpty()); }

TEST(LayerTable, FilesDirectlyInSimAreALayerOfTheirOwn) {
  EXPECT_EQ(layer_of("sim/evaluate.hpp")->folder, "sim");
  EXPECT_EQ(layer_of("sim/engine/event_queue.hpp")->folder, "sim/engine");
  EXPECT_EQ(layer_of("app/main.cpp")->folder, "app");
  EXPECT_EQ(layer_of("sim/surprise/new.hpp"), nullptr);
  EXPECT_EQ(layer_of("simulator/new.hpp"), nullptr);
}

TEST(IncludeRule, NamesFileLineAndWhatIsAllowed) {
  EXPECT_THAT(
      includes("sim/engine/x.cpp", "\"models/price/price_book.hpp\""),
      ElementsAre("sim/engine/x.cpp:3: includes \"models/price/price_book.hpp\": sim/engine "
                  "may include models/units"));
}

TEST(IncludeRule, AllowsWhatTheTableAllows) {
  EXPECT_THAT(includes("sim/engine/x.cpp", "\"models/units/quantity.hpp\""), IsEmpty());
  EXPECT_THAT(includes("sim/engine/x.cpp", "\"sim/engine/event_queue.hpp\""), IsEmpty());
  EXPECT_THAT(includes("sim/plan/x.cpp", "\"sim/evaluate.hpp\""), IsEmpty());
  EXPECT_THAT(includes("sim/plan/x.cpp", "\"models/price/price_book.hpp\""), IsEmpty());
  EXPECT_THAT(includes("app/fit.cpp", "\"calibrate/fitting/fit.hpp\""), IsEmpty());
}

TEST(IncludeRule, TheArrowsPointOneWay) {
  EXPECT_THAT(includes("sim/evaluate.cpp", "\"sim/plan/plan.hpp\""),
              ElementsAre(HasSubstr("sim may include")));
  EXPECT_THAT(includes("sim/plan/x.cpp", "\"sim/report/json.hpp\""),
              ElementsAre(HasSubstr("sim/plan may include")));
  EXPECT_THAT(includes("models/text/x.cpp", "\"models/price/price_book.hpp\""),
              ElementsAre(HasSubstr("models/text may include models/units")));
  EXPECT_THAT(includes("app/x.cpp", "\"calibrate/kernels/expert.hpp\""),
              ElementsAre(HasSubstr("app may include")));
}

TEST(IncludeRule, SimAndCalibrateNeverMeet) {
  EXPECT_THAT(includes("sim/plan/x.cpp", "\"calibrate/fitting/fit.hpp\""),
              ElementsAre(HasSubstr("never include each other")));
  EXPECT_THAT(includes("calibrate/main.cpp", "\"sim/evaluate.hpp\""),
              ElementsAre(HasSubstr("never include each other")));
}

TEST(IncludeRule, NamesAreWrittenFromTheRoot) {
  EXPECT_THAT(includes("sim/engine/x.cpp", "\"event_queue.hpp\""),
              ElementsAre(HasSubstr("which is no file")));
}

TEST(IncludeRule, NobodyIncludesTestsAndEveryFolderHasARow) {
  EXPECT_THAT(includes("app/x.cpp", "\"tests/support/paths.hpp\""),
              ElementsAre(HasSubstr("nobody includes tests/")));
  EXPECT_THAT(includes("app/x.cpp", "\"models/surprise/new.hpp\""),
              ElementsAre(HasSubstr("has no row")));
  EXPECT_THAT(includes("models/surprise/new.cpp", "<map>"), ElementsAre(HasSubstr("has no row")));
}

TEST(IncludeRule, ThirdPartyOnlyWhereTheTableSays) {
  EXPECT_THAT(includes("models/text/x.cpp", "<yaml-cpp/yaml.h>"), IsEmpty());
  EXPECT_THAT(includes("sim/topology/topology.cpp", "<boost/graph/adjacency_list.hpp>"), IsEmpty());
  EXPECT_THAT(includes("sim/plan/x.cpp", "<fmt/format.h>"), IsEmpty());
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"models/catalog/x.cpp", "<yaml-cpp/yaml.h>"},
      {"sim/report/x.cpp", "<nlohmann/json.hpp>"},
      {"sim/serving/x.cpp", "<Eigen/Dense>"},
      {"sim/deployment/place.cpp", "<boost/graph/adjacency_list.hpp>"},
      {"sim/plan/x.cpp", "<CLI/CLI.hpp>"},
      {"sim/plan/x.cpp", "<sqlite3.h>"},
      {"sim/plan/x.cpp", "<mpi.h>"},
      {"calibrate/fitting/x.cpp", "<cuda_runtime.h>"},
      {"sim/engine/x.cpp", "<gtest/gtest.h>"},
      {"sim/engine/x.cpp", "<unistd.h>"},
      {"sim/engine/x.cpp", "<range/v3/all.hpp>"},
  };
  for (const auto& [path, name] : wrong) {
    EXPECT_THAT(includes(path, name), ElementsAre(HasSubstr(".cpp:3: includes <")))
        << path << " " << name;
  }
}

TEST(IncludeRule, DeviceCodeSeesStdCudaUnitsAndItsOwnHeader) {
  const std::string path = "calibrate/kernels/expert.cu";
  EXPECT_THAT(includes(path, "<cuda_runtime.h>"), IsEmpty());
  EXPECT_THAT(includes(path, "<vector>"), IsEmpty());
  EXPECT_THAT(includes(path, "\"calibrate/kernels/expert.hpp\""), IsEmpty());
  EXPECT_THAT(includes(path, "\"models/units/quantity.hpp\""), IsEmpty());
  EXPECT_THAT(includes(path, "<fmt/format.h>"), ElementsAre(HasSubstr("device code")));
  EXPECT_THAT(includes(path, "<Eigen/Dense>"), ElementsAre(HasSubstr("device code")));
  EXPECT_THAT(includes(path, "\"calibrate/measurement/sample.hpp\""),
              ElementsAre(HasSubstr("device code")));
}

TEST(IncludeRule, CommentsAndLiteralsAreNoIncludes) {
  EXPECT_THAT(check_includes(make_source_file("sim/engine/x.cpp",
                                              "/* a\n#include <mpi.h>\n*/\n// #include <mpi.h>\n"
                                              "const char* t = R\"(\n#include <mpi.h>\n)\";\n"),
                             kKnown),
              IsEmpty());
}

std::vector<std::string> output(const std::string& path, const std::string& line) {
  return texts(check_output(make_source_file(path, line + "\n")));
}

TEST(OutputRule, OnlyProgramsPrintAndExit) {
  for (const char* line :
       {"std::cout << 1;", "std::cerr << 1;", "printf(\"x\");", "fmt::print(\"x\");",
        "std::fprintf(stderr, \"x\");", "std::exit(1);", "  exit (3);", "std::abort();",
        "#include <iostream>", "queue.exit(); exit(1);"}) {
    EXPECT_THAT(output("sim/plan/x.cpp", line), ElementsAre(HasSubstr("sim/plan/x.cpp:1: ")))
        << line;
    EXPECT_THAT(output("app/x.cpp", line), IsEmpty()) << line;
  }
}

TEST(OutputRule, LeavesOtherWordsAlone) {
  for (const char* line :
       {"// std::cout is not used", "f(\"exit(1) with printf(x)\");", "snprintf(b, n, \"x\");",
        "queue.exit(1);", "on_exit(1);", "int exits = 1;", "text.push_back('\"'); // exit(1)"}) {
    EXPECT_THAT(output("sim/plan/x.cpp", line), IsEmpty()) << line;
  }
}

TEST(RandomnessRule, OnlyTheEnginesStreams) {
  for (const char* line : {"#include <random>", "std::mt19937 g(1);", "int i = rand();",
                           "std::normal_distribution<double> d;", "std::shuffle(a, b, g);"}) {
    EXPECT_THAT(texts(check_randomness(make_source_file("sim/workload/x.cpp", line))),
                ElementsAre(HasSubstr("the only randomness")))
        << line;
    EXPECT_THAT(check_randomness(make_source_file("calibrate/kernels/x.cpp", line)), IsEmpty());
  }
  EXPECT_THAT(check_randomness(make_source_file(
                  "sim/workload/x.cpp", "LengthDistribution length_distribution; operand(1);")),
              IsEmpty());
}

TEST(ClockRule, NoWallClockInTheSimulatedWorld) {
  const std::string line = "auto t = std::chrono::steady_clock::now();";
  EXPECT_THAT(texts(check_clocks(make_source_file("sim/serving/x.cpp", line))),
              ElementsAre(HasSubstr("steady_clock")));
  EXPECT_THAT(check_clocks(make_source_file("app/x.cpp", line)), IsEmpty());
  EXPECT_THAT(check_clocks(make_source_file("sim/sweep/x.cpp", line)), IsEmpty());
}

std::vector<std::string> form(const std::string& path, const std::string& text) {
  return texts(check_form(make_source_file(path, text)));
}

TEST(FormRule, HeadersBeginWithPragmaOnceAndAComment) {
  EXPECT_THAT(form("sim/plan/x.hpp", "#pragma once\n// X.\nnamespace moeplan::sim {\n}\n"),
              IsEmpty());
  EXPECT_THAT(form("sim/plan/x.hpp", "// X.\n#pragma once\nnamespace moeplan::sim {\n}\n"),
              ElementsAre(HasSubstr("begins with #pragma once"), HasSubstr("comes a comment")));
  EXPECT_THAT(form("sim/plan/x.hpp", "#pragma once\n#include <map>\nnamespace moeplan::sim {\n}\n"),
              ElementsAre(HasSubstr("x.hpp:2: after #pragma once")));
}

TEST(FormRule, NamespaceIsTheFolder) {
  EXPECT_THAT(form("sim/plan/x.cpp", "namespace moeplan::models {\n}\n"),
              ElementsAre(HasSubstr("namespace moeplan::models in a folder of moeplan::sim")));
  EXPECT_THAT(form("sim/plan/x.cpp", "int x;\n"), ElementsAre(HasSubstr("no namespace")));
  EXPECT_THAT(form("models/units/x.cpp", "namespace moeplan {\nnamespace {\n}\n}\n"), IsEmpty());
  EXPECT_THAT(form("models/text/x.cpp", "namespace moeplan::text {\n}\n"), IsEmpty());
  EXPECT_THAT(form("app/main.cpp", "int main() {}\n"), IsEmpty());
}

TEST(FormRule, NoUsingNamespaceInHeaders) {
  EXPECT_THAT(form("sim/plan/x.hpp",
                   "#pragma once\n// X.\nnamespace moeplan::sim {\nusing namespace std;\n}\n"),
              ElementsAre(HasSubstr("x.hpp:4: using namespace")));
}

TEST(TextRule, FourHundredLinesOfAHundredAsciiColumns) {
  const auto lines = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i) {
      text += "x;\n";
    }
    return text;
  };
  EXPECT_THAT(check_text(make_source_file("sim/x.cpp", lines(400))), IsEmpty());
  EXPECT_THAT(texts(check_text(make_source_file("sim/x.cpp", lines(401)))),
              ElementsAre(HasSubstr("sim/x.cpp:401: 401 lines")));
  EXPECT_THAT(check_text(make_source_file("sim/x.cpp", std::string(100, 'x'))), IsEmpty());
  EXPECT_THAT(texts(check_text(make_source_file("sim/x.cpp", "\n" + std::string(101, 'x')))),
              ElementsAre(HasSubstr("sim/x.cpp:2: 101 columns")));
  EXPECT_THAT(texts(check_text(make_source_file("sim/x.cpp", "\tx;"))),
              ElementsAre(HasSubstr("ASCII")));
  EXPECT_THAT(texts(check_text(make_source_file("sim/x.cpp", "// \xC2\xB5s"))),
              ElementsAre(HasSubstr("ASCII")));
  EXPECT_THAT(texts(check_text(make_source_file("sim/EventQueue.cpp", "x;"))),
              ElementsAre(HasSubstr("snake_case")));
}

TEST(ReadmeRule, ThereAndShort) {
  const std::filesystem::path root =
      std::filesystem::path(testing::TempDir()) / "moeplan_readme_rule";
  std::filesystem::create_directories(root / "folder");
  const std::filesystem::path file = root / "folder" / "README.md";
  std::filesystem::remove(file);
  EXPECT_THAT(texts(check_readme(root, "folder")), ElementsAre(HasSubstr("missing")));
  const auto write = [&](int lines) {
    std::ofstream stream(file);
    for (int i = 0; i < lines; ++i) {
      stream << "text\n";
    }
  };
  write(20);
  EXPECT_THAT(check_readme(root, "folder"), IsEmpty());
  write(21);
  EXPECT_THAT(texts(check_readme(root, "folder")), ElementsAre(HasSubstr("21 lines")));
  std::filesystem::remove_all(root);
}

TEST(SourceRule, DataSaysWhereItComesFrom) {
  EXPECT_THAT(check_source_key("models/data/a.yaml", "name: a\nsource: a paper, page 3\n"),
              IsEmpty());
  EXPECT_THAT(check_source_key("models/data/a.json", "{\"name\": 1, \"source\": {}}"), IsEmpty());
  EXPECT_THAT(check_source_key("models/data/hf/config.json", "{\"_source\": \"a page\"}"),
              IsEmpty());
  EXPECT_THAT(
      check_source_key("models/data/a.yaml", "sources: {a: x}\nmemory: {value: 1 GB, source: a}\n"),
      IsEmpty());
  EXPECT_THAT(
      texts(check_source_key("models/data/a.yaml", "sources: {a: x}\nmemory: {value: 1 GB}\n")),
      ElementsAre("models/data/a.yaml:2: a value without its source"));
  EXPECT_THAT(texts(check_source_key("models/data/a.yaml", "name: a\nresource: b\n# source: c\n")),
              ElementsAre(HasSubstr("models/data/a.yaml:0: no `source`")));
  EXPECT_THAT(texts(check_source_key("models/data/a.json", "{\"name\": 1}")),
              ElementsAre(HasSubstr("no `source`")));
}

TEST(PackageRule, EveryRequiredPackageIsInstalledByTheScript) {
  const std::string script = "needed=(cmake libfmt-dev libgtest-dev)";
  const auto check = [&](const std::string& line) {
    return texts(check_packages("CMakeLists.txt", "project(x)\n" + line + "\n", script));
  };
  EXPECT_THAT(check("find_package(fmt REQUIRED)"), IsEmpty());
  EXPECT_THAT(check("find_package(CUDAToolkit)"), IsEmpty());
  EXPECT_THAT(check("find_package(Eigen3 3.4 REQUIRED)"),
              ElementsAre("CMakeLists.txt:2: find_package(Eigen3): ./moeplan does not install "
                          "libeigen3-dev"));
  EXPECT_THAT(check("find_package(Surprise REQUIRED)"),
              ElementsAre(HasSubstr("which Debian package")));
}

}  // namespace
}  // namespace moeplan::architecture
