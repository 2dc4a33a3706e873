// Price books: data/prices. Every price carries its own source and day.

#include <fmt/core.h>

#include <map>

#include "models/catalog/catalog.hpp"
#include "models/catalog/files.hpp"
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
  price.rent = entry.quantity<kRent>("rent");
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
