// Does the fingerprint say what the machine is without saying which one?
#include "calibrate/measurement/fingerprint.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

namespace moeplan::calibrate {
namespace {

TEST(Fingerprint, KnowsTheMachine) {
  const auto found = host_fingerprint();
  for (const char* key : {"cpu", "cores", "l2_bytes", "memory_bytes", "kernel", "compiler",
                          "moeplan", "host_hash", "governor", "virtual_machine"}) {
    ASSERT_TRUE(found.contains(key)) << key;
    EXPECT_FALSE(found.at(key).empty()) << key;
  }
  EXPECT_TRUE(found.at("kernel").starts_with("Linux "));
  EXPECT_GT(memory_bytes(), 1e8);
  EXPECT_GE(usable_cores(), 1);
  EXPECT_EQ(found, host_fingerprint());
}

TEST(Fingerprint, NamesNoHostAndNoPath) {
  std::array<char, 256> host{};
  ASSERT_EQ(::gethostname(host.data(), host.size() - 1), 0);
  const std::string name = host.data();
  for (const auto& [key, value] : host_fingerprint()) {
    EXPECT_EQ(value.find('/'), std::string::npos) << key;
    if (name.size() > 4) {  // shorter ones may be in any word
      EXPECT_EQ(value.find(name), std::string::npos) << key;
    }
  }
}

}  // namespace
}  // namespace moeplan::calibrate
