// Addressing of random numbers: which word belongs to whom. The distributions are in
// random_variates_test.cpp.
#include "sim/engine/random_stream.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "sim/engine/philox.hpp"

namespace moeplan::sim {
namespace {

std::uint64_t joined(std::uint32_t low, std::uint32_t high) {
  return low | std::uint64_t{high} << 32;
}

// The address as documented: key = seed, counter = {block, stream}. FNV-1a of "foobar" is
// 0x85944171f73967e8 (a test vector of draft-eastlake-fnv).
TEST(RandomStream, WordsAreTheGeneratorAtTheDocumentedAddress) {
  const RandomStream stream(0x0123456789ABCDEF, "foobar");
  for (std::uint32_t block = 0; block < 4; ++block) {
    const PhiloxCounter words =
        philox4x32_10({block, 0, 0xf73967e8, 0x85944171}, {0x89ABCDEF, 0x01234567});
    EXPECT_EQ(stream.at(2 * block), joined(words[0], words[1]));
    EXPECT_EQ(stream.at(2 * block + 1), joined(words[2], words[3]));
  }
  // Blocks beyond 2^32 use the second counter word.
  const PhiloxCounter far = philox4x32_10({5, 1, 0xf73967e8, 0x85944171}, {0x89ABCDEF, 0x01234567});
  EXPECT_EQ(stream.at(2 * ((std::uint64_t{1} << 32) + 5)), joined(far[0], far[1]));
}

// SplitMix64 from state 0 gives 0xE220A8397B1DCDAF first (published with the reference code,
// prng.di.unimi.it/splitmix64.c); an id equal to the name's hash brings the state to 0.
TEST(RandomStream, EntityIdsGoThroughSplitMix) {
  const RandomStream stream(0, "foobar", {static_cast<std::int64_t>(0x85944171f73967e8)});
  const PhiloxCounter words = philox4x32_10({0, 0, 0x7B1DCDAF, 0xE220A839}, {0, 0});
  EXPECT_EQ(stream.at(0), joined(words[0], words[1]));
}

TEST(RandomStream, SequenceAndRandomAccessAreTheSameWords) {
  RandomStream stream(3, "access");
  std::vector<std::uint64_t> words;
  for (int i = 0; i < 101; ++i) {
    words.push_back(stream.next());
  }
  for (std::size_t i = words.size(); i-- > 0;) {
    EXPECT_EQ(stream.at(i), words[i]);
  }
  EXPECT_EQ(stream.position(), 101u);  // at() does not move it
  stream.seek(17);
  EXPECT_EQ(stream.next(), words[17]);
  EXPECT_EQ(stream.position(), 18u);
  stream.seek(4);
  EXPECT_EQ(stream.next(), words[4]);
}

// tests.md C2 27: one more entity, or more draws by one, shifts nobody.
TEST(RandomStream, AddingAnEntityShiftsNobody) {
  const auto first_words = [](int entities, int draws_of_entity_0) {
    std::vector<RandomStream> streams;
    for (int e = 0; e < entities; ++e) {
      streams.emplace_back(9, "step jitter", std::initializer_list<std::int64_t>{e});
    }
    for (int i = 0; i < draws_of_entity_0; ++i) {
      streams[0].next();
    }
    std::vector<std::uint64_t> words;
    for (std::size_t e = 1; e < 4; ++e) {
      words.push_back(streams[e].next());
    }
    return words;
  };
  EXPECT_EQ(first_words(4, 0), first_words(100, 1000));
}

TEST(RandomStream, DifferentAddressesGiveDifferentWords) {
  std::set<std::uint64_t> first;
  int streams = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (const char* name : {"", "a", "b", "ab", "arrivals", "arrival gaps"}) {
      first.insert(RandomStream(seed, name).at(0));
      ++streams;
      for (std::int64_t id = -5; id < 20; ++id) {
        first.insert(RandomStream(seed, name, {id}).at(0));
        first.insert(RandomStream(seed, name, {0, id}).at(0));
        first.insert(RandomStream(seed, name, {id, 1}).at(0));
        streams += 3;
      }
    }
  }
  // {0, 1} is written twice for every (seed, name); everything else is its own stream.
  EXPECT_EQ(first.size(), static_cast<std::size_t>(streams - 20 * 6));
}

// Neighbouring streams are uncorrelated: for n independent uniform pairs the sample correlation has
// standard deviation 1/sqrt(n); 4 of them for 60 pairs of streams.
TEST(RandomStream, NeighbouringStreamsAreUncorrelated) {
  constexpr int kDraws = 20'000;
  const auto correlation = [](RandomStream a, RandomStream b) {
    double sum = 0.0;
    for (int i = 0; i < kDraws; ++i) {
      sum += (a.uniform() - 0.5) * (b.uniform() - 0.5);
    }
    return sum / kDraws * 12.0;  // the variance of a uniform number is 1/12
  };
  const double limit = 4.0 / std::sqrt(static_cast<double>(kDraws));
  for (std::int64_t id = 0; id < 20; ++id) {
    const RandomStream here(5, "replica", {id});
    EXPECT_LT(std::fabs(correlation(here, RandomStream(5, "replica", {id + 1}))), limit);
    EXPECT_LT(std::fabs(correlation(here, RandomStream(6, "replica", {id}))), limit);
    RandomStream later = here;
    later.seek(1);
    EXPECT_LT(std::fabs(correlation(here, later)), limit);
  }
}

}  // namespace
}  // namespace moeplan::sim
