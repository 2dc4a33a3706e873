// The table of all scenario keys: change the format here and nowhere else.

#include "models/architecture/precision.hpp"
#include "models/price/price_book.hpp"
#include "models/routing/placement.hpp"
#include "sim/scenario/expert_routing.hpp"
#include "sim/scenario/field.hpp"
#include "sim/scenario/make_field.hpp"
#include "sim/workload/router_policy.hpp"
#include "sim/workload/trace_layout.hpp"

namespace moeplan::sim {
namespace {

using enum FieldType;

void add_lengths(std::vector<Field>& table, const std::string& section, const std::string& what) {
  const std::string path = "workload." + section + ".";
  table.push_back(choice_field(path + "distribution", {"fixed", "log_normal", "uniform"}, "fixed",
                               "How " + what + " lengths are drawn."));
  table.push_back(count_field(path + "tokens", "", 1, 1e7, "Length when fixed."));
  table.push_back(number_field(path + "median", "", {.low = 1.0, .high = 1e7},
                               "Median length in tokens when log_normal (exp(mu))."));
  table.push_back(number_field(path + "sigma", "", {.low = 0.0, .high = 5.0},
                               "Standard deviation of the log length when log_normal."));
  table.push_back(count_field(path + "min", "1", 1, 1e7,
                              "Shorter draws are drawn again; the shortest when uniform."));
  table.push_back(count_field(path + "max", "1000000", 1, 1e7,
                              "Longer draws are drawn again; the longest when uniform."));
}

void add_arrivals(std::vector<Field>& t) {
  t.push_back(choice_field(
      "workload.arrivals", {"poisson", "gamma", "closed_loop", "all_at_once", "trace"}, "poisson",
      "Open traffic at a rate (Poisson, or gamma gaps), a fixed number of users, a batch of "
      "`requests` at time 0, or recorded requests."));
  t.push_back(quantity_field("workload.rate", kFrequency, "", text::kPositive,
                             "Wanted traffic of the whole fleet when poisson or gamma: the mean "
                             "over bursts and day, the last rate of a ramp."));
  t.push_back(number_field("workload.burstiness", "", {.low = 0.01, .high = 1e4},
                           "Shape of the gaps when gamma: 1 is Poisson, below bursts, above even "
                           "traffic (vLLM's --burstiness)."));
  t.push_back(number_field("workload.bursts.factor", "", {.low = 1.0, .high = 1e4},
                           "Rate within a burst over the rate between bursts, when poisson or "
                           "gamma."));
  t.push_back(quantity_field("workload.bursts.on", kTime, "", text::kPositive,
                             "Mean length of a burst (exponential)."));
  t.push_back(quantity_field("workload.bursts.off", kTime, "", text::kPositive,
                             "Mean time between bursts (exponential)."));
  Field day = number_field("workload.day_profile", "", text::kNonNegative,
                           "24 relative rates, one an hour, when poisson or gamma.");
  day.list = day.repeats = true;
  t.push_back(day);
  t.push_back(quantity_field("workload.day_length", kTime, "", text::kPositive,
                             "Length of that day; without it, a run is one day, however many "
                             "requests it has."));
  t.push_back(choice_field("workload.ramp_up.shape", {"linear", "exponential"}, "",
                           "The rate grows over the run, when poisson or gamma (vLLM's "
                           "--ramp-up-strategy)."));
  t.push_back(number_field("workload.ramp_up.start", "",
                           {.low = 0.0, .high = 1.0, .low_open = true},
                           "First rate as a fraction of `rate`."));
  t.push_back(count_field("workload.max_concurrency", "", 1, 1e6,
                          "Most requests of one engine in flight in open traffic; later ones wait "
                          "at the client, which TTFT does not count (vLLM's --max-concurrency)."));
  t.push_back(count_field("workload.concurrency", "", 1, 1e6,
                          "Users of the whole fleet when closed_loop."));
  t.push_back(quantity_field("workload.think_time", kTime, "0 s", text::kNonNegative,
                             "Pause between an answer and the user's next request when "
                             "closed_loop."));
}

void add_trace(std::vector<Field>& t) {
  t.push_back(text_field("workload.trace.file", false, "",
                         "Recorded requests to replay when trace (relative to the scenario); their "
                         "lengths come with them."));
  t.push_back(choice_field("workload.trace.format", trace_format_names(), "",
                           "Of the file; without it, found from its header or keys."));
  t.push_back(boolean_field("workload.trace.sort", "false",
                            "Sort rows by time; else rows out of order are an error."));
  t.push_back(number_field("workload.trace.rate_scale", "1",
                           {.low = 0.0, .high = 1e9, .low_open = true},
                           "Wanted traffic of the fleet over the recorded one: times are divided "
                           "by it."));
  t.push_back(
      count_field("workload.trace.max_requests", "", 1, 1e7, "Only the first so many requests."));
  t.push_back(boolean_field("workload.trace.drop_failed", "",
                            "Drop and count rows without output; without it, where the format "
                            "marks failures so (burstgpt, blis)."));
  t.push_back(text_field("workload.lengths.file", false, "",
                         "Recorded lengths to draw from, instead of input_tokens and "
                         "output_tokens: a trace, or a CSV prompt_tokens,output_tokens[,count]."));
  t.push_back(choice_field("workload.lengths.format", trace_format_names(), "",
                           "Of the file; without it, found from its header or keys."));
  t.push_back(boolean_field("workload.lengths.joint", "true",
                            "Draw prompt and output of one recorded request together; false: "
                            "each from all."));
}

std::vector<Field> make_fields() {
  std::vector<Field> t;
  t.push_back(text_field("name", false, "unnamed", "What the reports call this scenario."));

  t.push_back(text_field("model.architecture", true, "",
                         "Catalog id, or path of a Hugging Face config.json or of an architecture "
                         "YAML file (relative to the scenario)."));
  t.push_back(choice_field("model.precision", models::precision_names(), "",
                           "Precision of the weights; without it, what the checkpoint states."));
  t.push_back(choice_field("model.kv_precision", {"bf16", "fp16", "fp8", "fp32"}, "bf16",
                           "Precision of the KV cache."));

  t.push_back(count_list("pruning.experts_kept", "", 1, 1e5,
                         "Experts kept per MoE layer; each value is a candidate. Without it, only "
                         "the unpruned model."));
  t.push_back(choice_field("pruning.router", {"reinitialised", "sliced", "merged_logits"}, "sliced",
                           "What became of the router (serving.md 4)."));
  t.push_back(text_field("pruning.plan", false, "",
                         "Path of a pruning_plan.json of `moeplan prune`: its experts per layer, "
                         "router and routing are a candidate beside the unpruned model; instead of "
                         "the other keys of pruning and of workload.routing."));

  t.push_back(text_field("accuracy.curve", false, "",
                         "Catalog id or path of the accuracy curve over experts kept."));
  t.push_back({.path = "accuracy.allow_other_model",
               .type = boolean,
               .fallback = "false",
               .doc = "true: use the curve although it was measured on a model of another "
                      "architecture (the plan says so)."});

  t.push_back(
      text_list("hardware.gpu", true, "",
                "Catalog ids, or paths of hardware files (relative to the scenario); each is "
                "a candidate."));
  t.push_back(text_list("hardware.node", false, "",
                        "Catalog ids of machines; each is a candidate for its GPU, which must be "
                        "listed. Without one, the GPU's usual node and network."));
  t.push_back(count_list("hardware.gpus", "1", 1, 4096,
                         "GPUs of one engine; each value is a candidate. More than a node holds: "
                         "whole nodes. Replicas come on top."));
  t.push_back(choice_field("hardware.network", {"law", "flows"}, "law",
                           "What prices dispatch and combine: the exchange laws, in which the "
                           "busiest port sets the time; or these stretched by what flows over the "
                           "cluster's links take longer (multi-node all-to-alls). Other "
                           "collectives: always the laws."));
  t.push_back(number_field("hardware.oversubscription", "1", {.low = 1.0, .high = 100.0},
                           "With flows: what a leaf switch's ports to its nodes carry together / "
                           "what its links to the spine carry."));
  t.push_back(count_field("hardware.nodes_per_leaf", "", 1, 4096,
                          "With flows: nodes on one leaf switch; all of them when absent. An "
                          "engine fills leaves in order."));
  t.push_back(text_field("hardware.topology", false, "",
                         "With flows: path of a drawn cluster (relative to the scenario; "
                         "sim/topology/read_topology.hpp has the format) instead of the node's "
                         "usual network. An engine has its first GPUs."));
  t.push_back(
      text_field("hardware.profile", false, "catalog",
                 "Fitted cost laws: `catalog` (the one committed for the GPU, datasheet "
                 "laws for what it lacks), `datasheet`, or the id or path of a profile, for the "
                 "GPU that it was measured on; others then take theirs of the catalog."));

  t.push_back(count_list("parallelism.tensor_parallel", "", 1, 64,
                         "Candidates; without it, every power of two that divides the GPUs."));
  t.push_back(count_list("parallelism.pipeline_parallel", "1", 1, 256,
                         "Stages with contiguous layers; each value is a candidate. An engine has "
                         "tensor x data x pipeline parallel GPUs."));
  t.push_back(
      {.path = "parallelism.expert_parallel",
       .type = boolean,
       .list = true,
       .fallback = "[true, false]",
       .doc = "true: whole experts on ranks (EP = TP x DP); false: every expert is sharded."});
  t.push_back({.path = "parallelism.exchange",
               .type = choice,
               .list = true,
               .fallback = "allgather_reducescatter",
               .choices = {"allgather_reducescatter", "alltoall_per_expert", "alltoall_per_rank",
                           "capacity_padded"},
               .doc = "Exchange of MoE layers when attention data parallelism is above 1: "
                      "alltoall_per_expert as a communication library's all-to-all does it, "
                      "alltoall_per_rank by kernels made for it (DeepEP: normal or low latency, "
                      "the faster) where the GPU's profile has them."});
  t.push_back({.path = "parallelism.placement",
               .type = choice,
               .list = true,
               .fallback = "contiguous",
               .choices = models::placement_rule_names(),
               .doc = "Which whole experts share a rank: by number, dealt round, or balanced by "
                      "their load; each value is a candidate."});
  t.push_back(count_list("parallelism.redundant_experts", "0", 0, 4096,
                         "More copies of the busiest experts of every layer, when balanced; each "
                         "value is a candidate."));
  t.push_back(count_field("parallelism.expert_parallel_size", "1", 1, 4096,
                          "With static_forward: GPUs that share the experts (DeepSpeed's ep_size); "
                          "attention is data-parallel over all."));

  std::vector<std::string> routers = router_policy_names();
  routers.insert(routers.begin(), "split");
  t.push_back(choice_field(
      "parallelism.replica_router", routers, "split",
      "Which engine of the fleet takes a request. split: at random beforehand, one engine is "
      "simulated with its share; any other: all engines are simulated together (simulate, not "
      "plan). least_loaded and power_of_two count the requests in an engine, waiting or running."));

  t.push_back(count_field("parallelism.spare_engines", "0", 0, 1000,
                          "Engines of a plan's fleet beyond those that the traffic needs: so many "
                          "may fail without an objective being missed (N + k)."));

  const std::string pools = "parallelism.disaggregation.";
  t.push_back(count_field(pools + "prefill_engines", "", 1, 4096,
                          "Engines that compute prompts, in one unit of the fleet; their KV cache "
                          "then moves to a decode engine (simulate, not plan)."));
  t.push_back(count_field(pools + "decode_engines", "", 1, 4096,
                          "Engines that write answers, in one unit; hardware.gpus and "
                          "parallelism describe one of them."));
  t.push_back(count_field(pools + "prefill_gpus", "", 1, 4096,
                          "GPUs of a prefill engine; without it, as of a decode engine."));
  t.push_back(count_field(pools + "prefill_tensor_parallel", "", 1, 64,
                          "Of a prefill engine; without it, as a decode engine of as many GPUs, "
                          "else all its GPUs."));

  t.push_back(choice_field("engine.regime", {"serving", "static_forward"}, "serving",
                           "serving: requests and continuous batching; static_forward: one forward "
                           "pass of a training framework (DeepSpeed-MoE) over a fixed batch, for "
                           "`simulate`, without objectives and prices."));
  t.push_back(count_field("engine.max_sequences", "256", 1, 65536, "Running requests per rank."));
  t.push_back(count_field("engine.max_batched_tokens", "8192", 1, 1e6, "Tokens a step per rank."));
  t.push_back(count_field("engine.max_model_length", "", 1, 1e7,
                          "Prompt and output of one request; longer ones are rejected and "
                          "counted. Without it, what the model allows."));
  t.push_back(number_field("engine.memory_utilization", "0.9",
                           {.low = 0.0, .high = 1.0, .low_open = true},
                           "Fraction of GPU memory the engine may use."));
  t.push_back(quantity_field("engine.buffer_memory", kData, "1.5 GiB", text::kNonNegative,
                             "Per GPU for CUDA context, graphs and communication buffers."));
  t.push_back(count_field("engine.kv_blocks", "", 1, 1e9,
                          "KV blocks of 16 tokens per rank, instead of the derived number."));
  t.push_back(quantity_field("engine.host_time", kTime, "", text::kNonNegative,
                             "Host time per step, instead of the profile's law and its launches."));
  t.push_back(boolean_field(
      "engine.async_scheduling", "true",
      "The host schedules a step while the one before runs (vLLM from 0.14 on), and only what is "
      "longer than its kernels shows; false: its time lies between steps. Pipelines: always."));
  t.push_back(boolean_field("engine.chunked_prefill", "true",
                            "false: a prompt waits until it fits a step whole (max_batched_tokens "
                            "must hold the longest)."));
  Field graphs =
      count_list("engine.cuda_graph_sizes", "default", 1, 1e6,
                 "Tokens for which CUDA graphs are captured: steps up to the largest are "
                 "padded to the next of them, on all data-parallel ranks. default: "
                 "vLLM's sizes; none: no padding.");
  graphs.choices = {"default", "none"};
  t.push_back(graphs);
  t.push_back(
      choice_field("engine.pipeline_batches", {"queue", "divided"}, "queue",
                   "How a pipeline fills its batches: with all that is not on its way (vLLM "
                   "V1: light traffic ends up in one batch), or with an even share of the "
                   "sequences each (a micro-batch a stage, as SGLang)."));
  t.push_back(boolean_field("engine.prefix_caching", "false",
                            "Blocks of equal prompt beginnings are computed once (vLLM's automatic "
                            "prefix caching); needs a trace with block hashes, or "
                            "workload.shared_prefix."));
  t.push_back(quantity_field("engine.startup_time", kTime, "10 min", text::kNonNegative,
                             "From renting a machine to its engine's first request; paid for where "
                             "a fleet follows workload.day_profile."));
  t.push_back(number_field("engine.jitter", "0", {.low = 0.0, .high = 1.0},
                           "Standard deviation of the log of a factor of mean 1 drawn per step."));

  t.push_back(count_field("workload.batch", "", 1, 1e6,
                          "With static_forward: sequences of each GPU in the pass."));
  t.push_back(count_field("workload.sequence_length", "", 1, 1e7,
                          "With static_forward: tokens of each sequence."));
  add_arrivals(t);
  add_lengths(t, "input_tokens", "prompt");
  add_lengths(t, "output_tokens", "output");
  add_trace(t);
  t.push_back(count_field("workload.shared_prefix.tokens", "", 1, 1e7,
                          "The first tokens of every prompt are those of one of `groups` texts "
                          "(prompt lengths stay as drawn)."));
  t.push_back(count_field("workload.shared_prefix.groups", "1", 1, 1e9,
                          "How many such texts there are, each as frequent."));
  t.push_back(count_field("workload.requests", "10000", 1, 1e8,
                          "Arrivals per replica in one run; p99 from fewer than 10000 is marked. "
                          "Of a trace: by default all; all_at_once: of the whole fleet."));
  t.push_back(count_field("workload.warmup_requests", "500", 0, 1e8,
                          "First arrivals that no percentile counts."));
  t.push_back(choice_field("workload.routing.distribution", routing_distribution_names(), "uniform",
                           "How tokens spread over experts."));
  t.push_back(number_field("workload.routing.alpha", "1.0", {.low = 0.0, .high = 4.0},
                           "Exponent of the popularity rank^-alpha when power_law."));
  t.push_back(number_field("workload.routing.concentration", "", {.low = 0.01, .high = 1e6},
                           "Of a symmetric Dirichlet draw per layer when dirichlet: small is "
                           "skewed (models/routing/README.md has a table)."));
  t.push_back(text_field("workload.routing.file", false, "",
                         "CSV of measured counts when measured (relative to the scenario): "
                         "layer,expert,count or layer,expert,probability or "
                         "layer,expert_1..expert_k."));
  t.push_back(text_field("workload.routing.task", false, "",
                         "Rows of this task only, when measured; without it, all rows."));
  t.push_back(text_field("workload.source", false, "", "Where the traffic figures come from."));

  t.push_back(choice_field("objectives.search", {"cheapest", "best_quality", "most_traffic"},
                           "cheapest",
                           "What a plan looks for: the cheapest fleet for this traffic, the most "
                           "accurate one for it within the budget, or the most traffic within the "
                           "budget (workload.rate then says nothing)."));
  t.push_back(quantity_field("objectives.ttft_p99", kTime, "", text::kPositive,
                             "Most time to first token at the 99th percentile."));
  t.push_back(quantity_field("objectives.tpot_p99", kTime, "", text::kPositive,
                             "Most time per output token at the 99th percentile."));
  t.push_back(quantity_field("objectives.ttft_p50", kTime, "", text::kPositive,
                             "Most time to first token at the median."));
  t.push_back(quantity_field("objectives.tpot_p50", kTime, "", text::kPositive,
                             "Most time per output token at the median."));
  t.push_back(number_field("objectives.accuracy_loss", "", text::kFraction,
                           "Most accuracy lost against the unpruned model (a fraction, 0.02 = 2 "
                           "points)."));
  t.push_back(quantity_field("objectives.budget", kRent, "", text::kPositive,
                             "Most money for the whole fleet."));

  t.push_back(text_list("prices.book", true, "",
                        "Catalog ids or paths of price books; several are taken as one."));
  t.push_back(
      choice_list("prices.tier", models::price_tiers(), "on_demand",
                  "Which offers count, the cheapest of all tiers named; owned: machines of one's "
                  "own, at their total cost."));
  t.push_back(
      text_field("prices.provider", false, "",
                 "Only this provider; without it, the offer that makes the plan cheapest."));
  t.push_back(quantity_field("prices.api_input", kTokenPrice, "", text::kPositive,
                             "What others ask for an input token over an API: a plan says from "
                             "which traffic on it is cheaper."));
  t.push_back(quantity_field("prices.api_output", kTokenPrice, "", text::kPositive,
                             "The same for an output token."));
  t.push_back(text_field("prices.as_of", false, "",
                         "Date (YYYY-MM-DD) against which price age is counted; without it, the "
                         "book's own."));
  t.push_back(number_field("uncertainty.price", "0.1", {.low = 0.0, .high = 0.9},
                           "For intervals (--draws): nine in ten times a GPU will cost between 1 "
                           "minus and 1 plus this, times its price."));
  t.push_back(number_field("uncertainty.jitter", "0.05", {.low = 0.0, .high = 1.0},
                           "For intervals: engine.jitter is more by 0 to this, all equally "
                           "likely."));
  t.push_back(number_field("uncertainty.routing", "0.25", {.low = 0.0, .high = 2.0},
                           "For intervals: when power_law, or uniform (alpha 0), alpha is off by "
                           "up to this, and never below 0, all equally likely; when dirichlet, sd "
                           "of the log of the concentration; when measured, sd of the log of a "
                           "factor on the experts' log-odds."));
  t.push_back(count_field("seed", "1", 0, 9007199254740992.0, "Of every random stream."));
  return t;
}

}  // namespace

const std::vector<Field>& scenario_fields() {
  static const std::vector<Field> kFields = make_fields();
  return kFields;
}

const std::vector<std::string>& required_sections() {
  static const std::vector<std::string> kSections = {"model", "hardware", "workload"};
  return kSections;
}

const std::vector<std::string>& sections_of_serving() {
  static const std::vector<std::string> kSections = {"objectives", "prices"};
  return kSections;
}

const std::vector<std::string>& fields_of_static_forward() {
  static const std::vector<std::string> kFields = {"parallelism.expert_parallel_size",
                                                   "workload.batch", "workload.sequence_length"};
  return kFields;
}

}  // namespace moeplan::sim
