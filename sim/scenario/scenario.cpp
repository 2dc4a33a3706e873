#include "sim/scenario/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/catalog/catalog.hpp"
#include "models/latency/profile.hpp"
#include "models/text/load.hpp"
#include "sim/scenario/checker.hpp"

namespace moeplan::sim {
namespace {

bool is_path(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".json") ||
         name.ends_with(".yaml") || name.ends_with(".yml");
}

// Paths are relative to the scenario; ids stay as they are.
std::string resolved(const std::string& name, const std::filesystem::path& scenario) {
  if (!is_path(name) || std::filesystem::path(name).is_absolute()) {
    return name;
  }
  return (scenario.parent_path() / name).string();
}

Exchange exchange_from(const std::string& name) {
  for (const Exchange exchange : {Exchange::allgather_reducescatter, Exchange::alltoall_per_expert,
                                  Exchange::alltoall_per_rank, Exchange::capacity_padded}) {
    if (name_of(exchange) == name) {
      return exchange;
    }
  }
  throw std::logic_error("the field table allows an exchange that is not known");
}

// First MoE layer of the architecture, or nullptr.
const models::MoeFfn* first_moe(const models::SmoeArchitecture& architecture) {
  const std::vector<std::size_t> layers = architecture.moe_layers();
  return layers.empty() ? nullptr
                        : &std::get<models::MoeFfn>(architecture.layers[layers.front()].ffn);
}

std::vector<std::int64_t> read_experts(Checker& check, const ScenarioValues& values,
                                       const models::SmoeArchitecture& architecture) {
  std::vector<std::int64_t> kept = values.counts("pruning.experts_kept");
  const models::MoeFfn* moe = first_moe(architecture);
  if (moe == nullptr) {
    if (values.has("pruning.experts_kept")) {
      check.problem(
          "pruning.experts_kept", "E_VALUE",
          fmt::format("{} is a dense model: it has no experts to keep", architecture.name),
          "no pruning section, or a model with experts");
    }
    return {};
  }
  if (kept.empty()) {
    return {moe->experts};
  }
  for (const std::int64_t count : kept) {
    for (const std::size_t layer : architecture.moe_layers()) {
      const auto& ffn = std::get<models::MoeFfn>(architecture.layers[layer].ffn);
      if (count > ffn.experts) {
        check.problem("pruning.experts_kept", "E_RANGE",
                      fmt::format("{} experts kept, but layer {} was pretrained with {}", count,
                                  layer, ffn.experts),
                      fmt::format("{} to {}", ffn.top_k, ffn.experts));
        break;
      }
      if (count < ffn.top_k) {
        check.problem("pruning.experts_kept", "E_RANGE",
                      fmt::format("top_k {} > {} experts in layer {}", ffn.top_k, count, layer),
                      fmt::format("{} to {}", ffn.top_k, ffn.experts));
        break;
      }
    }
  }
  return kept;
}

// T k h must stay in 63 bits (tests.md C3 13): such sizes are typing errors.
void check_products(Checker& check, const ScenarioValues& values,
                    const models::SmoeArchitecture& architecture) {
  const models::MoeFfn* moe = first_moe(architecture);
  const double top_k = moe == nullptr ? 1.0 : static_cast<double>(moe->top_k);
  const double product =
      values.number("engine.max_batched_tokens") * top_k * static_cast<double>(architecture.hidden);
  if (product >= 9.2e18) {
    check.problem("engine.max_batched_tokens", "E_OVERFLOW",
                  "max_batched_tokens x top_k x hidden overflows 63 bits", "a smaller number");
  }
}

std::vector<HardwareOption> read_hardware(Checker& check, const ScenarioValues& values,
                                          const std::filesystem::path& path,
                                          const models::LawRequest& request) {
  std::vector<HardwareOption> options;
  const std::string profile_name = values.text("hardware.profile");
  for (const std::string& id : values.texts("hardware.gpu")) {
    auto option = check.loaded("hardware.gpu", [&] {
      const models::Gpu gpu = models::load_gpu(id);
      const models::Fabric fabric = models::load_fabric(gpu.fabric);
      std::optional<models::Profile> profile;
      if (profile_name == "catalog") {
        const std::vector<std::string> ids = models::catalog_ids("profiles");
        if (std::find(ids.begin(), ids.end(), id) != ids.end()) {
          profile = models::load_profile(models::profile_path(id));
        }
      } else if (profile_name != "datasheet") {
        profile = models::load_profile(resolved(profile_name, path));
      }
      return HardwareOption{
          gpu, fabric,
          models::make_cost_laws(gpu, fabric, nullptr, profile ? &*profile : nullptr, request)};
    });
    if (option) {
      options.push_back(std::move(*option));
    }
  }
  return options;
}

EngineOptions read_engine(const ScenarioValues& values,
                          const models::SmoeArchitecture& architecture) {
  EngineOptions e;
  e.max_sequences = values.count("engine.max_sequences");
  e.max_batched_tokens = values.count("engine.max_batched_tokens");
  e.max_model_length = values.has("engine.max_model_length")
                           ? values.count("engine.max_model_length")
                           : architecture.max_positions;
  e.memory_utilization = values.number("engine.memory_utilization");
  e.buffer_memory = Bytes(values.number("engine.buffer_memory"));
  if (values.has("engine.kv_blocks")) {
    e.kv_blocks = values.count("engine.kv_blocks");
  }
  if (values.has("engine.host_time")) {
    e.host_time = Seconds(values.number("engine.host_time"));
  }
  e.jitter = values.number("engine.jitter");
  return e;
}

Objectives read_objectives(Checker& check, const ScenarioValues& values) {
  Objectives o;
  o.latency.ttft_p50_s = values.number("objectives.ttft_p50");
  o.latency.ttft_p99_s = values.number("objectives.ttft_p99");
  o.latency.tpot_p50_s = values.number("objectives.tpot_p50");
  o.latency.tpot_p99_s = values.number("objectives.tpot_p99");
  const LatencyObjectives& l = o.latency;
  if (l.ttft_p50_s == 0 && l.ttft_p99_s == 0 && l.tpot_p50_s == 0 && l.tpot_p99_s == 0) {
    check.problem("objectives.ttft_p99", "E_MISSING", "a plan needs at least one latency objective",
                  "one of objectives.ttft_p99, tpot_p99, ttft_p50, tpot_p50");
  }
  if (values.has("objectives.accuracy_loss")) {
    o.accuracy_loss = values.number("objectives.accuracy_loss");
    if (!values.has("accuracy.curve")) {
      check.problem("objectives.accuracy_loss", "E_VALUE",
                    "accuracy_loss cannot be judged without an accuracy curve",
                    "accuracy.curve: ID; known: " + joined(models::catalog_ids("accuracy")));
    }
  }
  if (values.has("objectives.budget")) {
    o.budget = UsdPerSecond(values.number("objectives.budget"));
  }
  return o;
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

std::string_view name_of(Exchange exchange) {
  switch (exchange) {
    case Exchange::allgather_reducescatter:
      return "allgather_reducescatter";
    case Exchange::alltoall_per_expert:
      return "alltoall_per_expert";
    case Exchange::alltoall_per_rank:
      return "alltoall_per_rank";
    case Exchange::capacity_padded:
      return "capacity_padded";
  }
  throw std::logic_error("unknown exchange");
}

std::int64_t Scenario::pretrained_experts() const {
  const models::MoeFfn* moe = first_moe(architecture);
  return moe == nullptr ? 0 : moe->experts;
}

Scenario load_scenario(const std::filesystem::path& path, const ScenarioOverrides& overrides) {
  const std::string content = text::read_file(path);
  const text::Document document = text::parse_yaml(content, path.string());
  text::Problems problems(document);
  ScenarioValues values = ScenarioValues::parse(document, problems);
  problems.throw_if_any();

  Checker check(values, problems);
  const auto architecture = check.loaded("model.architecture", [&] {
    return models::load_architecture(resolved(values.text("model.architecture"), path));
  });
  const auto book = check.loaded("prices.book", [&] {
    return models::load_price_book(resolved(values.text("prices.book"), path));
  });
  std::optional<models::AccuracyCurve> accuracy;
  if (values.has("accuracy.curve")) {
    accuracy = check.loaded("accuracy.curve", [&] {
      return models::load_accuracy(resolved(values.text("accuracy.curve"), path));
    });
  }
  Workload workload = read_workload(check, values);
  if (overrides.requests) {
    workload.requests = *overrides.requests;
    workload.warmup = *overrides.requests / 10;
  }
  Objectives objectives = read_objectives(check, values);
  models::Date as_of = book ? book->as_of() : models::Date::epoch();
  if (values.has("prices.as_of")) {
    if (const auto day = models::Date::from(values.text("prices.as_of"))) {
      as_of = *day;
    } else {
      check.problem("prices.as_of", "E_VALUE", "this is not a day", "YYYY-MM-DD");
    }
  }
  check.throw_if_any();
  check_provider(check, values, *book);

  const models::Precision precision = values.has("model.precision")
                                          ? *models::precision_from(values.text("model.precision"))
                                          : architecture->weight_precision;
  std::vector<std::int64_t> experts = read_experts(check, values, *architecture);
  check_products(check, values, *architecture);
  std::vector<HardwareOption> hardware = read_hardware(
      check, values, path, {.weights = precision, .experts = architecture->experts_in(precision)});
  check.throw_if_any();

  std::vector<bool> expert_parallel;
  for (const double flag : values.numbers("parallelism.expert_parallel")) {
    expert_parallel.push_back(flag != 0.0);
  }
  std::vector<Exchange> exchange;
  for (const std::string& name : values.texts("parallelism.exchange")) {
    exchange.push_back(exchange_from(name));
  }
  const std::uint64_t seed =
      overrides.seed ? *overrides.seed : static_cast<std::uint64_t>(values.count("seed"));
  return Scenario{
      .name = values.text("name"),
      .file = path.string(),
      .sha256 = text::sha256(content),
      .architecture = *architecture,
      .precision = precision,
      .kv_precision = *models::precision_from(values.text("model.kv_precision")),
      .experts_kept = std::move(experts),
      .router = *models::router_mode_from(values.text("pruning.router")),
      .accuracy = std::move(accuracy),
      .hardware = std::move(hardware),
      .gpus = values.counts("hardware.gpus"),
      .tensor_parallel = values.counts("parallelism.tensor_parallel"),
      .expert_parallel = std::move(expert_parallel),
      .exchange = std::move(exchange),
      .engine = read_engine(values, *architecture),
      .workload = std::move(workload),
      .objectives = objectives,
      .prices = {*book, values.text("prices.tier"), values.text("prices.provider"), as_of},
      .seed = seed,
      .values = std::move(values),
  };
}

}  // namespace moeplan::sim
