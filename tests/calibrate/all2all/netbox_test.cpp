// Does a law fitted from messages between two hosts predict exchanges of four?
#include "tests/calibrate/all2all/netbox.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/calibrate/all2all/ranks.hpp"

namespace moeplan::tests {
namespace {

TEST(Netbox, ALawOfTwoHostsHoldsForExchangesOfFour) {
  if (!why_no_ranks().empty()) {
    GTEST_SKIP() << why_no_ranks();
  }
  // Four hosts share these cores: beside other work, ranks wait for a core and not for the network.
  double load = 0.0;
  if (::getloadavg(&load, 1) == 1 && load > 1.0) {
    GTEST_SKIP() << "the machine is busy: load " << load;
  }
  try {
    Netbox(2, "50mbit");
  } catch (const std::runtime_error& error) {
    GTEST_SKIP() << error.what();
  }
  const NetboxFigures figures = netbox_figures(MOEPLAN_MEASURE_PROGRAM);
  std::cout << figures.rows << "rate " << figures.bandwidth_ratio << " of the configured one\n";
  EXPECT_NEAR(figures.bandwidth_ratio, 1.0, 0.05);
  EXPECT_GE(figures.lowest, 0.95);
  EXPECT_LE(figures.highest, 1.10);
}

}  // namespace
}  // namespace moeplan::tests
