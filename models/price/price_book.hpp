#pragma once
// PriceBook: what whole instances rent for (or cost to own), each with source and date. Clouds rent
// instances, not GPUs: a deployment pays for all GPUs of the instances it touches, and the idle
// ones are counted.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/price/date.hpp"
#include "models/price/own_hardware.hpp"
#include "models/units/quantity.hpp"

namespace moeplan::models {

struct Price {
  std::string id;  // "aws-p5.48xlarge-on_demand"
  std::string provider;
  std::string instance;
  std::string gpu;   // catalog id
  std::string tier;  // on_demand reserved_1y reserved_3y capacity_block spot owned
  std::string region;
  std::string source;
  Date as_of = Date::epoch();  // the day the price was seen
  std::string note;            // "OLD", "SECONDARY" and the like with the reason; may be empty
  int gpus = 0;                // in the instance, the unit of rent
  int largest = 0;    // GPUs that one machine holds at this rate, a multiple of gpus; 0: gpus
  UsdPerSecond rent;  // of the whole instance; of an owned one, own_hardware_rent(*own)
  std::optional<OwnHardware> own;  // exactly when tier is owned

  UsdPerSecond rent_per_gpu() const { return rent / static_cast<double>(gpus); }
  // Days from as_of to the given day; negative when the price is younger than that day.
  std::int64_t age_days(Date day) const { return day.days() - as_of.days(); }
};

const std::vector<std::string>& price_tiers();

// Prices older than this on the scenario's day are warned about.
inline constexpr std::int64_t kStaleDays = 180;

// A number of GPUs, rented.
struct Rental {
  std::int64_t instances = 0;
  std::int64_t gpus = 0;           // that are used
  std::int64_t stranded_gpus = 0;  // paid for and idle
  UsdPerSecond rent;               // of all instances

  Usd cost(Seconds duration) const { return rent * duration; }
};

// Whole instances: ceil(gpus / price.gpus). Throws: std::logic_error for gpus < 0.
Rental rental(const Price& price, std::int64_t gpus);

class PriceBook {
 public:
  // Throws: std::logic_error when two prices share an id.
  PriceBook(std::string id, Date as_of, std::vector<Price> prices);

  // All prices of several books, in their order: id "a + b", made when the youngest was.
  // Throws: InputError E_DUPLICATE when two books share a price id; std::logic_error for none.
  static PriceBook merged(const std::vector<PriceBook>& books);

  const std::string& id() const { return id_; }
  Date as_of() const { return as_of_; }  // the day the book was made
  const std::vector<Price>& prices() const { return prices_; }
  std::vector<std::string> gpus() const;  // sorted, each once

  // Throws: InputError E_VALUE listing the ids, with did-you-mean.
  const Price& price(const std::string& id) const;
  // All prices of a GPU in a tier, in file order; may be empty.
  std::vector<const Price*> matching(const std::string& gpu, const std::string& tier) const;
  // The smallest rent for this many GPUs, whole instances counted; ties: the earlier in the file.
  // together: GPUs that must sit in one machine (one engine's fabric): smaller machines are out.
  // Throws: InputError E_VALUE when the book has no such price, naming the GPUs and tiers it has.
  const Price& cheapest(const std::string& gpu, const std::string& tier, std::int64_t gpus = 1,
                        std::int64_t together = 1) const;
  // Prices older than kStaleDays on that day, in file order.
  std::vector<const Price*> stale(Date day) const;

 private:
  std::string id_;
  Date as_of_;
  std::vector<Price> prices_;
};

}  // namespace moeplan::models
