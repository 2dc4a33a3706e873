#include "sim/scenario/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "models/catalog/catalog.hpp"
#include "models/text/load.hpp"
#include "sim/scenario/checker.hpp"

namespace moeplan::sim {
namespace {

bool is_path(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".json") ||
         name.ends_with(".yaml") || name.ends_with(".yml");
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
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const std::int64_t count = kept[i];
    for (const std::size_t layer : architecture.moe_layers()) {
      const auto& ffn = std::get<models::MoeFfn>(architecture.layers[layer].ffn);
      if (count > ffn.experts) {
        check.item_problem("pruning.experts_kept", i, "E_RANGE",
                           fmt::format("{} experts kept, but layer {} was pretrained with {}",
                                       count, layer, ffn.experts),
                           fmt::format("{} to {}", ffn.top_k, ffn.experts));
        break;
      }
      if (count < ffn.top_k) {
        check.item_problem(
            "pruning.experts_kept", i, "E_RANGE",
            fmt::format("top_k {} > {} experts in layer {}", ffn.top_k, count, layer),
            fmt::format("{} to {}", ffn.top_k, ffn.experts));
        break;
      }
    }
  }
  return kept;
}

// A value that no layout can use would vanish from the plan in silence (tests.md C3 22).
void check_layouts(Checker& check, const ScenarioValues& values, bool dense) {
  const std::vector<std::int64_t> gpus = values.counts("hardware.gpus");
  const std::vector<std::int64_t> splits = values.counts("parallelism.tensor_parallel");
  const auto fits = [&](std::int64_t count, std::int64_t split) {
    return dense ? count == split : count % split == 0;
  };
  const std::string rule =
      dense ? "equal to one of hardware.gpus: an engine of a dense model has no data parallelism"
            : "a divisor of one of hardware.gpus";
  for (std::size_t i = 0; i < splits.size(); ++i) {
    if (std::none_of(gpus.begin(), gpus.end(),
                     [&](auto count) { return fits(count, splits[i]); })) {
      check.item_problem("parallelism.tensor_parallel", i, "E_VALUE",
                         fmt::format("no engine of {} GPUs has tensor_parallel {}",
                                     fmt::join(gpus, " or "), splits[i]),
                         rule);
    }
  }
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    const bool split = splits.empty() ? !dense || std::has_single_bit(std::uint64_t(gpus[i]))
                                      : std::any_of(splits.begin(), splits.end(),
                                                    [&](auto s) { return fits(gpus[i], s); });
    if (!split) {
      check.item_problem(
          "hardware.gpus", i, "E_VALUE",
          splits.empty() ? fmt::format("without parallelism.tensor_parallel, engines of a dense "
                                       "model have a power of two GPUs, not {}",
                                       gpus[i])
                         : fmt::format("no tensor_parallel of {} suits an engine of {} GPUs",
                                       fmt::join(splits, " or "), gpus[i]),
          splits.empty() ? "a power of two, or tensor_parallel stated"
                         : (dense ? "one of parallelism.tensor_parallel"
                                  : "a multiple of one of parallelism.tensor_parallel"));
    }
  }
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

// A cache without anything to find would be the same as none, in silence.
void check_prefix_caching(Checker& check, const ScenarioValues& values, const Workload& workload) {
  const bool caching = values.number("engine.prefix_caching") != 0.0;
  const bool hashes = workload.trace && !workload.trace->block_end.empty();
  if (caching && !hashes && !workload.shared_prefix) {
    check.problem("engine.prefix_caching", "E_VALUE",
                  "nothing says what prompts have in common, so nothing would ever be found",
                  "a trace with block hashes (mooncake: hash_ids; vidur: block_hash_ids), or "
                  "workload.shared_prefix.tokens");
  }
  if (!caching && values.text("parallelism.replica_router") == "prefix_affinity") {
    check.problem("parallelism.replica_router", "E_VALUE",
                  "there are no cached prefixes to be near to", "engine.prefix_caching: true");
  }
}

std::optional<Disaggregation> read_disaggregation(Checker& check, const ScenarioValues& values) {
  const std::string section = "parallelism.disaggregation.";
  const auto given = [&](const char* key) { return values.has(section + key); };
  if (!given("prefill_engines") && !given("decode_engines") && !given("prefill_gpus") &&
      !given("prefill_tensor_parallel")) {
    return std::nullopt;
  }
  for (const char* key : {"prefill_engines", "decode_engines"}) {
    if (!given(key)) {
      check.problem(section + key, "E_MISSING", "disaggregation has two pools of engines",
                    section + key + ": how many");
    }
  }
  if (values.text("parallelism.replica_router") == "shared_queue") {
    check.problem("parallelism.replica_router", "E_VALUE",
                  "prefill and decode engines have no queue in common",
                  "round_robin, random, least_loaded, power_of_two or prefix_affinity");
  }
  const auto optional = [&](const char* key) {
    return given(key) ? std::optional(static_cast<int>(values.count(section + key))) : std::nullopt;
  };
  return Disaggregation{
      .prefill_engines = static_cast<std::int32_t>(values.count(section + "prefill_engines")),
      .decode_engines = static_cast<std::int32_t>(values.count(section + "decode_engines")),
      .prefill_gpus = optional("prefill_gpus"),
      .prefill_tensor_parallel = optional("prefill_tensor_parallel")};
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
  e.prefix_caching = values.number("engine.prefix_caching") != 0.0;
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

// Recorded requests that the engine will reject (tests.md C3 36).
void note_too_long(std::int64_t max_model_length, Workload& workload) {
  if (!workload.trace) {
    return;
  }
  std::int64_t count = 0;
  std::size_t first = 0;
  for (std::size_t i = 0; i < workload.trace->requests.size(); ++i) {
    const RequestSpec& request = workload.trace->requests[i];
    if (std::int64_t{request.prompt_tokens} + request.output_tokens > max_model_length) {
      first = count++ == 0 ? i : first;
    }
  }
  if (count > 0) {
    const RequestSpec& request = workload.trace->requests[first];
    workload.notes.push_back(fmt::format(
        "{} of {} requests of the trace are longer than the {} tokens of the model or of "
        "engine.max_model_length and are rejected; the first is request {} ({} + {} tokens).",
        count, workload.trace->requests.size(), max_model_length, first + 1, request.prompt_tokens,
        request.output_tokens));
  }
}

}  // namespace

// Paths are relative to the scenario; ids stay as they are.
std::string resolved(const std::string& name, const std::filesystem::path& scenario) {
  if (!is_path(name) || std::filesystem::path(name).is_absolute()) {
    return name;
  }
  return (scenario.parent_path() / name).string();
}

// First MoE layer of the architecture, or nullptr.
const models::MoeFfn* first_moe(const models::SmoeArchitecture& architecture) {
  const std::vector<std::size_t> layers = architecture.moe_layers();
  return layers.empty() ? nullptr
                        : &std::get<models::MoeFfn>(architecture.layers[layers.front()].ffn);
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
  std::optional<PriceOptions> prices = read_prices(check, values, path);
  std::optional<models::AccuracyCurve> accuracy;
  if (values.has("accuracy.curve")) {
    accuracy = check.loaded("accuracy.curve", [&] {
      return models::load_accuracy(resolved(values.text("accuracy.curve"), path));
    });
  }
  Workload workload = read_workload(check, values, path);
  if (overrides.requests) {
    workload.shorten(*overrides.requests);
  }
  check_prefix_caching(check, values, workload);
  const std::optional<Disaggregation> disaggregation = read_disaggregation(check, values);
  Objectives objectives = read_objectives(check, values);
  check.throw_if_any();

  const models::Precision precision = values.has("model.precision")
                                          ? *models::precision_from(values.text("model.precision"))
                                          : architecture->weight_precision;
  std::vector<std::int64_t> experts = read_experts(check, values, *architecture);
  check_products(check, values, *architecture);
  check_layouts(check, values, first_moe(*architecture) == nullptr);
  std::vector<std::string> warnings;
  if (accuracy) {
    warnings = check_accuracy(check, *accuracy, *architecture,
                              values.number("accuracy.allow_other_model") != 0.0);
  }
  const NetworkOptions network = read_network(check, values);
  std::vector<HardwareOption> hardware = read_hardware(
      check, values, path, {.weights = precision, .experts = architecture->experts_in(precision)});
  if (overrides.seed) {
    values.override_count("seed", *overrides.seed, "--seed");
  }
  const std::uint64_t seed =
      overrides.seed ? *overrides.seed : static_cast<std::uint64_t>(values.count("seed"));
  const models::RouterMode router = *models::router_mode_from(values.text("pruning.router"));
  std::vector<models::PlacementRule> placement = read_placement(check, values);
  models::RoutedModel routing =
      read_routed_model(check, workload.routing, *architecture, router, experts, seed);
  check.throw_if_any();

  std::vector<bool> expert_parallel;
  for (const double flag : values.numbers("parallelism.expert_parallel")) {
    expert_parallel.push_back(flag != 0.0);
  }
  std::vector<Exchange> exchange;
  for (const std::string& name : values.texts("parallelism.exchange")) {
    exchange.push_back(exchange_from(name));
  }
  const EngineOptions engine = read_engine(values, *architecture);
  note_too_long(engine.max_model_length, workload);
  return Scenario{
      .name = values.text("name"),
      .file = path.string(),
      .sha256 = text::sha256(content),
      .architecture = *architecture,
      .precision = precision,
      .kv_precision = *models::precision_from(values.text("model.kv_precision")),
      .experts_kept = std::move(experts),
      .router = router,
      .accuracy = std::move(accuracy),
      .hardware = std::move(hardware),
      .gpus = values.counts("hardware.gpus"),
      .tensor_parallel = values.counts("parallelism.tensor_parallel"),
      .expert_parallel = std::move(expert_parallel),
      .exchange = std::move(exchange),
      .placement = std::move(placement),
      .redundant_experts = values.counts("parallelism.redundant_experts"),
      .network = network,
      .replica_router = router_policy_from(values.text("parallelism.replica_router")),
      .disaggregation = disaggregation,
      .engine = engine,
      .workload = std::move(workload),
      .objectives = objectives,
      .prices = std::move(*prices),
      .seed = seed,
      .warnings = std::move(warnings),
      .routing = std::move(routing),
      .values = values,
  };
}

}  // namespace moeplan::sim
