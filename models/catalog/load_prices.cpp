// Price books: data/prices. Every price carries its own source and day; an owned machine states,
// instead of a rent, what it is made of, and every one of these figures has its own source.

#include <fmt/core.h>

#include <map>

#include "models/catalog/catalog.hpp"
#include "models/catalog/files.hpp"
#include "models/catalog/sourced.hpp"
#include "models/text/load.hpp"
#include "models/text/reader.hpp"

namespace moeplan::models {
namespace {

constexpr text::Range kGpuCount{.low = 1.0, .high = 4096.0};

Date date(text::Reader& reader, const std::string& key) {
  const std::string written = reader.string(key);
  const std::optional<Date> day = Date::from(written);
  if (!day && reader.has(key)) {
    reader.problem(key, "E_VALUE", fmt::format("'{}' is not a day", written),
                   "YYYY-MM-DD, 1970 or later");
  }
  return day.value_or(Date::epoch());
}

std::string required_text(text::Reader& reader, const std::string& key) {
  std::string value = reader.string(key);
  if (value.empty() && reader.has(key)) {
    reader.problem(key, "E_VALUE", "this must say something", "a text that is not empty");
  }
  return value;
}

// {value: 0.8, source: key}.
double sourced_number(text::Reader& own, const Sources& sources, const std::string& key,
                      const text::Range& range, OwnHardware& machine) {
  text::Reader section = own.section(key);
  const double value = section.number("value", range);
  if (own.has(key)) {
    machine.sources[key] = sources.of(section);
  }
  section.finish();
  return value;
}

// Fees may be 0, but must be stated: what is left out of a cost is as much a figure as what is in.
UsdPerSecond fee(text::Reader& own, const Sources& sources, const std::string& key,
                 OwnHardware& machine) {
  text::Reader section = own.section(key);
  const auto value = section.quantity<kRent>("value", text::kNonNegative);
  if (own.has(key)) {
    machine.sources[key] = sources.of(section);
  }
  section.finish();
  return value;
}

// own: {capex, life, utilisation, power (with its basis), pue (unless all_in), electricity,
// hosting, operations, licences}, each {value, source}; the documents are in own/sources.
OwnHardware read_own(text::Reader& own) {
  const Sources sources(own);
  OwnHardware machine;
  machine.capex = sources.quantity<kMoney>(own, "capex", machine.sources);
  machine.life = sources.quantity<kTime>(own, "life", machine.sources);
  machine.utilisation = sourced_number(own, sources, "utilisation",
                                       {.low = 0.0, .high = 1.0, .low_open = true}, machine);
  text::Reader power = own.section("power");
  machine.power = power.quantity<kPower>("value");
  const std::string basis = power.choice("basis", power_basis_names());
  machine.power_basis = power_basis_from(basis).value_or(PowerBasis::server);
  machine.sources["power"] = own.has("power") ? sources.of(power) : "";
  power.finish();
  if (machine.power_basis != PowerBasis::all_in) {
    machine.pue = sourced_number(own, sources, "pue", {.low = 1.0, .high = 3.0}, machine);
  } else if (own.optional_node("pue") != nullptr) {
    own.problem("pue", "E_VALUE", "all-in power already holds the PUE: it would count twice",
                "no pue, or power with basis boards or server");
  }
  machine.electricity = sources.quantity<kEnergyPrice>(own, "electricity", machine.sources);
  machine.hosting = fee(own, sources, "hosting", machine);
  machine.operations = fee(own, sources, "operations", machine);
  machine.licences = fee(own, sources, "licences", machine);
  own.finish();
  return machine;
}

// rent, or for the tier owned: own. A rent beside own would leave open which one counts.
void read_rent(text::Reader& entry, Price& price) {
  if (price.tier != "owned") {
    price.rent = entry.quantity<kRent>("rent");
    return;
  }
  text::Reader own = entry.section("own");
  const std::size_t before = entry.problems().list().size();
  OwnHardware machine = read_own(own);
  if (entry.problems().list().size() == before && entry.has("own")) {
    price.rent = own_hardware_rent(machine);
    price.own = std::move(machine);
  }
}

Price read_price(text::Reader& entry) {
  Price price;
  price.id = required_text(entry, "id");
  price.provider = required_text(entry, "provider");
  price.instance = required_text(entry, "instance");
  price.gpu = required_text(entry, "gpu");
  price.tier = entry.choice("tier", price_tiers());
  price.region = required_text(entry, "region");
  price.gpus = static_cast<int>(entry.count("gpus", kGpuCount));
  price.largest = static_cast<int>(entry.count("largest", price.gpus, kGpuCount));
  read_rent(entry, price);
  price.as_of = date(entry, "as_of");
  price.source = required_text(entry, "source");
  price.note = entry.string("note", "");
  if (price.gpus > 0 && (price.largest < price.gpus || price.largest % price.gpus != 0)) {
    entry.problem("largest", "E_RANGE", "the largest machine is not a number of instances",
                  fmt::format("a multiple of gpus ({})", price.gpus));
  }
  entry.finish();
  return price;
}

}  // namespace

PriceBook load_price_book(const std::string& id_or_path) {
  const std::filesystem::path path = named_path("prices", "price book", id_or_path);
  const text::Document document = text::load_yaml(path);
  text::Problems problems(document);
  text::Reader file(problems, document.root);
  text::check_schema(file, "moeplan.price_book", 1, 1);
  const Date as_of = date(file, "as_of");
  file.choice("currency", {"USD"});
  std::vector<Price> prices;
  std::map<std::string, Mark> seen;
  for (text::Reader& entry : file.sections("prices")) {
    prices.push_back(read_price(entry));
    const auto [first, fresh] = seen.emplace(prices.back().id, entry.map().mark);
    if (!fresh) {
      entry.problem("id", "E_DUPLICATE", "two prices share this id",
                    fmt::format("another id than in line {}", first->second.line));
    }
  }
  if (prices.empty() && file.has("prices")) {
    file.problem("prices", "E_RANGE", "a price book without prices", "at least one price");
  }
  file.finish();
  problems.throw_if_any();
  return PriceBook(path.stem().string(), as_of, std::move(prices));
}

}  // namespace moeplan::models
