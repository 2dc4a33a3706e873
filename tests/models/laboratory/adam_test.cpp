// Adam against steps computed by hand.
#include "models/laboratory/adam.hpp"

#include <gtest/gtest.h>

namespace moeplan::models {
namespace {

std::span<float> one(float& number) { return {&number, 1}; }

// b1 0.9, b2 0.99, rate 0.1, p = 1.
// g = 0.5:   m = 0.05,  v = 0.0025; m^ = 0.05 / 0.1 = 0.5, v^ = 0.0025 / 0.01 = 0.25;
//            p = 1 - 0.1 x 0.5 / 0.5 = 0.9
// g = -0.25: m = 0.9 x 0.05 - 0.1 x 0.25 = 0.02, v = 0.99 x 0.0025 + 0.01 x 0.0625 = 0.0031;
//            m^ = 0.02 / 0.19 = 0.1052632, v^ = 0.0031 / 0.0199 = 0.1557789;
//            p = 0.9 - 0.1 x 0.1052632 / 0.3946883 = 0.8733300
TEST(Adam, StepsAsComputedByHand) {
  float p = 1.0f;
  float g = 0.5f;
  const std::vector<std::span<float>> weights = {one(p)};
  const std::vector<std::span<float>> slopes = {one(g)};
  Adam adam(weights, {.first = 0.9f, .second = 0.99f, .epsilon = 0.0f});
  adam.step(weights, slopes, 0.1);
  EXPECT_NEAR(p, 0.9, 1e-6);
  g = -0.25f;
  adam.step(weights, slopes, 0.1);
  EXPECT_NEAR(p, 0.87333, 1e-6);
}

// The first step is the rate, whatever the size of the gradient: m^ / sqrt v^ = sign g.
TEST(Adam, FirstStepDoesNotDependOnTheSizeOfTheGradient) {
  for (const float slope : {1e-4f, 1.0f, 1e4f}) {
    float p = 0.0f;
    float g = slope;
    const std::vector<std::span<float>> weights = {one(p)};
    const std::vector<std::span<float>> slopes = {one(g)};
    Adam(weights, {}).step(weights, slopes, 0.25);
    EXPECT_NEAR(p, -0.25, 1e-3);
  }
}

TEST(Adam, RefusesOtherParameters) {
  float p = 0.0f;
  std::vector<float> two(2);
  const std::vector<std::span<float>> weights = {one(p)};
  const std::vector<std::span<float>> other = {{two.data(), 2}};
  Adam adam(weights, {});
  EXPECT_THROW(adam.step(other, other, 0.1), std::logic_error);
  EXPECT_THROW(adam.step(weights, {}, 0.1), std::logic_error);
}

}  // namespace
}  // namespace moeplan::models
