#include "models/price/price_book.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "models/text/input_error.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {

const std::vector<std::string>& price_tiers() {
  static const std::vector<std::string> tiers = {"on_demand",      "reserved_1y", "reserved_3y",
                                                 "capacity_block", "spot",        "owned"};
  return tiers;
}

Rental rental(const Price& price, std::int64_t gpus) {
  require(gpus >= 0 && price.gpus > 0, "a rental has no negative number of GPUs");
  Rental out;
  out.gpus = gpus;
  out.instances = (gpus + price.gpus - 1) / price.gpus;
  out.stranded_gpus = out.instances * price.gpus - gpus;
  out.rent = price.rent * static_cast<double>(out.instances);
  return out;
}

PriceBook::PriceBook(std::string id, Date as_of, std::vector<Price> prices)
    : id_(std::move(id)), as_of_(as_of), prices_(std::move(prices)) {
  std::set<std::string> ids;
  for (const Price& price : prices_) {
    require(ids.insert(price.id).second, "two prices share an id");
  }
}

PriceBook PriceBook::merged(const std::vector<PriceBook>& books) {
  require(!books.empty(), "at least one price book");
  std::string id;
  Date as_of = books.front().as_of();
  std::vector<Price> prices;
  std::map<std::string, std::string> owner;  // price id -> book
  for (const PriceBook& book : books) {
    id += (id.empty() ? "" : " + ") + book.id();
    as_of = as_of < book.as_of() ? book.as_of() : as_of;
    for (const Price& price : book.prices()) {
      const auto [first, fresh] = owner.emplace(price.id, book.id());
      if (!fresh) {
        throw InputError(Problem{.code = "E_DUPLICATE",
                                 .what = fmt::format("the price books '{}' and '{}' share a price",
                                                     first->second, book.id()),
                                 .got = price.id,
                                 .expected = "every price once"});
      }
      prices.push_back(price);
    }
  }
  return PriceBook(std::move(id), as_of, std::move(prices));
}

std::vector<std::string> PriceBook::gpus() const {
  std::set<std::string> names;
  for (const Price& price : prices_) {
    names.insert(price.gpu);
  }
  return {names.begin(), names.end()};
}

const Price& PriceBook::price(const std::string& id) const {
  std::vector<std::string> ids;
  for (const Price& price : prices_) {
    if (price.id == id) {
      return price;
    }
    ids.push_back(price.id);
  }
  throw InputError(Problem{.code = "E_VALUE",
                           .file = {},
                           .mark = {},
                           .pointer = {},
                           .what = fmt::format("price book '{}' has no such price", id_),
                           .got = id,
                           .expected = joined(ids),
                           .fix = did_you_mean(id, ids)});
}

std::vector<const Price*> PriceBook::matching(const std::string& gpu,
                                              const std::string& tier) const {
  std::vector<const Price*> out;
  for (const Price& price : prices_) {
    if (price.gpu == gpu && price.tier == tier) {
      out.push_back(&price);
    }
  }
  return out;
}

const Price& PriceBook::cheapest(const std::string& gpu, const std::string& tier, std::int64_t gpus,
                                 std::int64_t together) const {
  const Price* best = nullptr;
  for (const Price* price : matching(gpu, tier)) {
    if (std::max(price->largest, price->gpus) < together) {
      continue;
    }
    if (best == nullptr || rental(*price, gpus).rent < rental(*best, gpus).rent) {
      best = price;
    }
  }
  if (best != nullptr) {
    return *best;
  }
  std::set<std::string> known;
  for (const Price& price : prices_) {
    known.insert(fmt::format("{} {} (up to {} in one machine)", price.gpu, price.tier,
                             std::max(price.largest, price.gpus)));
  }
  const std::vector<std::string> offers(known.begin(), known.end());
  throw InputError(Problem{.code = "E_VALUE",
                           .file = {},
                           .mark = {},
                           .pointer = {},
                           .what = fmt::format("price book '{}' has no such offer", id_),
                           .got = fmt::format("{} {}, {} in one machine", gpu, tier, together),
                           .expected = joined(offers),
                           .fix = did_you_mean(gpu, this->gpus())});
}

std::vector<const Price*> PriceBook::stale(Date day) const {
  std::vector<const Price*> out;
  for (const Price& price : prices_) {
    if (price.age_days(day) > kStaleDays) {
      out.push_back(&price);
    }
  }
  return out;
}

}  // namespace moeplan::models
