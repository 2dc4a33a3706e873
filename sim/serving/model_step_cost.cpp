#include "sim/serving/model_step_cost.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/units/require.hpp"
#include "sim/serving/model_step_sum.hpp"

namespace moeplan::sim {
namespace {

using models::Collective;

}  // namespace

ModelStepCost::ModelStepCost(const Deployment& deployment, const LawErrors& errors)
    : d_(deployment),
      laws_(deployment.hardware().laws),
      errors_(errors),
      row_bytes_(models::plain_bytes(deployment.scenario->precision)) {
  require(deployment.candidate.pipeline_parallel == 1, "a stage is priced, not a pipeline");
  // A pipeline's stages have one scheduler, which works while they do (pipeline_replica.hpp).
  hides_host_ = deployment.scenario->engine.async_scheduling && deployment.place.first &&
                deployment.place.last && !deployment.scenario->engine.host_time;
  prepare_experts();
  prepare_attention();
  prepare_graphs();
  names_.reserve(16);
  expert_ = use_of("expert");
  dense_ = use_of("dense");
  decode_ = use_of("attention_decode");
  prefill_ = use_of("attention_prefill");
  mla_ = use_of("mla");
  // A profile may have it as the permute kernel.
  stream_ = use_of(support_of(laws_.stream.info().kernel), "stream");
  host_ = use_of("host");
  allreduce_ = use_of(Collective::all_reduce, deployment.tensor_group());
  allgather_ = use_of(Collective::all_gather, deployment.data_group());
  reducescatter_ = use_of(Collective::reduce_scatter, deployment.data_group());
  all2all_ = use_of(Collective::all_to_all, deployment.engine_group());
  if (deployment.place.hop_nodes > 0) {
    hop_ = use_of(laws_.collective.support(Collective::all_to_all, {2, deployment.place.hop_nodes}),
                  "all2all");
  }
  for (const models::Layer& layer : deployment.architecture.layers) {
    const auto same = std::find_if(groups_.begin(), groups_.end(),
                                   [&](const LayerGroup& g) { return g.layer == layer; });
    if (same == groups_.end()) {
      groups_.push_back({layer, 1.0});
    } else {
      same->count += 1.0;
    }
  }
}

void ModelStepCost::prepare_graphs() {
  const std::vector<std::int64_t>& sizes = d_.scenario->engine.graph_sizes;
  if (padded_ || sizes.empty()) {
    return;
  }
  captured_.push_back(0);
  for (const std::int64_t size : sizes) {
    captured_.resize(static_cast<std::size_t>(size) + 1, size);
  }
}

models::LawSupport ModelStepCost::support_of(std::string_view kernel) const {
  models::LawSupport support;
  for (const models::LawInfo& law : laws_.all()) {
    if (law.kernel == kernel) {
      support.add(law);
    }
  }
  return support;
}

ModelStepCost::LawUse ModelStepCost::use_of(std::string_view kernel) {
  return use_of(support_of(kernel), kernel);
}

ModelStepCost::LawUse ModelStepCost::use_of(const models::LawSupport& support,
                                            std::string_view kernel) {
  const LawUse use{.datasheet = support.datasheet,
                   .bias = std::exp(errors_.of(kernel) * support.discrepancy_sd_log),
                   .bit = std::uint64_t{1} << names_.size()};
  names_.push_back({kernel, support.datasheet});
  return use;
}

std::string ModelStepCost::LawName::text() const {
  std::string name = fmt::format("{}{}", kernel, datasheet ? " (data sheet)" : "");
  if (ranks > 0) {
    name += nodes > 1 ? fmt::format(" of {} ranks on {} nodes", ranks, nodes)
                      : fmt::format(" of {} ranks", ranks);
  }
  return name;
}

// Terms of one rank that depend on its number of tokens alone.
ModelStepCost::Priced ModelStepCost::price_rank_tokens(std::int64_t tokens) const {
  Sum sum;
  const auto t = static_cast<double>(tokens);
  const std::int64_t h = d_.architecture.hidden;
  const std::int64_t tp = d_.candidate.tensor_parallel;
  const Bytes stream = Bytes(t * static_cast<double>(h) * row_bytes_);
  const auto& norm = laws_.stream;
  const auto& dense = laws_.dense;
  const auto reduce = [&](double count) {
    if (tp > 1) {
      sum.add(Phase::allreduce,
              laws_.collective.estimate(Collective::all_reduce, static_cast<int>(tp), stream),
              allreduce_, count);
    }
  };
  if (d_.place.first) {
    // Embedding lookup: read and write one row a token; a vocabulary-parallel table is summed.
    sum.add(Phase::norm, norm.estimate(stream * 2.0), stream_);
    reduce(1.0);
  } else {
    add_hop(stream, sum);
  }
  for (const LayerGroup& group : groups_) {
    // Two fused add-and-norm kernels (two reads, two writes).
    sum.add(Phase::norm, norm.estimate(stream * 4.0), stream_, 2.0 * group.count);
    add_projections(group.layer.attention, tokens, group.count, sum);
    reduce(group.count);
    if (const auto* ffn = std::get_if<models::DenseFfn>(&group.layer.ffn)) {
      const std::int64_t width = ffn->intermediate / tp;
      const std::int64_t matrices = ffn->gated ? 2 : 1;
      sum.add(Phase::dense, dense.estimate(t, matrices * width, h), dense_, group.count);
      const double rows = t * static_cast<double>((matrices + 1) * width);
      sum.add(Phase::dense, norm.estimate(Bytes(rows * row_bytes_)), stream_, group.count);
      sum.add(Phase::dense, dense.estimate(t, h, width), dense_, group.count);
      reduce(group.count);
    } else {
      const auto& moe = std::get<models::MoeFfn>(group.layer.ffn);
      sum.add(Phase::router, laws_.plain.estimate(t, moe.experts, h), dense_, group.count);
    }
  }
  return sum.priced();
}

// Hidden states and residual come from the stage before: each TP rank receives its share from the
// rank at its place there, and the group gathers the shares (vLLM 0.19: IntermediateTensors,
// send_tensor_dict with all_gather_group). An all-to-all of two ranks keeps half of its volume, and
// is the send and the receive between them.
void ModelStepCost::add_hop(const Bytes& stream, Sum& sum) const {
  const int tp = d_.candidate.tensor_parallel;
  const Bytes all = stream * 2.0;
  sum.add(
      Phase::pipeline_transfer,
      laws_.collective.estimate(Collective::all_to_all, {2, d_.place.hop_nodes}, all * (2.0 / tp)),
      hop_);
  if (tp > 1) {
    sum.add(Phase::pipeline_transfer,
            laws_.collective.estimate(Collective::all_gather, d_.tensor_group(), all), allgather_);
  }
}

ModelStepCost::Priced ModelStepCost::price_head(std::int64_t sampled) const {
  Sum sum;
  if (sampled == 0 || !d_.place.last) {
    return sum.priced();
  }
  const auto rows = static_cast<double>(sampled);
  const int tp = d_.candidate.tensor_parallel;
  const auto vocabulary = static_cast<double>(d_.architecture.vocabulary);
  sum.add(Phase::head,
          laws_.plain.estimate(rows, d_.architecture.vocabulary / tp, d_.architecture.hidden),
          dense_);
  if (tp > 1) {
    sum.add(Phase::head,
            laws_.collective.estimate(Collective::all_gather, tp,
                                      Bytes(rows * vocabulary * row_bytes_)),
            allgather_);
  }
  // Sampling reads the logits in fp32.
  sum.add(Phase::head, laws_.stream.estimate(Bytes(rows * vocabulary * 4.0)), stream_);
  return sum.priced();
}

ModelStepCost::Priced ModelStepCost::price_host(std::int64_t sequences, bool eager_prompt) const {
  Sum sum;
  if (d_.scenario->engine.host_time) {
    sum.seconds[static_cast<std::size_t>(Phase::host)] = d_.scenario->engine.host_time->value();
  } else {
    sum.add(Phase::host, laws_.host.per_step(static_cast<double>(sequences)), host_);
    if (eager_prompt) {
      double moe_layers = 0.0;
      double dense_layers = 0.0;
      for (const LayerGroup& group : groups_) {
        (std::holds_alternative<models::MoeFfn>(group.layer.ffn) ? moe_layers : dense_layers) +=
            group.count;
      }
      sum.add(Phase::launch, {laws_.host.per_prompt_step(dense_layers, moe_layers)}, host_);
    }
  }
  return sum.priced();
}

PhaseTimes ModelStepCost::cost(std::span<const RankBatch> ranks) {
  std::int64_t group_tokens = 0;
  std::int64_t largest = 0;
  std::int64_t sequences = 0;
  bool prompt = false;
  for (const RankBatch& batch : ranks) {
    prompt = prompt || batch.prefill_tokens > 0;
    group_tokens += batch.tokens();
    largest = std::max(largest, batch.tokens());
    sequences = std::max(sequences, batch.sequences());
  }
  require(group_tokens > 0, "a step without tokens has no cost");
  const bool in_graph = largest < static_cast<std::int64_t>(captured_.size());
  if (in_graph) {
    largest = captured(largest);
    group_tokens = largest * d_.candidate.data_parallel;
  }
  PhaseTimes slowest;
  SimDuration own_work;  // of all ranks
  for (const RankBatch& batch : ranks) {
    if (batch.tokens() == 0) {
      continue;  // a dummy batch waits for the slowest rank
    }
    const std::int64_t tokens = in_graph ? largest : batch.tokens();
    PhaseTimes times =
        use(kept(by_rank_tokens_, tokens, [&] { return price_rank_tokens(tokens); }));
    times += price_attention(batch);
    times += use(kept(by_sampled_, batch.sampled, [&] { return price_head(batch.sampled); }));
    const SimDuration own = times.total();
    own_work += own;
    if (own > slowest.total()) {
      slowest = times;
    }
  }
  const auto count = static_cast<std::int64_t>(ranks.size());
  lock_step_.slowest = slowest.total();
  lock_step_.waiting =
      SimDuration((lock_step_.slowest.picoseconds() * count - own_work.picoseconds()) / count);
  slowest += use_shared(group_tokens, largest, sequences, prompt && !in_graph);
  return slowest;
}

// What the ranks of a step pay together: experts and the host.
PhaseTimes ModelStepCost::use_shared(std::int64_t group_tokens, std::int64_t largest_rank,
                                     std::int64_t sequences, bool eager_prompt) {
  PhaseTimes times = use(kept(eager_prompt ? by_sequences_eager_ : by_sequences_, sequences,
                              [&] { return price_host(sequences, eager_prompt); }));
  SimDuration kernels;  // that the next step's host time can hide behind
  if (hides_host_) {
    const auto own_price = [&] { return price_rank_tokens(largest_rank); };
    kernels = kept(by_rank_tokens_, largest_rank, own_price).times.total();
  }
  if (!experts_.empty()) {
    const std::int64_t key = group_tokens * (std::int64_t{1} << 24) + largest_rank;
    auto found = by_group_tokens_.find(key);
    if (found == by_group_tokens_.end()) {
      found = by_group_tokens_.emplace(key, price_experts(group_tokens, largest_rank)).first;
    }
    times += use(found->second);
    kernels += found->second.times.total();
  }
  if (hides_host_) {
    const SimDuration host = times[Phase::host];
    times.set(Phase::host, host > kernels ? host - kernels : SimDuration(0));
  }
  return times;
}

std::optional<DecodeLine> ModelStepCost::decode_line(std::int64_t sequences,
                                                     std::int64_t kv_tokens) {
  require(sequences > 0 && kv_tokens >= 0, "a decode step has sequences");
  DecodeLine line = decode_attention(sequences, kv_tokens);
  const std::int64_t tokens = captured(sequences);
  line.base += use(kept(by_rank_tokens_, tokens, [&] { return price_rank_tokens(tokens); }));
  line.base += use(kept(by_sampled_, sequences, [&] { return price_head(sequences); }));
  const bool in_graph = tokens < static_cast<std::int64_t>(captured_.size());
  line.base +=
      use_shared(in_graph ? tokens * d_.candidate.data_parallel : tokens, tokens, sequences, false);
  return line;
}

const PhaseTimes& ModelStepCost::use(const Priced& priced) {
  used_outside_ |= priced.outside;
  return priced.times;
}

std::vector<std::string> ModelStepCost::extrapolated() const {
  std::vector<std::string> result;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if ((used_outside_ >> i & 1) != 0) {
      result.push_back(names_[i].text());
    }
  }
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

}  // namespace moeplan::sim
