// A study file, read and checked: the parts that need more than one section.

#include <fmt/format.h>

#include <algorithm>

#include "models/architecture/counts.hpp"
#include "models/catalog/catalog.hpp"
#include "models/text/load.hpp"
#include "sim/plan/design.hpp"
#include "sim/scenario/checker.hpp"
#include "sim/study/study.hpp"
#include "sim/study/study_keys.hpp"

namespace moeplan::sim {
namespace {

PriceOptions read_prices(text::Reader& file) {
  text::Reader section = file.section("prices");
  const std::string book = section.string("book");
  const std::string tier = section.choice("tier", models::price_tiers());
  const std::string provider = section.string("provider", "");
  std::optional<models::PriceBook> found;
  if (!book.empty()) {
    found = loaded(section, "book", [&] { return models::load_price_book(book); });
  }
  section.finish();
  PriceOptions options{
      .book = found ? std::move(*found) : models::PriceBook("", models::Date::epoch(), {}),
      .tiers = {tier},
      .provider = provider,
      .as_of = models::Date::epoch(),
      .api_input = std::nullopt,
      .api_output = std::nullopt};
  options.as_of = options.book.as_of();
  return options;
}

StudyObjectives read_objectives(text::Reader& file) {
  StudyObjectives objectives;
  if (!file.has("objectives")) {
    return objectives;
  }
  text::Reader section = file.section("objectives");
  if (section.has("quality_floor")) {
    objectives.quality_floor = section.number("quality_floor", text::kFraction);
  }
  objectives.quality_tolerance = section.number("quality_tolerance", 0.0, text::kFraction);
  if (section.has("pretraining_budget")) {
    objectives.pretraining_budget = section.quantity<kMoney>("pretraining_budget");
  }
  if (section.has("latency")) {
    objectives.latency = section.quantity<kTime>("latency");
  }
  section.finish();
  return objectives;
}

Tokens read_lifetime(text::Reader& file, std::vector<Assumption>& assumptions) {
  text::Reader section = file.section("lifetime_tokens");
  const auto tokens = section.quantity<kTokens>("value");
  const std::string source = section.string("source");
  section.finish();
  assumptions.push_back({.key = "lifetime_tokens",
                         .value = in_tokens(tokens),
                         .low = in_tokens(tokens),
                         .high = in_tokens(tokens),
                         .source = source});
  return tokens;
}

std::optional<Finetuning> read_finetuning(text::Reader& file,
                                          std::vector<Assumption>& assumptions) {
  if (!file.has("finetuning")) {
    return std::nullopt;
  }
  text::Reader section = file.section("finetuning");
  Finetuning finetuning{.tokens = section.quantity<kTokens>("tokens"),
                        .source = section.string("source")};
  section.finish();
  const double tokens = in_tokens(finetuning.tokens);
  assumptions.push_back({.key = "finetuning.tokens",
                         .value = tokens,
                         .low = tokens,
                         .high = tokens,
                         .source = finetuning.source});
  return finetuning;
}

std::vector<std::string> names_of(const std::vector<std::int64_t>& counts) {
  std::vector<std::string> names;
  for (const std::int64_t count : counts) {
    names.push_back(fmt::format("{}", count));
  }
  return names;
}

// Sizes that the table has from scratch: quality of an option is compared with its own size.
std::vector<std::int64_t> from_scratch(const models::AccuracyTable& table) {
  std::vector<std::int64_t> counts;
  for (const models::AccuracyRow& row : table.rows) {
    if (row.method == "none" && row.pretrained == row.kept) {
      counts.push_back(row.kept);
    }
  }
  std::sort(counts.begin(), counts.end());
  return counts;
}

// A key and the counts it lists.
void check_counts(text::Reader& section, const std::string& key,
                  const std::vector<std::int64_t>& counts, const models::AccuracyTable& table,
                  const models::SmoeArchitecture& architecture) {
  for (const std::int64_t count : counts) {
    if (table.find("none", count, count) == nullptr) {
      section.problem(key, "E_VALUE",
                      fmt::format("accuracy table '{}' has no model of {} experts from scratch",
                                  table.description.id, count),
                      joined(names_of(from_scratch(table))));
    }
    if (const auto why = models::why_not_experts(architecture, count)) {
      section.problem(key, "E_VALUE",
                      fmt::format("{} cannot have {} experts: {}", architecture.name, count, *why));
    }
  }
}

void check_methods(text::Reader& section, const std::vector<std::string>& methods,
                   const models::AccuracyTable& table) {
  const std::vector<std::string> known = table.methods();
  for (const std::string& method : methods) {
    if (std::find(known.begin(), known.end(), method) == known.end()) {
      section.problem("methods", "E_VALUE",
                      fmt::format("accuracy table '{}' has no pruning method '{}'",
                                  table.description.id, method),
                      joined(known), did_you_mean(method, known));
    }
  }
}

void check_table(text::Reader& section, const models::AccuracyTable& table,
                 const models::SmoeArchitecture& architecture) {
  const models::AccuracyDescription& of = table.description;
  if (of.hidden > 0 && (of.hidden != architecture.hidden ||
                        of.layers != static_cast<std::int64_t>(architecture.layers.size()))) {
    section.problem("table", "E_VALUE",
                    fmt::format("accuracy table '{}' is of {}, not of {}", of.id, of.architecture,
                                architecture.name),
                    "a table of the study's architecture");
  }
}

// Somebody must rent out the cluster, and what static passes run on; a serving scenario has prices
// of its own.
void check_offers(text::Reader& file, const PriceOptions& prices, const PretrainingSetup& setup,
                  const std::variant<StaticScenario, Scenario>& inference) {
  const auto check = [&](const models::Gpu& gpu, std::int64_t gpus, std::int64_t machines) {
    const auto offer =
        cheapest_offer(prices, gpu.id, static_cast<int>(gpus), gpu.gpus_per_node, machines);
    if (const auto* reason = std::get_if<std::string>(&offer)) {
      file.problem("prices", "E_VALUE", *reason, "prices of all GPUs that the study uses");
    }
  };
  check(setup.gpu, setup.gpu.gpus_per_node, setup.nodes);
  if (const auto* fixed = std::get_if<StaticScenario>(&inference)) {
    check(fixed->hardware.front().gpu, fixed->gpus.front(), 1);
  }
}

}  // namespace

std::vector<std::int64_t> united(const std::vector<std::int64_t>& a,
                                 const std::vector<std::int64_t>& b) {
  std::vector<std::int64_t> counts = a;
  counts.insert(counts.end(), b.begin(), b.end());
  std::sort(counts.begin(), counts.end());
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  return counts;
}

PretrainingStudy load_pretraining_study(const std::filesystem::path& path,
                                        std::optional<std::uint64_t> seed) {
  const std::string content = text::read_file(path);
  const text::Document document = text::parse_yaml(content, path.string());
  text::Problems problems(document);
  text::Reader file(problems, document.root);
  text::check_schema(file, "moeplan.pretraining_study", 1, 1);
  const std::string name = file.string("name");
  const std::string source = file.string("source");
  std::vector<Assumption> assumptions;

  const std::string id = file.string("architecture");
  std::optional<models::SmoeArchitecture> architecture;
  if (!id.empty()) {
    architecture =
        loaded(file, "architecture", [&] { return models::load_architecture(resolved(id, path)); });
  }
  if (architecture && !architecture->is_moe()) {
    file.problem("architecture", "E_VALUE", "it has no experts", "a model with MoE layers");
    architecture.reset();
  }
  auto pretraining = read_pretraining(file, assumptions);
  const std::optional<Finetuning> finetuning = read_finetuning(file, assumptions);

  text::Reader accuracy = file.section("accuracy");
  const std::string table_id = accuracy.string("table");
  const std::vector<std::string> methods = read_texts(accuracy, "methods");
  std::vector<std::int64_t> kept = accuracy.has("experts_kept")
                                       ? read_counts(accuracy, "experts_kept")
                                       : std::vector<std::int64_t>{};
  std::optional<models::AccuracyTable> table;
  if (!table_id.empty()) {
    table = loaded(accuracy, "table",
                   [&] { return models::load_accuracy_table(resolved(table_id, path)); });
  }
  accuracy.finish();
  const bool kept_by_default = !accuracy.has("experts_kept") && pretraining.has_value();
  if (kept_by_default) {
    kept = pretraining->experts;
  }
  if (table && architecture) {
    check_table(accuracy, *table, *architecture);
    check_methods(accuracy, methods, *table);
    if (pretraining) {
      text::Reader section = file.section("pretraining");
      check_counts(section, "experts", pretraining->experts, *table, *architecture);
    }
    if (!kept_by_default) {
      check_counts(accuracy, "experts_kept", kept, *table, *architecture);
    }
  }
  PriceOptions prices = read_prices(file);
  const Tokens lifetime = read_lifetime(file, assumptions);
  const StudyObjectives objectives = read_objectives(file);
  std::optional<std::variant<StaticScenario, Scenario>> inference;
  if (architecture && pretraining && problems.empty()) {
    inference = read_inference(file, *architecture, united(kept, pretraining->experts), path, seed);
  } else {
    file.optional_node("inference");
  }
  if (pretraining && inference) {
    check_offers(file, prices, *pretraining, *inference);
  }
  file.finish();
  problems.throw_if_any();

  PretrainingStudy study{.name = name,
                         .file = path.string(),
                         .sha256 = text::sha256(content),
                         .source = source,
                         .architecture = std::move(*architecture),
                         .table = std::move(*table),
                         .methods = methods,
                         .experts_kept = std::move(kept),
                         .pretraining = std::move(*pretraining),
                         .finetuning = finetuning,
                         .inference = std::move(*inference),
                         .prices = std::move(prices),
                         .lifetime = lifetime,
                         .objectives = objectives,
                         .assumptions = std::move(assumptions),
                         .values = values_of(document)};
  if (kept_by_default) {
    study.values.push_back({.key = "accuracy.experts_kept",
                            .value = joined(names_of(study.experts_kept)),
                            .from = "default: pretraining.experts"});
  }
  return study;
}

}  // namespace moeplan::sim
