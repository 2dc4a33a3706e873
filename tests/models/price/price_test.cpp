// Whole instances, additivity of cost (tests.md C2 23), age against a stated day.
#include <gtest/gtest.h>

#include "models/price/price_book.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::models {
namespace {

using moeplan::tests::expect_input_error;

Price price(const std::string& id, const std::string& gpu, const std::string& tier, int gpus,
            double usd_per_hour_of_instance, const std::string& as_of) {
  Price out;
  out.id = id;
  out.gpu = gpu;
  out.tier = tier;
  out.gpus = gpus;
  out.rent = usd_per_hour(usd_per_hour_of_instance);
  out.as_of = *Date::from(as_of);
  return out;
}

PriceBook book() {
  return PriceBook("test", *Date::from("2026-11-23"),
                   {price("eight", "h100-sxm", "on_demand", 8, 32.0, "2026-11-01"),
                    price("one", "h100-sxm", "on_demand", 1, 5.0, "2026-05-27"),
                    price("spot", "h100-sxm", "spot", 8, 16.0, "2026-05-26"),
                    price("a10", "a10", "on_demand", 4, 5.08, "2026-04-14")});
}

TEST(Rental, RoundsUpToInstancesAndCountsTheIdle) {
  // 9 GPUs in instances of 8: 2 instances, 7 idle, twice the rent.
  const Rental rented = rental(book().price("eight"), 9);
  EXPECT_EQ(rented.instances, 2);
  EXPECT_EQ(rented.stranded_gpus, 7);
  EXPECT_DOUBLE_EQ(in_usd_per_hour(rented.rent), 64.0);
  EXPECT_EQ(rental(book().price("eight"), 8).stranded_gpus, 0);
  EXPECT_EQ(rental(book().price("eight"), 0).instances, 0);
}

TEST(Rental, CostAddsUpOverTimeAndScalesWithThePrice) {
  const Rental rented = rental(book().price("eight"), 16);
  // 64 USD/h for 3 h and 5 h = 64 x 8 = 512 USD.
  EXPECT_NEAR(in_usd(rented.cost(hours(3.0)) + rented.cost(hours(5.0))),
              in_usd(rented.cost(hours(8.0))), 1e-9);
  EXPECT_NEAR(in_usd(rented.cost(hours(8.0))), 512.0, 1e-9);
  Price twice = book().price("eight");
  twice.rent = twice.rent * 2.0;
  EXPECT_NEAR(in_usd(rental(twice, 16).cost(hours(8.0))), 1024.0, 1e-9);
  EXPECT_EQ(rental(twice, 16).instances, rented.instances);
}

TEST(Rental, OfWholeInstancesIsAdditive) {
  // cost(8 GPUs) + cost(16 GPUs) = cost(24 GPUs) where nothing is stranded.
  const Price eight = book().price("eight");
  EXPECT_NEAR(in_usd_per_hour(rental(eight, 8).rent + rental(eight, 16).rent),
              in_usd_per_hour(rental(eight, 24).rent), 1e-9);
}

TEST(PriceBook, CheapestCountsWholeInstances) {
  // 1 GPU: 5 USD/h alone beats an eighth of an instance of 32. 8 GPUs: 32 beats 8 x 5 = 40.
  EXPECT_EQ(book().cheapest("h100-sxm", "on_demand", 1).id, "one");
  EXPECT_EQ(book().cheapest("h100-sxm", "on_demand", 6).id, "one");  // 30 against 32
  EXPECT_EQ(book().cheapest("h100-sxm", "on_demand", 7).id, "eight");
}

TEST(PriceBook, CheapestKeepsAnEngineInOneMachine) {
  EXPECT_EQ(book().cheapest("h100-sxm", "on_demand", 2, 2).id, "eight");
  // A provider that rents by the GPU but puts up to 8 of them in one machine.
  Price pod = price("pod", "h100-sxm", "on_demand", 1, 3.0, "2026-11-01");
  pod.largest = 8;
  const PriceBook with_pod("pods", *Date::from("2026-11-23"), {book().price("eight"), pod});
  EXPECT_EQ(with_pod.cheapest("h100-sxm", "on_demand", 2, 2).id, "pod");
}

TEST(PriceBook, SaysWhatItHasWhenAskedForSomethingElse) {
  const PriceBook b = book();
  expect_input_error([&] { b.cheapest("h100-smx", "on_demand"); }, "E_VALUE", "h100-smx",
                     "h100-sxm on_demand", "did you mean 'h100-sxm'");
  expect_input_error([&] { b.cheapest("a10", "on_demand", 8, 8); }, "E_VALUE", "8 in one machine",
                     "a10 on_demand (up to 4 in one machine)");
  expect_input_error([&] { b.price("eigth"); }, "E_VALUE", "did you mean 'eight'");
}

TEST(PriceBook, ListsItsGpus) {
  EXPECT_EQ(book().gpus(), (std::vector<std::string>{"a10", "h100-sxm"}));
}

TEST(PriceBook, MergedHoldsAllPricesAndIsAsYoungAsTheYoungest) {
  const PriceBook older("older", *Date::from("2026-10-01"),
                        {price("mine", "h100-sxm", "owned", 8, 20.0, "2026-10-01")});
  const PriceBook both = PriceBook::merged({older, book()});
  EXPECT_EQ(both.id(), "older + test");
  EXPECT_EQ(both.as_of().text(), "2026-11-23");
  EXPECT_EQ(both.prices().size(), 5u);
  EXPECT_EQ(both.prices().front().id, "mine");
  EXPECT_EQ(both.cheapest("h100-sxm", "owned", 8).id, "mine");
  expect_input_error(
      [&] {
        PriceBook::merged({book(), older, book()});
      },
      "E_DUPLICATE", "'test' and 'test' share a price", "eight");
}

TEST(PriceBook, RefusesTwoPricesOfOneName) {
  EXPECT_THROW(PriceBook("twins", Date::epoch(), {book().price("eight"), book().price("eight")}),
               std::logic_error);
}

TEST(Staleness, IsCountedAgainstTheGivenDayOnly) {
  // 2026-05-27 + 180 days = 2026-11-23 (4 days left of May, then 30 + 31 + 31 + 30 + 31 + 23).
  const PriceBook b = book();
  const Date day = *Date::from("2026-11-23");
  EXPECT_EQ(b.price("one").age_days(day), 180);
  EXPECT_EQ(b.price("spot").age_days(day), 181);
  std::vector<std::string> stale;
  for (const Price* p : b.stale(day)) {
    stale.push_back(p->id);
  }
  EXPECT_EQ(stale, (std::vector<std::string>{"spot", "a10"}));
  EXPECT_TRUE(b.stale(*Date::from("2026-05-01")).empty());  // not yet, on that day
  EXPECT_LT(b.price("eight").age_days(*Date::from("2026-10-01")), 0);
}

TEST(Date, ReadsAndWritesRealDays) {
  EXPECT_EQ(Date::from("1970-01-01")->days(), 0);
  EXPECT_EQ(Date::from("2000-03-01")->days(), 11017);  // 30 years of 365, 7 leap days, Jan, 29 Feb
  EXPECT_EQ(Date::from("2024-02-29")->text(), "2024-02-29");
  EXPECT_EQ(Date::from("2026-12-31")->days() + 1, Date::from("2027-01-01")->days());
  for (std::int64_t year = 1970; year < 2100; year += 7) {
    const std::string written = std::to_string(year) + "-12-31";
    EXPECT_EQ(Date::from(written)->text(), written);
  }
}

TEST(Date, RefusesWhatIsNoDay) {
  for (const char* text : {"2026-02-29", "2026-13-01", "2026-00-10", "2026-1-01", "26-01-01",
                           "2026/01/01", "1969-12-31", "2026-01-01 ", "", "2026-01-32"}) {
    EXPECT_FALSE(Date::from(text)) << text;
  }
}

}  // namespace
}  // namespace moeplan::models
