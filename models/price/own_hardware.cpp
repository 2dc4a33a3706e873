#include "models/price/own_hardware.hpp"

#include <algorithm>

#include "models/units/require.hpp"

namespace moeplan::models {

const std::vector<std::string>& power_basis_names() {
  static const std::vector<std::string> names = {"boards", "server", "all_in"};
  return names;
}

std::string_view name_of(PowerBasis basis) {
  return power_basis_names()[static_cast<std::size_t>(basis)];
}

std::optional<PowerBasis> power_basis_from(std::string_view name) {
  const std::vector<std::string>& names = power_basis_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    return std::nullopt;
  }
  return static_cast<PowerBasis>(found - names.begin());
}

OwnedCost own_hardware_cost(const OwnHardware& machine) {
  require(machine.capex >= Usd(0.0) && machine.life > Seconds(0.0),
          "owned hardware has a price and a life");
  require(machine.utilisation > 0.0 && machine.utilisation <= 1.0,
          "utilisation is above 0 and at most 1");
  require(machine.power >= Watts(0.0) && machine.electricity >= UsdPerJoule(0.0) &&
              machine.hosting >= UsdPerSecond(0.0) && machine.operations >= UsdPerSecond(0.0) &&
              machine.licences >= UsdPerSecond(0.0),
          "power and fees are not negative");
  const bool all_in = machine.power_basis == PowerBasis::all_in;
  require(all_in != machine.pue.has_value(), "PUE belongs to power that does not hold it yet");
  require(all_in || *machine.pue >= 1.0, "a PUE is at least 1");
  const double facility = machine.pue.value_or(1.0);
  OwnedCost out;
  out.capital = machine.capex / (machine.life * machine.utilisation);
  out.energy = machine.power * facility * machine.electricity / machine.utilisation;
  out.hosting = machine.hosting / machine.utilisation;
  out.operations = machine.operations / machine.utilisation;
  out.licences = machine.licences / machine.utilisation;
  return out;
}

UsdPerSecond own_hardware_rent(const OwnHardware& machine) {
  return own_hardware_cost(machine).total();
}

}  // namespace moeplan::models
