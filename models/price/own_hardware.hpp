#pragma once
// What owned machines cost per hour of use: purchase, energy, hosting, operations, licences.
// The result is a rent like any other: an offer of tier `owned` in a price book.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/units/quantity.hpp"

namespace moeplan::models {

// What a stated power covers; it decides whether PUE is still to be applied.
//   boards:  the GPUs alone (sum of their board powers); leaves out CPUs, fans and NICs
//   server:  the whole machine at its plug
//   all_in:  the machine's share at the facility's meter, cooling and losses included
enum class PowerBasis { boards, server, all_in };

// "boards server all_in".
std::string_view name_of(PowerBasis basis);
std::optional<PowerBasis> power_basis_from(std::string_view name);
const std::vector<std::string>& power_basis_names();

// One machine, or one share of a cluster; every figure is of the whole machine.
struct OwnHardware {
  Usd capex;                 // machine and its share of the network, less what it is sold for later
  Seconds life;              // over which capex is written off
  double utilisation = 1.0;  // hours in use / hours owned, (0, 1]; spares and idle nights lower it
  Watts power;
  PowerBasis power_basis = PowerBasis::server;
  // Facility power / machine power, >= 1. Present exactly when power_basis is not all_in: all-in
  // power already holds it, and counting it twice is refused.
  std::optional<double> pue;
  UsdPerJoule electricity;
  UsdPerSecond hosting;                        // floor space and remote hands, per hour owned
  UsdPerSecond operations;                     // people and spare parts, per hour owned
  UsdPerSecond licences;                       // per hour owned
  std::map<std::string, std::string> sources;  // field -> document, page or URL, date
};

// Per hour of use; the parts add up to the total.
struct OwnedCost {
  UsdPerSecond capital;
  UsdPerSecond energy;
  UsdPerSecond hosting;
  UsdPerSecond operations;
  UsdPerSecond licences;
  UsdPerSecond total() const { return capital + energy + hosting + operations + licences; }
  // Of so many machines.
  OwnedCost times(double machines) const {
    return {capital * machines, energy * machines, hosting * machines, operations * machines,
            licences * machines};
  }
};

// Cost of one machine per hour of use, in its parts:
//   capital = capex / (life * utilisation)
//   energy  = power * (pue, or 1 when all-in) * electricity / utilisation
//   others  = (hosting, operations, licences) / utilisation
// Everything is paid for every hour owned and carried by the hours in use. Power is taken as drawn
// through all hours owned: an upper bound for machines that idle or are switched off.
// Valid for capex >= 0, life > 0, 0 < utilisation <= 1, power >= 0, fees >= 0, pue >= 1.
// Throws: std::logic_error outside of that, for PUE on all-in power, and for PUE missing on other
// power.
// Source: the design's formats.md 5 for capital and energy; it adds the fees undivided, which is
// the same where they are quoted per hour of use.
OwnedCost own_hardware_cost(const OwnHardware& machine);

// own_hardware_cost(machine).total(): USD per second of use of the whole machine.
UsdPerSecond own_hardware_rent(const OwnHardware& machine);

}  // namespace moeplan::models
