// Planted host times and waiting come back from the passes that they give, and wrong sets of points
// are refused.

#include <gtest/gtest.h>

#include "calibrate/fitting/fit_static_forward.hpp"
#include "models/catalog/catalog.hpp"
#include "models/text/input_error.hpp"

namespace moeplan::calibrate {
namespace {

using models::ForwardUse;

class StaticForwardFit : public ::testing::Test {
 protected:
  models::Profile fitted() const { return fit_static_forward(published_, gpu_, fabric_); }

  // The passes as a law with these numbers gives them.
  void plant(const models::FittedLaw& law) {
    const models::StaticForward forward(law, gpu_, fabric_);
    for (models::ForwardPoint& point : published_.points) {
      point.duration =
          predicted(forward.estimate(models::load_architecture(point.model),
                                     {.sequences = point.sequences,
                                      .length = point.length,
                                      .gpus = static_cast<int>(point.gpus),
                                      .expert_ranks = static_cast<int>(point.expert_ranks)}),
                    point.quantity);
    }
  }

  models::PublishedForward published_ = models::load_published_forward("sarkar-2024");
  models::Gpu gpu_ = models::load_gpu("a10");
  models::Fabric fabric_ = models::load_fabric(gpu_.fabric);
};

TEST_F(StaticForwardFit, RecoversPlantedParameters) {
  models::FittedLaw law = fitted().laws.at(0);
  law.theta = {{"layer_s", 5e-4}, {"moe_layer_s", 2e-3}, {"expert_s", 4e-5}};
  law.constants["wait_fraction_per_gpu"] = 0.03;
  plant(law);
  const models::FittedLaw found = fitted().laws.at(0);
  EXPECT_NEAR(found.constants.at("wait_fraction_per_gpu"), 0.03, 1e-6);
  for (const auto& [name, value] : law.theta) {
    EXPECT_NEAR(found.theta.at(name), value, 1e-4 * value) << name;
  }
  // The law is right, so unseen points are met too; the band keeps its floor of 0.02.
  EXPECT_LT(found.errors.leave_one_expert_count_out->p90, 1e-4);
  EXPECT_DOUBLE_EQ(found.info.discrepancy_sd_log, 0.02);
}

// Experts that cost less than nothing in the fitted points: the term is off, never negative.
TEST_F(StaticForwardFit, NoParameterIsNegative) {
  for (models::ForwardPoint& point : published_.points) {
    if (point.figure == "2a" && point.use == ForwardUse::fit) {
      point.duration = milliseconds(point.model == "paper-354m-8e" ? 120.0 : 60.0);
    }
  }
  const models::FittedLaw law = fitted().laws.at(0);
  for (const auto& [name, value] : law.theta) {
    EXPECT_GT(value, 0.0) << name;
  }
}

// Shorter on more GPUs: no waiting, not a negative one.
TEST_F(StaticForwardFit, WaitingIsNotNegative) {
  for (models::ForwardPoint& point : published_.points) {
    if (point.use == ForwardUse::growth) {
      point.duration = milliseconds(point.gpus == 2 ? 100.0 : 90.0);
    }
  }
  EXPECT_EQ(fitted().laws.at(0).constants.at("wait_fraction_per_gpu"), 0.0);
}

TEST_F(StaticForwardFit, WrongSetsOfPointsAreRefused) {
  published_.points.at(0).use = ForwardUse::check;
  EXPECT_THROW(fitted(), InputError);  // two points for three parameters
  published_ = models::load_published_forward("sarkar-2024");
  for (models::ForwardPoint& point : published_.points) {
    if (point.use == ForwardUse::growth && point.gpus == 8) {
      point.length = 512;  // not the same work
    }
  }
  EXPECT_THROW(fitted(), InputError);
}

}  // namespace
}  // namespace moeplan::calibrate
