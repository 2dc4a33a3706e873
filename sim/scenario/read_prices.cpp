// The scenario's prices and its accuracy curve, checked against the model.

#include <fmt/format.h>

#include <algorithm>

#include "models/catalog/catalog.hpp"
#include "sim/scenario/checker.hpp"

namespace moeplan::sim {
namespace {

// All books that prices.book names, as one.
std::optional<models::PriceBook> read_price_books(Checker& check, const ScenarioValues& values,
                                                  const std::filesystem::path& path) {
  std::vector<models::PriceBook> books;
  const std::vector<std::string> names = values.texts("prices.book");
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto book = check.loaded("prices.book", i, [&] {
      const std::string name = resolved(names[i], path);
      return check.inputs().get<models::PriceBook>(name,
                                                   [&] { return models::load_price_book(name); });
    });
    if (book) {
      books.push_back(**book);
    }
  }
  if (books.size() < names.size() || books.empty()) {
    return std::nullopt;  // already a problem
  }
  return check.loaded("prices.book", [&] { return models::PriceBook::merged(books); });
}

void check_provider(Checker& check, const ScenarioValues& values, const models::PriceBook& book) {
  const std::string wanted = values.text("prices.provider");
  std::vector<std::string> providers;
  for (const models::Price& price : book.prices()) {
    if (std::find(providers.begin(), providers.end(), price.provider) == providers.end()) {
      providers.push_back(price.provider);
    }
  }
  if (!wanted.empty() && std::find(providers.begin(), providers.end(), wanted) == providers.end()) {
    check.problem("prices.provider", "E_VALUE",
                  fmt::format("the price book {} has no provider '{}'", book.id(), wanted),
                  joined(providers), did_you_mean(wanted, providers));
  }
}

}  // namespace

std::optional<PriceOptions> read_prices(Checker& check, const ScenarioValues& values,
                                        const std::filesystem::path& path) {
  std::optional<models::PriceBook> book = read_price_books(check, values, path);
  models::Date as_of = book ? book->as_of() : models::Date::epoch();
  if (values.has("prices.as_of")) {
    if (const auto day = models::Date::from(values.text("prices.as_of"))) {
      as_of = *day;
    } else {
      check.problem("prices.as_of", "E_VALUE", "this is not a day", "YYYY-MM-DD");
    }
  }
  if (!book) {
    return std::nullopt;
  }
  check_provider(check, values, *book);
  PriceOptions options{.book = std::move(*book),
                       .tiers = values.texts("prices.tier"),
                       .provider = values.text("prices.provider"),
                       .as_of = as_of};
  const bool input = values.has("prices.api_input");
  if (input != values.has("prices.api_output")) {
    const std::string missing = input ? "prices.api_output" : "prices.api_input";
    check.problem(input ? "prices.api_input" : "prices.api_output", "E_MISSING",
                  "an API asks for input and output tokens", missing + ": as 0.50 USD/Mtokens");
  } else if (input) {
    options.api_input = UsdPerToken(values.number("prices.api_input"));
    options.api_output = UsdPerToken(values.number("prices.api_output"));
  }
  return options;
}

// A curve of another model would pass its accuracies off as this one's. Returns what a reader must
// know where it is used all the same.
std::vector<std::string> check_accuracy(Checker& check, const models::AccuracyCurve& curve,
                                        const models::SmoeArchitecture& architecture,
                                        bool allow_other_model) {
  const models::AccuracyDescription& what = curve.description();
  const models::MoeFfn* moe = first_moe(architecture);
  if (moe == nullptr) {
    check.problem("accuracy.curve", "E_VALUE",
                  fmt::format("the curve is of {} over its experts kept, and {} is a dense model",
                              what.model, architecture.name),
                  "no accuracy section, or a model with experts");
  } else if (what.pretrained_experts != moe->experts || what.top_k != moe->top_k) {
    check.problem("accuracy.curve", "E_VALUE",
                  fmt::format("the curve is of another model: {} has {} experts and top_k {}, {} "
                              "has {} and {}",
                              what.model, what.pretrained_experts, what.top_k, architecture.name,
                              moe->experts, moe->top_k),
                  "a curve of this model");
  } else if (what.architecture.empty()) {
    return {
        fmt::format("The accuracy curve {} does not state its architecture: that {} is {} was "
                    "not checked beyond the number of experts.",
                    what.id, what.model, architecture.name)};
  } else if (const auto layers = static_cast<std::int64_t>(architecture.layers.size());
             what.hidden != architecture.hidden || what.layers != layers) {
    const std::string difference = fmt::format(
        "the curve is of another model: {} ({}) has {} layers of hidden size {}, {} has {} of {}",
        what.model, what.architecture, what.layers, what.hidden, architecture.name, layers,
        architecture.hidden);
    if (allow_other_model) {
      return {"Accuracy is not this model's: " + difference + "."};
    }
    check.problem("accuracy.curve", "E_VALUE", difference, "a curve of this model",
                  "accuracy.allow_other_model: true uses it all the same, and says so");
  }
  return {};
}

}  // namespace moeplan::sim
