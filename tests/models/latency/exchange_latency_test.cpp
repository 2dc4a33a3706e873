// Exchanges by kernels made for them: the form by hand, and what more bytes, bandwidth and nodes
// do.

#include "models/latency/exchange_latency.hpp"

#include <gtest/gtest.h>

#include "models/catalog/catalog.hpp"
#include "models/latency/profile.hpp"
#include "models/routing/exchange_traffic.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::models {
namespace {

constexpr ExchangeTheta kPlain{.launch = 10e-6,
                               .near = 2e11,
                               .far = 4e10,
                               .staged = 8e10,
                               .own = 1e12,
                               .token = 2e-6,
                               .norm = 1.0,
                               .multiprocessors = 100.0};

TEST(ExchangeForm, IsLaunchAndOwnTokensAndTheBusiestResource) {
  EXPECT_DOUBLE_EQ(exchange_seconds(kPlain, {}), 10e-6);
  // 1 MB each: 5 us inside, 25 us over the uplink, 12.5 us staged; 1 us for its own tokens.
  ExchangeLoad load{.own_bytes = 1e6, .near_bytes = 1e6, .far_bytes = 1e6, .staged_bytes = 1e6};
  EXPECT_NEAR(exchange_seconds(kPlain, load), 36e-6, 1e-15);
  load.far_bytes = 0.0;
  EXPECT_NEAR(exchange_seconds(kPlain, load), 23.5e-6, 1e-15);
  load.staged_bytes = 0.0;
  EXPECT_NEAR(exchange_seconds(kPlain, load), 16e-6, 1e-15);
}

TEST(ExchangeForm, FewExpertsHaveFewSenders) {
  // 8 experts, 8 senders: 64 tokens in 8 rounds of 2 us. 150 experts on 100 multiprocessors: two a
  // sender, 75 senders, one round.
  EXPECT_NEAR(exchange_seconds(kPlain, {.tokens = 64, .experts = 8}), 26e-6, 1e-15);
  EXPECT_NEAR(exchange_seconds(kPlain, {.tokens = 64, .experts = 150}), 12e-6, 1e-15);
}

TEST(ExchangeForm, RowsAreSixteenBitOrQuantisedWithScales) {
  EXPECT_EQ(dispatch_row_bytes(ExchangeMode::normal, 7168, true), 7168 + 56 * 4);
  EXPECT_EQ(dispatch_row_bytes(ExchangeMode::low_latency, 7168, true), 7168 + 56 * 4 + 16);
  EXPECT_EQ(dispatch_row_bytes(ExchangeMode::normal, 7168, false), 14336);
}

class ShippedExchange : public ::testing::Test {
 protected:
  // Time of dispatch and combine for tokens a rank, DeepSeek-V3's layer unless said otherwise.
  Seconds price(const ExchangeLatency& law, ExchangeMode mode, int nodes, double tokens,
                const GroupLimit& limit = {}) const {
    const NodeLayout layout{.ranks = 8 * nodes, .per_node = 8};
    const std::vector<double> one(static_cast<std::size_t>(layout.ranks), 1.0);
    const Routing routing = Routing::uniform(256, 8);
    const ExchangeVolume volume =
        dispatch_traffic(
            routing,
            mode == ExchangeMode::normal ? Exchange::alltoall_per_rank
                                         : Exchange::alltoall_per_expert,
            layout, one,
            distinct_parts(routing, limit, Placement::contiguous(256, layout.ranks), layout))
            .volume();
    Seconds sum;
    for (const ExchangePhase phase : {ExchangePhase::dispatch, ExchangePhase::combine}) {
      const double row =
          tokens *
          (phase == ExchangePhase::dispatch ? dispatch_row_bytes(mode, 7168, true) : 2.0 * 7168);
      sum = sum + law.estimate(mode, phase, {layout.ranks, nodes},
                               {.tokens = tokens,
                                .experts = 256,
                                .hidden = 7168,
                                .own_bytes = row,
                                .near_bytes = volume.near * row,
                                .far_bytes = volume.far * row,
                                .staged_bytes = volume.staged * row})
                      .duration;
    }
    return sum;
  }
  ExchangeLatency law(double near = 1.0, double far = 1.0) const {
    Fabric inside = load_fabric("nvlink4");
    Fabric uplink = load_fabric("infiniband-ndr400");
    inside.bandwidth = inside.bandwidth * near;
    uplink.bandwidth = uplink.bandwidth * far;
    return ExchangeLatency(laws(), inside, &uplink);
  }
  static std::vector<FittedLaw> laws() {
    std::vector<FittedLaw> found;
    for (const FittedLaw& law : load_profile(profile_path("h100-sxm")).laws) {
      if (law.info.form == "two_tier_v1") {
        found.push_back(law);
      }
    }
    return found;
  }
  static constexpr std::array kModes{ExchangeMode::normal, ExchangeMode::low_latency};
};

TEST_F(ShippedExchange, HasBothModesOnOneNodeAndOnTwo) {
  EXPECT_EQ(laws().size(), 8u);
  EXPECT_EQ(law().info(1).size(), 4u);
  EXPECT_EQ(law().info(2).size(), 4u);
  EXPECT_EQ(law().info(16).size(), 4u);
  for (const int nodes : {1, 2, 8}) {
    EXPECT_TRUE(law().takes(ExchangeMode::normal, nodes, 1e5));
    EXPECT_TRUE(law().takes(ExchangeMode::low_latency, nodes, 128));
    EXPECT_FALSE(law().takes(ExchangeMode::low_latency, nodes, 1e5));
  }
}

TEST_F(ShippedExchange, DecodeGoesByLowLatencyAndPrefillByNormal) {
  for (const int nodes : {1, 2, 4}) {
    EXPECT_LT(price(law(), ExchangeMode::low_latency, nodes, 32),
              price(law(), ExchangeMode::normal, nodes, 32));
  }
  EXPECT_GT(price(law(), ExchangeMode::low_latency, 2, 4096),
            price(law(), ExchangeMode::normal, 2, 4096));
}

TEST_F(ShippedExchange, TwiceTheBandwidthIsNeverSlowerAndMoreTokensNeverFaster) {
  for (const ExchangeMode mode : kModes) {
    for (const int nodes : {1, 2, 4, 8}) {
      Seconds last;
      for (const double tokens : {0.0, 1.0, 100.0, 4096.0}) {
        const Seconds base = price(law(), mode, nodes, tokens);
        EXPECT_LE(price(law(2.0, 1.0), mode, nodes, tokens), base);
        EXPECT_LE(price(law(1.0, 2.0), mode, nodes, tokens), base);
        EXPECT_GE(base, last);
        last = base;
      }
    }
    EXPECT_EQ(price(law(1.0, 2.0), mode, 1, 4096), price(law(), mode, 1, 4096)) << "no uplink";
    EXPECT_LT(price(law(1.0, 4.0), mode, 8, 4096), price(law(1.0, 0.25), mode, 8, 4096));
  }
}

TEST_F(ShippedExchange, MoreNodesAreNeverCheaperAndAGroupLimitNeverDearer) {
  for (const ExchangeMode mode : kModes) {
    for (const double tokens : {0.0, 16.0, 128.0, 8192.0}) {
      Seconds last;
      for (const int nodes : {1, 2, 4, 8}) {
        const Seconds now = price(law(), mode, nodes, tokens);
        EXPECT_GE(now, last) << nodes << " nodes, " << tokens << " tokens";
        last = now;
      }
      EXPECT_LE(price(law(), mode, 8, tokens, {8, 4}), price(law(), mode, 8, tokens));
    }
  }
}

TEST_F(ShippedExchange, MarksWhatWasNotMeasured) {
  const auto marked = [](const ExchangeLatency& law, const RankGroup& group,
                         const ExchangeLoad& load) {
    return law.estimate(ExchangeMode::normal, ExchangePhase::combine, group, load).extrapolated;
  };
  const ExchangeLoad measured{.tokens = 64, .experts = 256, .hidden = 7168};
  EXPECT_FALSE(marked(law(), {8, 1}, measured));
  EXPECT_FALSE(marked(law(), {16, 2}, measured));
  EXPECT_TRUE(marked(law(), {4, 1}, measured));
  EXPECT_TRUE(marked(law(), {32, 4}, measured));
  EXPECT_TRUE(marked(law(1.0, 0.5), {16, 2}, measured)) << "another network card";
  EXPECT_TRUE(marked(law(), {16, 2}, {.tokens = 64, .experts = 256, .hidden = 4096}));
  EXPECT_TRUE(marked(law(), {8, 1}, {.tokens = 1e9, .experts = 256, .hidden = 7168}));
}

TEST_F(ShippedExchange, AnEngineOfOneNodeNeedsNoUplink) {
  const ExchangeLatency inside(laws(), load_fabric("nvlink4"), nullptr);
  EXPECT_TRUE(inside.takes(ExchangeMode::normal, 1, 1));
  EXPECT_FALSE(inside.takes(ExchangeMode::normal, 2, 1));
  EXPECT_THROW(inside.estimate(ExchangeMode::normal, ExchangePhase::dispatch, 8, {}),
               std::logic_error)
      << "a group without its nodes";
}

TEST_F(ShippedExchange, ALawOfOneNodeGoesOnOverTheStatedUplink) {
  std::vector<FittedLaw> one;
  for (const FittedLaw& law : laws()) {
    if (law.constants.at("nodes") == 1.0) {
      one.push_back(law);
    }
  }
  const Fabric uplink = load_fabric("ethernet-efa-400g");
  const ExchangeLatency law(one, load_fabric("nvlink4"), &uplink);
  const auto at = [&](int nodes, double far) {
    return law.estimate(ExchangeMode::low_latency, ExchangePhase::combine, {8 * nodes, nodes},
                        {.far_bytes = far});
  };
  // No bytes: one hop more. Many bytes: those of the uplink at the assumed share of its rate.
  EXPECT_NEAR(in_microseconds(at(2, 0.0).duration) - in_microseconds(at(1, 0.0).duration),
              in_microseconds(uplink.latency), 1e-9);
  EXPECT_NEAR(in_seconds(at(2, 1e12).duration) / (1e12 / (uplink.bandwidth.value() * 0.74)), 1.0,
              1e-3);
  EXPECT_TRUE(at(2, 0.0).extrapolated);
}

TEST_F(ShippedExchange, UnknownKernelsAreRefused) {
  std::vector<FittedLaw> wrong = {laws().front()};
  wrong.front().info.kernel_source = "deepep_lll";
  tests::expect_input_error([&] { ExchangeLatency(wrong, load_fabric("nvlink4"), nullptr); },
                            "E_VALUE", "deepep_lll", "deepep_ll, deepep_normal");
}

}  // namespace
}  // namespace moeplan::models
