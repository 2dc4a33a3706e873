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

Exchange exchange_from(const std::string& name) {
  for (const Exchange exchange : {Exchange::allgather_reducescatter, Exchange::alltoall_per_expert,
                                  Exchange::alltoall_per_rank, Exchange::capacity_padded}) {
    if (name_of(exchange) == name) {
      return exchange;
    }
  }
  throw std::logic_error("the field table allows an exchange that is not known");
}

// The plan brings what these keys say otherwise.
std::optional<PlannedPruning> read_planned(Checker& check, const ScenarioValues& values,
                                           const std::filesystem::path& scenario,
                                           const models::SmoeArchitecture& architecture) {
  for (const char* key :
       {"pruning.experts_kept", "pruning.router", "workload.routing.distribution"}) {
    if (values.given(key)) {
      check.problem(key, "E_VALUE", fmt::format("pruning.plan says what {} is", key),
                    fmt::format("pruning.plan or {}", key));
    }
  }
  return check.loaded("pruning.plan", [&] {
    return load_planned_pruning(scenario.parent_path() / values.text("pruning.plan"), architecture);
  });
}

// A static pass has no requests: what only it reads would be ignored in silence, and so would it.
void check_regime(Checker& check, const ScenarioValues& values) {
  if (values.text("engine.regime") == "static_forward") {
    check.problem("engine.regime", "E_VALUE",
                  "a static forward pass has no requests, so there is nothing to plan for",
                  "moeplan simulate, or regime: serving");
    check.throw_if_any();
  }
  for (const std::string& key : fields_of_static_forward()) {
    if (values.given(key)) {
      check.problem(key, "E_VALUE", key + " has no meaning for serving",
                    "engine.regime: static_forward");
    }
  }
}

}  // namespace

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

namespace {

// GPUs of an engine, over stages and tensor-parallel ranks.
struct LayoutRule {
  bool dense = false;
  std::vector<std::int64_t> splits;  // empty: every power of two
  bool splits_stage(std::int64_t gpus, std::int64_t split) const {
    return dense ? gpus == split : gpus % split == 0;
  }
  bool has_layout(std::int64_t gpus, std::int64_t stages) const {
    if (gpus % stages != 0) {
      return false;
    }
    if (splits.empty()) {
      return !dense || std::has_single_bit(std::uint64_t(gpus / stages));
    }
    return std::any_of(splits.begin(), splits.end(),
                       [&](std::int64_t s) { return splits_stage(gpus / stages, s); });
  }
};

// A value that no layout can use would vanish from the plan in silence (tests.md C3 22).
void check_layouts(Checker& check, const ScenarioValues& values, bool dense) {
  const std::vector<std::int64_t> gpus = values.counts("hardware.gpus");
  const std::vector<std::int64_t> stages = values.counts("parallelism.pipeline_parallel");
  const LayoutRule rule{dense, values.counts("parallelism.tensor_parallel")};
  const bool piped = values.given("parallelism.pipeline_parallel");
  const std::string wanted =
      dense ? (piped ? "equal to the GPUs of a stage" : "equal to one of hardware.gpus") +
                  std::string(": an engine of a dense model has no data parallelism")
            : "a divisor of one of hardware.gpus" + std::string(piped ? " over its stages" : "");
  for (std::size_t i = 0; i < rule.splits.size(); ++i) {
    const bool fits = std::any_of(gpus.begin(), gpus.end(), [&](std::int64_t count) {
      return std::any_of(stages.begin(), stages.end(), [&](std::int64_t s) {
        return count % s == 0 && rule.splits_stage(count / s, rule.splits[i]);
      });
    });
    if (!fits) {
      check.item_problem(
          "parallelism.tensor_parallel", i, "E_VALUE",
          fmt::format("no engine of {} GPUs{} has tensor_parallel {}", fmt::join(gpus, " or "),
                      piped ? fmt::format(" in {} stages", fmt::join(stages, " or ")) : "",
                      rule.splits[i]),
          wanted);
    }
  }
  for (std::size_t i = 0; i < stages.size() && piped; ++i) {
    if (std::none_of(gpus.begin(), gpus.end(),
                     [&](std::int64_t count) { return rule.has_layout(count, stages[i]); })) {
      check.item_problem(
          "parallelism.pipeline_parallel", i, "E_VALUE",
          fmt::format("no engine of {} GPUs has {} stages", fmt::join(gpus, " or "), stages[i]),
          "a divisor of one of hardware.gpus that leaves a tensor_parallel");
    }
  }
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    if (std::none_of(stages.begin(), stages.end(),
                     [&](std::int64_t s) { return rule.has_layout(gpus[i], s); })) {
      const bool open = rule.splits.empty();
      check.item_problem(
          "hardware.gpus", i, "E_VALUE",
          piped  ? fmt::format("no pipeline_parallel and tensor_parallel suit an engine of {} GPUs",
                               gpus[i])
          : open ? fmt::format("without parallelism.tensor_parallel, engines of a dense model have "
                               "a power of two GPUs, not {}",
                               gpus[i])
                 : fmt::format("no tensor_parallel of {} suits an engine of {} GPUs",
                               fmt::join(rule.splits, " or "), gpus[i]),
          piped  ? "a multiple of stages and tensor_parallel"
          : open ? "a power of two, or tensor_parallel stated"
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

std::vector<std::int64_t> Scenario::experts_per_layer(std::int64_t kept) const {
  return planned && planned->experts_kept == kept
             ? planned->per_layer
             : std::vector<std::int64_t>(architecture.layers.size(), kept);
}

Scenario load_scenario(const std::filesystem::path& path, const ScenarioOverrides& overrides) {
  const std::string content = text::read_file(path);
  const text::Document document = text::parse_yaml(content, path.string());
  text::Problems problems(document);
  ScenarioValues values = ScenarioValues::parse(document, problems);
  problems.throw_if_any();
  InputCache inputs;
  return make_scenario(std::move(values), path, text::sha256(content), overrides, inputs);
}

Scenario make_scenario(ScenarioValues values, const std::filesystem::path& path,
                       const std::string& sha256, const ScenarioOverrides& overrides,
                       InputCache& inputs) {
  text::Problems problems(path.string());
  Checker check(values, problems, &inputs);
  check_regime(check, values);
  const auto architecture = check.loaded("model.architecture", [&] {
    const std::string name = resolved(values.text("model.architecture"), path);
    return inputs.get<models::SmoeArchitecture>(name,
                                                [&] { return models::load_architecture(name); });
  });
  std::optional<PriceOptions> prices = read_prices(check, values, path);
  std::optional<models::AccuracyCurve> accuracy;
  if (values.has("accuracy.curve")) {
    accuracy = check.loaded("accuracy.curve", [&] {
      const std::string name = resolved(values.text("accuracy.curve"), path);
      return *inputs.get<models::AccuracyCurve>(name, [&] { return models::load_accuracy(name); });
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

  const models::SmoeArchitecture& model = **architecture;
  const models::Precision precision = values.has("model.precision")
                                          ? *models::precision_from(values.text("model.precision"))
                                          : model.weight_precision;
  std::vector<std::int64_t> experts = read_experts(check, values, model);
  std::optional<PlannedPruning> planned;
  if (values.has("pruning.plan")) {
    planned = read_planned(check, values, path, model);
    check.throw_if_any();
    if (planned->experts_kept != experts.front()) {
      experts.push_back(planned->experts_kept);
    }
  }
  check_products(check, values, model);
  check_layouts(check, values, first_moe(model) == nullptr);
  std::vector<std::string> warnings;
  if (accuracy) {
    warnings =
        check_accuracy(check, *accuracy, model, values.number("accuracy.allow_other_model") != 0.0);
  }
  std::vector<HardwareOption> hardware = read_hardware(
      check, values, path,
      {.weights = precision,
       .experts = model.experts_in(precision),
       // As models::plain_bytes counts them.
       .plain = precision == models::Precision::fp32 ? precision : models::Precision::bf16});
  const NetworkOptions network = read_network(check, values, hardware, path);
  if (overrides.seed) {
    values.override_count("seed", *overrides.seed);
  }
  const std::uint64_t seed =
      overrides.seed ? *overrides.seed : static_cast<std::uint64_t>(values.count("seed"));
  const models::RouterMode router =
      planned ? planned->plan.router : *models::router_mode_from(values.text("pruning.router"));
  std::vector<models::PlacementRule> placement = read_placement(check, values);
  EngineOptions engine = read_engine(check, values, model);
  models::RoutedModel routing =
      planned ? planned_routing(*planned, model)
              : read_routed_model(check, workload.routing, model, router, experts, seed);
  check.throw_if_any();

  std::vector<bool> expert_parallel;
  for (const double flag : values.numbers("parallelism.expert_parallel")) {
    expert_parallel.push_back(flag != 0.0);
  }
  std::vector<Exchange> exchange;
  for (const std::string& name : values.texts("parallelism.exchange")) {
    exchange.push_back(exchange_from(name));
  }
  note_too_long(engine.max_model_length, workload);
  Scenario scenario{
      .name = values.text("name"),
      .file = path.string(),
      .sha256 = sha256,
      .architecture = model,
      .precision = precision,
      .kv_precision = *models::precision_from(values.text("model.kv_precision")),
      .experts_kept = std::move(experts),
      .router = router,
      .planned = std::move(planned),
      .accuracy = std::move(accuracy),
      .hardware = std::move(hardware),
      .gpus = values.counts("hardware.gpus"),
      .tensor_parallel = values.counts("parallelism.tensor_parallel"),
      .pipeline_parallel = values.counts("parallelism.pipeline_parallel"),
      .expert_parallel = std::move(expert_parallel),
      .exchange = std::move(exchange),
      .placement = std::move(placement),
      .redundant_experts = values.counts("parallelism.redundant_experts"),
      .network = network,
      .replica_router = router_policy_from(values.text("parallelism.replica_router")),
      .disaggregation = disaggregation,
      .spare_engines = values.count("parallelism.spare_engines"),
      .engine = std::move(engine),
      .workload = std::move(workload),
      .objectives = objectives,
      .prices = std::move(*prices),
      .uncertainty = {.price = values.number("uncertainty.price"),
                      .jitter = values.number("uncertainty.jitter"),
                      .routing = values.number("uncertainty.routing")},
      .seed = seed,
      .warnings = std::move(warnings),
      .routing = std::move(routing),
      .values = {},
  };
  scenario.values = std::move(values);
  return scenario;
}

}  // namespace moeplan::sim
