// Total cost of owned machines by hand, PUE counted once, and what scales with what (tests.md C2
// 23).
#include "models/price/own_hardware.hpp"

#include <gtest/gtest.h>

#include "models/price/energy.hpp"
#include "models/price/price_book.hpp"

namespace moeplan::models {
namespace {

// 87,600 USD over 8,760 h, in use half of them; 10 kW at 0.10 USD/kWh; PUE 1.5; fees of 2, 1, 0.5
// USD an hour.
OwnHardware machine() {
  OwnHardware out;
  out.capex = usd(87600.0);
  out.life = hours(8760.0);
  out.utilisation = 0.5;
  out.power = Watts(10e3);
  out.power_basis = PowerBasis::server;
  out.pue = 1.5;
  out.electricity = UsdPerJoule(0.10 / 3.6e6);
  out.hosting = usd_per_hour(2.0);
  out.operations = usd_per_hour(1.0);
  out.licences = usd_per_hour(0.5);
  return out;
}

TEST(OwnHardware, CostsWhatTheHandComputes) {
  const OwnedCost cost = own_hardware_cost(machine());
  EXPECT_NEAR(in_usd_per_hour(cost.capital), 20.0, 1e-9);  // 87600 / (8760 x 0.5)
  EXPECT_NEAR(in_usd_per_hour(cost.energy), 3.0, 1e-9);    // 10 x 1.5 x 0.10 / 0.5
  EXPECT_NEAR(in_usd_per_hour(cost.hosting), 4.0, 1e-9);   // paid all hours, carried by half
  EXPECT_NEAR(in_usd_per_hour(cost.operations), 2.0, 1e-9);
  EXPECT_NEAR(in_usd_per_hour(cost.licences), 1.0, 1e-9);
  EXPECT_NEAR(in_usd_per_hour(own_hardware_rent(machine())), 30.0, 1e-9);
}

TEST(OwnHardware, AgreesWithTheDesignsExample) {
  // formats.md 5: 1.73 kW (all-in) x 0.0929 USD/kWh = 0.16 USD per GPU and hour, at full use.
  OwnHardware gpu = machine();
  gpu.utilisation = 1.0;
  gpu.power = Watts(1730.0);
  gpu.power_basis = PowerBasis::all_in;
  gpu.pue.reset();
  gpu.electricity = UsdPerJoule(0.0929 / 3.6e6);
  EXPECT_NEAR(in_usd_per_hour(own_hardware_cost(gpu).energy), 0.160717, 1e-6);  // 1.73 x 0.0929
}

TEST(OwnHardware, CountsThePueOnce) {
  // The same machine metered before and after cooling: 10 kW x 1.5 = 15 kW all-in.
  OwnHardware all_in = machine();
  all_in.power = Watts(15e3);
  all_in.power_basis = PowerBasis::all_in;
  all_in.pue.reset();
  EXPECT_NEAR(in_usd_per_hour(own_hardware_cost(all_in).energy), 3.0, 1e-9);
  all_in.pue = 1.5;  // twice: refused
  EXPECT_THROW(own_hardware_rent(all_in), std::logic_error);
  OwnHardware forgotten = machine();
  forgotten.pue.reset();  // never: refused
  EXPECT_THROW(own_hardware_rent(forgotten), std::logic_error);
}

TEST(OwnHardware, PartsAddUpAndTwoMachinesCostTwice) {
  OwnHardware two = machine();
  two.capex = two.capex * 2.0;
  two.power = two.power * 2.0;
  two.hosting = two.hosting * 2.0;
  two.operations = two.operations * 2.0;
  two.licences = two.licences * 2.0;
  EXPECT_NEAR(in_usd_per_hour(own_hardware_rent(two)), 60.0, 1e-9);
}

TEST(OwnHardware, EveryPartScalesWithItsOwnPriceOnly) {
  OwnHardware dear = machine();
  dear.electricity = dear.electricity * 2.0;
  EXPECT_NEAR(in_usd_per_hour(own_hardware_rent(dear)), 33.0, 1e-9);
  EXPECT_EQ(own_hardware_cost(dear).capital, own_hardware_cost(machine()).capital);
  OwnHardware longer = machine();
  longer.life = longer.life * 2.0;  // 20 -> 10 USD/h of capital
  EXPECT_NEAR(in_usd_per_hour(own_hardware_rent(longer)), 20.0, 1e-9);
  OwnHardware busier = machine();
  busier.utilisation = 1.0;  // everything is carried by twice the hours
  EXPECT_NEAR(in_usd_per_hour(own_hardware_rent(busier)), 15.0, 1e-9);
}

TEST(OwnHardware, RefusesWhatIsNoMachine) {
  const auto refused = [](auto change) {
    OwnHardware m = machine();
    change(m);
    EXPECT_THROW(own_hardware_rent(m), std::logic_error);
  };
  refused([](OwnHardware& m) { m.utilisation = 0.0; });
  refused([](OwnHardware& m) { m.utilisation = 1.01; });
  refused([](OwnHardware& m) { m.life = Seconds(0.0); });
  refused([](OwnHardware& m) { m.capex = usd(-1.0); });
  refused([](OwnHardware& m) { m.power = Watts(-1.0); });
  refused([](OwnHardware& m) { m.licences = usd_per_hour(-1.0); });
  refused([](OwnHardware& m) { m.pue = 0.99; });
}

TEST(OwnHardware, PowerBasesReadBack) {
  for (const std::string& name : power_basis_names()) {
    EXPECT_EQ(name_of(*power_basis_from(name)), name);
  }
  EXPECT_FALSE(power_basis_from("tdp"));
}

TEST(OwnHardware, IsAnOfferOfWholeMachines) {
  Price owned;
  owned.id = "mine";
  owned.gpu = "h100-sxm";
  owned.tier = "owned";
  owned.gpus = 8;
  owned.own = machine();
  owned.rent = own_hardware_rent(*owned.own);
  const PriceBook book("own", *Date::from("2026-11-23"), {owned});
  // 9 GPUs: two machines, 7 idle, 60 USD/h.
  const Rental two = rental(book.cheapest("h100-sxm", "owned", 9), 9);
  EXPECT_EQ(two.instances, 2);
  EXPECT_EQ(two.stranded_gpus, 7);
  EXPECT_NEAR(in_usd_per_hour(two.rent), 60.0, 1e-9);
  EXPECT_TRUE(book.matching("h100-sxm", "on_demand").empty());
}

TEST(EnergyPerToken, IsBoardPowerTimesBusyShareOverRate) {
  // 8 boards of 700 W, busy 60 % of the time, 1000 tokens/s: 8 x 700 x 0.6 / 1000 = 3.36 J.
  const JoulesPerToken one = energy_per_token(Watts(700.0), 8, 0.6, tokens_per_second(1000.0));
  EXPECT_NEAR(in_joules(one), 3.36, 1e-12);
  // Twice the boards at twice the rate: the same; an idle machine: none.
  EXPECT_NEAR(in_joules(energy_per_token(Watts(700.0), 16, 0.6, tokens_per_second(2000.0))), 3.36,
              1e-12);
  EXPECT_EQ(in_joules(energy_per_token(Watts(700.0), 8, 0.0, tokens_per_second(1.0))), 0.0);
  // Its money: 3.36 J at 0.0929 USD/kWh = 8.67e-8 USD, 8.7 cents per million tokens.
  const UsdPerToken money = one * UsdPerJoule(0.0929 / 3.6e6);
  EXPECT_NEAR(in_usd_per_million_tokens(money), 0.0867067, 1e-6);
}

TEST(EnergyPerToken, RefusesWhatIsNoShareOrRate) {
  EXPECT_THROW(energy_per_token(Watts(700.0), 8, 1.1, tokens_per_second(1.0)), std::logic_error);
  EXPECT_THROW(energy_per_token(Watts(700.0), 8, 0.5, tokens_per_second(0.0)), std::logic_error);
  EXPECT_THROW(energy_per_token(Watts(-1.0), 8, 0.5, tokens_per_second(1.0)), std::logic_error);
}

}  // namespace
}  // namespace moeplan::models
