// Are the strategies sized, priced, refused and compared as they say?

#include "sim/share/share.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/support/expect_input_error.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using tests::expect_input_error;
using tests::ScenarioFile;

// Twelve busy hours from hour 0 or from hour 12 on, an hour at half the rate between them.
std::string day_from(int first) {
  std::string list;
  for (int h = 0; h < 24; ++h) {
    const int after = (h - first + 24) % 24;
    const double weight = after < 11 ? 9.0 : after == 11 || after == 23 ? 5.0 : 1.0;
    list += (list.empty() ? "" : ", ") + std::to_string(weight);
  }
  return list;
}

class TaskFile : public ScenarioFile {
 public:
  TaskFile(const std::string& name, const std::string& curve, const std::string& kept,
           int first_hour) {
    set("name", name);
    set("pruning", "{experts_kept: " + kept + ", router: sliced}");
    set("accuracy", "{curve: qwen3-30b-a3b-reap-" + curve + "}");
    set("hardware", "{gpu: h100-sxm, gpus: 1}");
    set("workload", "{rate: 240 requests/s, requests: 2000, day_profile: [" + day_from(first_hour) +
                        "], input_tokens: {tokens: 500}, output_tokens: {tokens: 100}}");
    set("objectives", "{ttft_p99: 2 s, tpot_p99: 40 ms, accuracy_loss: 0.02}");
    set("prices", "{book: 2026-11, provider: RunPod}");
  }
};

TaskFile chat(const std::string& kept = "[128, 64]") { return {"chat", "mc", kept, 0}; }
TaskFile code(const std::string& kept = "[128, 64]") { return {"code", "code", kept, 12}; }

TEST(Share, RatesOfTheDayHaveTheStatedMean) {
  const Scenario scenario = chat().load();
  const std::vector<PerSecond> rates = hourly_rates(scenario.workload);
  ASSERT_EQ(rates.size(), 24U);
  const PerSecond sum = std::accumulate(rates.begin(), rates.end(), PerSecond(0.0));
  EXPECT_NEAR(in_per_second(sum) / 24.0, 240.0, 1e-9);
  // Weights 9 x 11, 5 x 2, 1 x 11: mean 5.
  EXPECT_NEAR(in_per_second(rates[0]), 432.0, 1e-9);
  const Scenario steady = at_busiest_hour(scenario);
  EXPECT_FALSE(steady.workload.day);
  EXPECT_NEAR(in_per_second(steady.workload.rate), 432.0, 1e-9);
  TaskFile flat = chat();
  flat.set("workload",
           "{rate: 7 requests/s, input_tokens: {tokens: 9}, output_tokens: {tokens: 9}}");
  EXPECT_EQ(hourly_rates(flat.load().workload), std::vector<PerSecond>(24, PerSecond(7.0)));
}

class Shared : public testing::Test {
 protected:
  static const Share& share() {
    static const Share made = make_share({chat().load(), code().load()}, {}, {.threads = 2});
    return made;
  }
  static const Strategy& separate() { return share().strategies[0]; }
  static const Strategy& shared() { return share().strategies[1]; }
  static const Strategy& adaptive() { return share().strategies[2]; }
};

TEST_F(Shared, SeparateFleetsAreThePlansAddedUp) {
  ASSERT_TRUE(separate().works()) << separate().why_not;
  std::int64_t engines = 0;
  for (const ShareTask& t : share().tasks) {
    engines += t.best()->replicas;
  }
  EXPECT_EQ(separate().engines, engines);
  // The gates: chat may not lose half its experts, code may.
  EXPECT_EQ(share().tasks[0].best()->candidate.experts_kept, 128);
  EXPECT_EQ(share().tasks[1].best()->candidate.experts_kept, 64);
  // RunPod rents by the GPU: nothing idles.
  EXPECT_EQ(separate().stranded_gpus, 0);
  EXPECT_EQ(separate().instances, engines);
  EXPECT_NEAR(in_usd_per_hour(separate().rent) / static_cast<double>(engines),
              share().tasks[0].best()->money.rent.value() * 3600.0 /
                  static_cast<double>(share().tasks[0].best()->replicas),
              1e-9);
}

TEST_F(Shared, OneModelKeepsEveryGateAndServesTheBusiestSum) {
  ASSERT_TRUE(shared().works()) << shared().why_not;
  for (std::size_t t = 0; t < 2; ++t) {
    const Design& design = share().tasks[t].plan.designs[shared().tasks[t].design];
    EXPECT_EQ(design.candidate.experts_kept, 128) << "64 experts fail chat's gate";
    EXPECT_TRUE(design.accuracy_allowed);
  }
  double busiest = 0.0;
  for (std::size_t h = 0; h < kHoursOfDay; ++h) {
    double busy = 0.0;
    for (std::size_t t = 0; t < 2; ++t) {
      busy += share().tasks[t].rates[h] / shared().tasks[t].capacity;
    }
    EXPECT_EQ(shared().hourly_engines[h], whole_engines(busy));
    busiest = std::max(busiest, busy);
  }
  ASSERT_TRUE(shared().mix);
  EXPECT_EQ(shared().mix->linear_engines, whole_engines(busiest));
  EXPECT_GE(shared().engines, shared().mix->linear_engines);
  EXPECT_GT(shared().mix->runs, 1);
  EXPECT_DOUBLE_EQ(*shared().accuracy_change, 0.0) << "the unpruned model";
}

TEST_F(Shared, AdaptiveServesEveryWindowWithFewerThanSeparateEngines) {
  ASSERT_TRUE(adaptive().works()) << adaptive().why_not;
  EXPECT_LT(adaptive().engines, separate().engines);
  EXPECT_EQ(adaptive().adaptation->unserved, Seconds(0.0));
  EXPECT_GT(adaptive().adaptation->switches, 0);
  EXPECT_GT(adaptive().one_less->unserved_fraction, 0.0);
  // Weights of an H100 with 128 experts: about 61 GB, at 2 GB/s; 30 s to drain.
  EXPECT_NEAR(adaptive().tasks[0].reload.value(), 30.0 + 30.5, 1.5);
  EXPECT_LT(adaptive().tasks[1].reload, adaptive().tasks[0].reload);
  // Accuracies are those of the tasks' own designs.
  EXPECT_DOUBLE_EQ(*adaptive().accuracy_change, *separate().accuracy_change);
  EXPECT_LT(*adaptive().accuracy_change, 0.0);
}

TEST_F(Shared, TheCheapestThatWorksIsRecommended) {
  ASSERT_TRUE(share().recommended);
  for (const Strategy& s : share().strategies) {
    EXPECT_LE(share().strategies[*share().recommended].rent, s.rent);
  }
  EXPECT_FALSE(share().reasons.empty());
  EXPECT_NE(share().warnings.front().find("2.00 GB/s"), std::string::npos)
      << share().warnings.front();
}

TEST(Share, ASlowLoaderMakesAdaptiveFleetsSeparate) {
  const Share share =
      make_share({chat().load(), code().load()}, {.load_rate = gigabytes_per_second(0.001)}, {});
  const Strategy& adaptive = share.strategies[2];
  ASSERT_TRUE(adaptive.works());
  EXPECT_EQ(adaptive.adaptation->switches, 0);
  EXPECT_EQ(adaptive.engines, share.strategies[0].engines);
}

TEST(Share, ASharedModelIsRefusedWhereAGateFails) {
  const Share share = make_share({chat("[128]").load(), code("[64]").load()}, {}, {});
  EXPECT_TRUE(share.strategies[0].works());
  const Strategy& shared = share.strategies[1];
  EXPECT_FALSE(shared.works());
  EXPECT_NE(shared.why_not.find("128 experts do not serve code, 64 experts do not serve chat"),
            std::string::npos)
      << shared.why_not;
  EXPECT_TRUE(share.strategies[2].works()) << "engines may still switch";
}

TEST(Share, NothingIsRecommendedWhereATaskCannotBeServed) {
  const Share share = make_share({chat("[64]").load(), code().load()}, {}, {});
  EXPECT_FALSE(share.recommended);
  for (const Strategy& s : share.strategies) {
    EXPECT_FALSE(s.works()) << s.name;
  }
}

TEST(Share, SpareEnginesArePaidForOnceWhereTheFleetIsOne) {
  TaskFile with_spare = code();
  with_spare.set("parallelism", "{spare_engines: 1}");
  const Share share = make_share({chat().load(), with_spare.load()}, {}, {});
  EXPECT_EQ(share.strategies[0].spare, 1);
  EXPECT_EQ(share.strategies[2].engines, share.strategies[2].adaptation->engines + 1);
}

// A second task that differs from code() in one section is refused beside chat(), in these words.
template <class... Parts>
void refused(const std::string& section, const std::string& yaml, const Parts&... parts) {
  TaskFile other = code();
  other.set(section, yaml);
  expect_input_error([&] { refuse_unshared({chat().load(), other.load()}); }, "E_VALUE", parts...);
}

TEST(Share, TasksOfOneFleetHaveTheSameEngines) {
  const auto differs = [](const std::string& section, const std::string& yaml,
                          const std::string& key) {
    refused(section, yaml, "scenario.yaml:", "(/" + key + ")", "tasks that share a fleet have one",
            "scenario.yaml");
  };
  differs("model", "{architecture: qwen3-30b-a3b, precision: fp8}", "model/precision");
  differs("hardware", "{gpu: a100-sxm, gpus: 1}", "hardware/gpu");
  differs("hardware", "{gpu: h100-sxm, gpus: [1, 2]}", "hardware/gpus");
  differs("engine", "{max_sequences: 64}", "engine/max_sequences");
  differs("pruning", "{experts_kept: [128, 64], router: merged_logits}", "pruning/router");
  differs("prices", "{book: 2026-11, provider: AWS}", "prices/provider");
  const Scenario first = chat().load();
  EXPECT_NO_THROW(refuse_unshared({first, code().load()}));
  EXPECT_THROW(refuse_unshared({first}), std::logic_error);
}

TEST(Share, WhatHasNoHourlyRateIsRefused) {
  refused("workload",
          "{arrivals: closed_loop, concurrency: 8, input_tokens: {tokens: 9}, output_tokens: "
          "{tokens: 9}}",
          "(/workload/arrivals)");
  refused("objectives", "{ttft_p99: 2 s, budget: 900 USD/month}", "(/objectives/budget)");
  refused("parallelism", "{replica_router: random}", "(/parallelism/replica_router)");
}

TEST(Share, ThreadsDoNotChangeTheResult) {
  const std::vector<Scenario> scenarios = {chat().load(), code().load()};
  const Share one = make_share(scenarios, {}, {.threads = 1});
  const Share three = make_share(scenarios, {}, {.threads = 3});
  EXPECT_EQ(one.reasons, three.reasons);
  EXPECT_EQ(one.warnings, three.warnings);
}

}  // namespace
}  // namespace moeplan::sim
