// moeplan import and validate as users run them: files in, exit codes and JSON out.
#include <gtest/gtest.h>

#include <fstream>

#include "models/text/load.hpp"
#include "tests/app/process.hpp"

namespace moeplan::tests {
namespace {

class ValidateCommand : public testing::Test {
 protected:
  void SetUp() override {
    folder = std::filesystem::path(testing::TempDir()) /
             testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::string file(const std::string& name, const std::string& content) const {
    std::ofstream(folder / name) << content;
    return (folder / name).string();
  }

  std::filesystem::path folder;
};

const std::string kOsu =
    "# OSU MPI All-to-All Personalized Exchange Latency Test v5.3\n"
    "# Size       Avg Latency(us)\n1024 59.10\n4096 215.60\n";

const std::string kMoe =
    "kernel_source,moe_dtype,num_tokens,hidden_size,inter_size,topk,num_experts,moe_tp_size,"
    "moe_ep_size,distribution,latency_ms,further\n"
    "new_kernel,bfloat16,16,2048,768,8,128,1,1,balanced,2.0,x\n"
    "new_kernel,bfloat16,64,2048,768,8,128,1,1,never_seen,0.4,x\n"
    "new_kernel,fp6,64,2048,768,8,128,1,1,balanced,2.0,x\n";

TEST_F(ValidateCommand, ImportAsksForTheRanksAndTakesThemFromBeside) {
  const std::string osu = file("osu.txt", kOsu);
  const Finished asked = run_moeplan({"import", osu});
  EXPECT_EQ(asked.exit_code, 3);
  EXPECT_NE(asked.err.find("--ranks N"), std::string::npos) << asked.err;
  file("osu.txt.yaml", "ranks: 4\n");
  const std::string own = (folder / "own.json").string();
  const Finished written = run_moeplan({"import", osu, "-o", own});
  EXPECT_EQ(written.exit_code, 0) << written.err;
  const text::Document document = text::load_json(own);
  const text::Node* rows = document.root.find("collectives");
  ASSERT_NE(rows, nullptr);
  ASSERT_EQ(rows->items.size(), 2u);
  EXPECT_EQ(rows->items[0].find("size_bytes")->scalar, "4096.0");
  const Finished judged =
      run_moeplan({"validate", "--profile", "h100-sxm", "--measured", own, "--format", "json"});
  EXPECT_EQ(judged.exit_code, 0) << judged.err;
  EXPECT_NE(judged.out.find("\"kernel\": \"all2all\""), std::string::npos) << judged.out;
}

TEST_F(ValidateCommand, SkipsUnknownRowsAndCountsThem) {
  const Finished run = run_moeplan({"validate", "--profile", "l40s", "--measured",
                                    file("moe.csv", kMoe), "--format", "json", "-q"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const text::Document json = text::parse_json(run.out, "out");
  ASSERT_EQ(json.root.find("families")->items.size(), 1u);
  const text::Node& family = json.root.find("families")->items[0];
  EXPECT_EQ(family.find("points")->scalar, "1");
  EXPECT_EQ(family.find("leave_one_shape_out")->kind, text::Kind::null);
  EXPECT_EQ(json.root.find("datasheet_only")->scalar, "true") << "no profile of an L40S";
  EXPECT_EQ(json.root.find("skipped")->items.size(), 2u);
}

TEST_F(ValidateCommand, NamesWhatIsNoProfile) {
  const Finished run =
      run_moeplan({"validate", "--profile", "h100", "--measured", file("moe.csv", kMoe)});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_NE(run.err.find("did you mean 'h100-pcie'"), std::string::npos) << run.err;
}

}  // namespace
}  // namespace moeplan::tests
