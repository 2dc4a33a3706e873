// At which rent does one kind of GPU win against another?

#include "sim/plan/break_even.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "models/catalog/catalog.hpp"
#include "models/text/load.hpp"
#include "sim/plan/plan.hpp"
#include "sim/report/plan_json.hpp"
#include "sim/report/plan_text.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using tests::ScenarioFile;

Design priced(std::size_t hardware, std::int64_t gpus, std::int64_t idle, double usd_per_h) {
  Design d;
  d.candidate.hardware = hardware;
  d.candidate.gpus = 1;
  d.replicas = gpus;
  d.money.stranded_gpus = idle;
  d.money.rent = usd_per_hour(usd_per_h);
  return d;
}

// Hardware 0 works with 10 GPUs and 6 idle ones at 2 USD each, 32 USD/h, or with 20 GPUs of a
// cheaper offer, 30 USD/h. Hardware 1 with 8 GPUs at 4.50 USD, 36 USD/h.
TEST(BreakEven, ByHand) {
  const std::vector<Design> designs = {priced(0, 10, 6, 32), priced(0, 20, 0, 30),
                                       priced(1, 8, 0, 36), priced(1, 4, 0, 1)};
  const std::vector<std::size_t> acceptable = {0, 1, 2};  // the last misses an objective
  const std::vector<BreakEven> all = break_even(designs, acceptable);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].design, 0u) << "16 GPUs are paid, fewer than 20";
  EXPECT_EQ(all[0].against, 2u);
  EXPECT_EQ(all[0].paid_gpus, 16);
  EXPECT_NEAR(in_usd_per_hour(all[0].rent_per_gpu), 32.0 / 16, 1e-12);
  EXPECT_NEAR(in_usd_per_hour(all[0].break_even), 36.0 / 16, 1e-12);
  EXPECT_TRUE(all[0].wins());
  // Eight GPUs beat 30 USD/h below 3.75 USD each.
  EXPECT_EQ(all[1].against, 1u) << "the cheapest, not the one with the fewest GPUs";
  EXPECT_NEAR(in_usd_per_hour(all[1].break_even), 3.75, 1e-12);
  EXPECT_FALSE(all[1].wins());
  EXPECT_TRUE(break_even(designs, std::vector<std::size_t>{0, 1}).empty()) << "one hardware";
  EXPECT_TRUE(break_even(designs, std::vector<std::size_t>{}).empty());
}

// A price book in which both GPUs are rented one by one.
std::filesystem::path book(const ScenarioFile& file, double a100, double h100) {
  const auto price = [](const std::string& gpu, double rent) {
    return "  - {id: test-" + gpu + ", provider: test, instance: one, gpu: " + gpu +
           ", tier: on_demand, region: here, gpus: 1, largest: 8, rent: " + std::to_string(rent) +
           " USD/h, as_of: \"2026-11-01\", source: test}\n";
  };
  const std::filesystem::path path = file.folder() / "book.yaml";
  std::ofstream(path) << "schema: moeplan.price_book\nschema_version: 1\nas_of: \"2026-11-01\"\n"
                         "currency: USD\nprices:\n"
                      << price("a100-sxm", a100) << price("h100-sxm", h100);
  return path;
}

std::string winner(ScenarioFile& file, double a100, double h100, std::vector<BreakEven>* all) {
  const Scenario scenario =
      file.set("prices", "{book: " + book(file, a100, h100).string() + "}").load();
  const Plan plan = make_plan(scenario, {.threads = 2});
  if (all != nullptr) {
    *all = plan.break_even;
    const ReportContext context{};
    EXPECT_NE(plan_text(plan, scenario, context, TextStyle::terminal).find("Break-even between"),
              std::string::npos);
    EXPECT_NE(plan_json(plan, scenario, context).pretty().find("\"break_even_usd_per_gpu_h\""),
              std::string::npos);
  }
  return plan.designs[plan.recommended.value()].gpu;
}

// The price is what it says: planned again a per cent below it the GPU wins, a per cent above not.
TEST(BreakEven, PlansChangeAtThePriceItNames) {
  ScenarioFile file;
  file.set("hardware", "{gpu: [a100-sxm, h100-sxm], gpus: 1}")
      .set("pruning", "{experts_kept: [64], router: reinitialised}")
      .set("objectives", "{tpot_p99: 80 ms}");
  std::vector<BreakEven> all;
  winner(file, 1.5, 3.0, &all);
  ASSERT_EQ(all.size(), 2u);
  const double price = in_usd_per_hour(all[1].break_even);
  EXPECT_EQ(winner(file, 1.5, 0.99 * price, nullptr), "h100-sxm");
  EXPECT_EQ(winner(file, 1.5, 1.01 * price, nullptr), "a100-sxm");
}

// A profile counts for the GPU that it was measured on; the fleet beside it keeps the catalog's.
TEST(BreakEven, ALoanersProfileLeavesOtherGpusTheirs) {
  ScenarioFile file;
  models::Profile loaner = models::load_profile(models::profile_path("h100-sxm"));
  std::erase_if(loaner.laws, [](const models::FittedLaw& law) {
    const auto nodes = law.constants.find("nodes");
    return nodes != law.constants.end() && nodes->second > 1.0;  // it was one node
  });
  loaner.id = "loaner";
  const std::filesystem::path path = file.folder() / "loaner.json";
  text::write_file(path, models::profile_text(loaner));
  const Scenario scenario =
      file.set("pruning", "")
          .set("hardware",
               "{gpu: [a100-sxm, h100-sxm], gpus: [8, 16], profile: " + path.string() + "}")
          .set("parallelism",
               "{tensor_parallel: 1, expert_parallel: true, exchange: alltoall_per_rank}")
          .load();
  ASSERT_EQ(scenario.hardware.size(), 2u);
  EXPECT_FALSE(scenario.hardware[0].laws.expert.info().datasheet) << "the catalog's A100";
  EXPECT_FALSE(scenario.hardware[1].laws.expert.info().datasheet);
  // On two nodes of the loaner's kind, nobody measured 16 ranks.
  for (const int gpus : {8, 16}) {
    Candidate c;
    c.experts_kept = 128;
    c.hardware = 1;
    c.gpus = c.data_parallel = gpus;
    c.expert_parallel = true;
    c.exchange = Exchange::alltoall_per_rank;
    const auto judged = assess(scenario, c, 1);
    ASSERT_TRUE(std::holds_alternative<Design>(judged));
    const std::vector<std::string>& flagged = std::get<Design>(judged).metrics.extrapolated;
    const auto names_ranks = [](const std::string& name) {
      return name.find("of 16 ranks on 2 nodes") != std::string::npos;
    };
    EXPECT_EQ(std::any_of(flagged.begin(), flagged.end(), names_ranks), gpus == 16);
  }
}

}  // namespace
}  // namespace moeplan::sim
