// The section `pretraining` of a study: run, cluster, laws of its links.

#include <fmt/format.h>

#include "models/catalog/catalog.hpp"
#include "models/latency/cost_laws.hpp"
#include "models/latency/profile.hpp"
#include "sim/study/study_keys.hpp"

namespace moeplan::sim {
namespace {

constexpr text::Range kCount{.low = 1.0, .high = 1e9};

struct Cluster {
  models::Gpu gpu;
  models::CollectiveLatency collective;
};

// The node's GPUs on its fabrics, with the exchange laws that a plan would take for them: those of
// the GPU's profile where the catalog has one, and stated rates beyond.
Cluster load_cluster(const std::string& id) {
  const models::Node node = models::load_node(id);
  models::Gpu gpu = models::load_gpu(node.gpu);
  models::LawRequest request;
  request.other_fabric = node.fabric != gpu.fabric;
  gpu.fabric = node.fabric;
  gpu.uplink = node.uplink;
  gpu.gpus_per_node = node.gpus;
  const models::Fabric inside = models::load_fabric(gpu.fabric);
  const models::Fabric between = models::load_fabric(gpu.uplink);
  std::optional<models::Profile> profile;
  for (const std::string& known : models::catalog_ids("profiles")) {
    if (known == gpu.id) {
      profile = models::load_profile(models::profile_path(known));
    }
  }
  models::CostLaws laws =
      models::make_cost_laws(gpu, inside, &between, profile ? &*profile : nullptr, request);
  return {.gpu = std::move(gpu), .collective = std::move(laws.collective)};
}

// Groups that share experts lie in a node, or on whole nodes: then every expert's replicas have
// equally many GPUs on every node.
void check_division(text::Reader& section, const PretrainingSetup& setup) {
  const std::int64_t per_node = setup.gpu.gpus_per_node;
  for (const std::int64_t ranks : setup.expert_ranks) {
    if (setup.gpus() % ranks != 0 || (per_node % ranks != 0 && ranks % per_node != 0)) {
      section.problem("expert_ranks", "E_VALUE",
                      fmt::format("{} nodes of {} GPUs do not split into groups of {}", setup.nodes,
                                  per_node, ranks),
                      fmt::format("a divisor of {}, or a multiple of it that divides {}", per_node,
                                  setup.gpus()));
    }
  }
  const std::int64_t pass = setup.gpus() * setup.micro_batch;
  if (setup.batch_sequences % pass != 0) {
    section.problem("batch_sequences", "E_VALUE",
                    fmt::format("{} sequences do not divide into passes of {} GPUs with {} each",
                                setup.batch_sequences, setup.gpus(), setup.micro_batch),
                    fmt::format("a multiple of {}", pass));
  }
}

struct RecomputeChoice {
  Recompute value = Recompute::selective;
  std::string source = "default: fused attention keeps no scores";
};

// {value: selective, source: "why"}, or the default.
RecomputeChoice read_recompute(text::Reader& section) {
  RecomputeChoice choice;
  if (section.has("recompute")) {
    text::Reader entry = section.section("recompute");
    const std::string name = entry.choice("value", {"none", "selective", "full"});
    choice.value = name == "none"   ? Recompute::none
                   : name == "full" ? Recompute::full
                                    : Recompute::selective;
    choice.source = entry.string("source");
    entry.finish();
  }
  return choice;
}

}  // namespace

std::optional<PretrainingSetup> read_pretraining(text::Reader& file,
                                                 std::vector<Assumption>& assumptions) {
  text::Reader section = file.section("pretraining");
  const std::size_t before = section.problems().list().size();
  const std::vector<std::int64_t> experts = read_counts(section, "experts");
  const auto tokens = section.quantity<kTokens>("tokens");
  const std::int64_t batch = section.count("batch_sequences", kCount);
  const std::int64_t length = section.count("sequence_length", kCount);
  const std::string node = section.string("node");
  const std::int64_t nodes = section.count("nodes", {.low = 1.0, .high = 1e5});
  const double capacity = section.number("capacity_factor", text::kPositive);
  const std::int64_t minimum = section.count("minimum_capacity", text::kNonNegative);
  section.string("source");
  text::Reader shared = section.section("expert_ranks");
  const std::vector<std::int64_t> ranks = read_counts(shared, "value");
  const std::string ranks_source = shared.string("source");
  shared.finish();
  const Assumption micro = read_assumption(section, "micro_batch", kCount);
  const Assumption mfu = read_assumption(section, "mfu", {.low = 0.01, .high = 1.0});
  const Assumption state =
      read_assumption(section, "state_bytes_per_parameter", {.low = 1.0, .high = 64.0});
  if (micro.value != static_cast<double>(static_cast<std::int64_t>(micro.value))) {
    section.problem("micro_batch", "E_TYPE", "a part of a sequence", "a whole number");
  }
  RecomputeChoice recompute = read_recompute(section);
  const auto cluster =
      node.empty() ? std::nullopt : loaded(section, "node", [&] { return load_cluster(node); });
  section.finish();
  if (!cluster || section.problems().list().size() > before) {
    return std::nullopt;
  }
  PretrainingSetup setup{.experts = experts,
                         .tokens = tokens,
                         .batch_sequences = batch,
                         .sequence_length = length,
                         .micro_batch = static_cast<std::int64_t>(micro.value),
                         .node = node,
                         .nodes = static_cast<int>(nodes),
                         .gpu = cluster->gpu,
                         .collective = cluster->collective,
                         .expert_ranks = ranks,
                         .capacity_factor = capacity,
                         .minimum_capacity = minimum,
                         .mfu = mfu.value,
                         .mfu_low = mfu.low,
                         .mfu_high = mfu.high,
                         .state_per_parameter = bytes(state.value),
                         .recompute = recompute.value,
                         .recompute_source = std::move(recompute.source)};
  check_division(section, setup);
  for (const Assumption& assumption : {mfu, micro, state}) {
    assumptions.push_back(assumption);
  }
  const auto fewest = static_cast<double>(ranks.front());
  const auto most = static_cast<double>(ranks.back());
  assumptions.push_back({.key = "pretraining.expert_ranks",
                         .value = fewest,
                         .low = fewest,
                         .high = most,
                         .source = ranks_source});
  return setup;
}

}  // namespace moeplan::sim
