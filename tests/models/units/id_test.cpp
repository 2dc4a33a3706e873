#include "models/units/id.hpp"

#include <gtest/gtest.h>

#include <set>

namespace moeplan {
namespace {

TEST(Id, KeepsItsIndexAndOrdersByIt) {
  EXPECT_EQ(ExpertId(7).index(), 7);
  EXPECT_EQ(ExpertId(7), ExpertId(7));
  EXPECT_NE(ExpertId(7), ExpertId(8));
  const std::set<LayerId> layers{LayerId(2), LayerId(0), LayerId(1), LayerId(2)};
  EXPECT_EQ(layers.size(), 3u);
  EXPECT_EQ(layers.begin()->index(), 0);
}

}  // namespace
}  // namespace moeplan
