#pragma once
// ModelStepCost: prices a step of a deployment with its cost laws (serving.md 2). Terms that depend
// on the number of tokens only are evaluated once per number and kept; decode attention is a line
// in the KV tokens, kept per number of sequences; prefill attention is evaluated for every step.
//   step = host + slowest rank's (norms + projections + attention + all-reduces + router + dense
//          layers + head) + per MoE layer (dispatch + experts of the slowest rank + combine)
// Sliding windows: a layer with window w reads min(KV tokens, sequences x w). With unequal contexts
// that is an upper bound of sum(min(context, w)), by concavity; exact when all or none exceed w.
// Asynchronous scheduling: host time beyond the step's kernels (without attention and head, which
// are not known where it is decided) shows, the rest is hidden. Source: vLLM's runs of 0.18 leave
// none (bin/serving_validation).
// CUDA graphs (EngineOptions::graph_sizes): a step of at most the largest captured size, prompts or
// not, runs at the next captured size on every data-parallel rank, idle ones too; larger steps run
// as they are (vLLM: FULL_AND_PIECEWISE graphs, and none above; coordinate_batch_across_dp).
// Padding rows pass all products, experts, collectives and transfers: they are routed like tokens,
// and wake experts like them (vLLM pull requests 38128 and 46428; rows hold tokens of earlier
// steps). Attention and sampling leave them out. Engines of capacity_padded exchanges capture none.
// Source: CudagraphDispatcher, vLLM 0.19.
// Stated zeros: attention sinks (one logit a head), overlap of exchange and compute (none),
// detokenisation and network to the user.
// Prices one pipeline stage (Deployment::place): embeddings on the first, head on the last, and
// what it receives. PipelineStepCost puts the stages of an engine together.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "models/routing/exchange_traffic.hpp"
#include "sim/deployment/deployment.hpp"
#include "sim/serving/batch.hpp"
#include "sim/serving/count_table.hpp"
#include "sim/serving/exchange_network.hpp"
#include "sim/serving/law_errors.hpp"

namespace moeplan::sim {

class ModelStepCost : public StepCost {
 public:
  // The deployment (of one pipeline stage) must outlive the cost. Every law's estimate is
  // multiplied by exp(its family's error x discrepancy_sd_log).
  explicit ModelStepCost(const Deployment& deployment, const LawErrors& errors = {});

  PhaseTimes cost(std::span<const RankBatch> ranks) override;
  std::optional<DecodeLine> decode_line(std::int64_t sequences, std::int64_t kv_tokens) override;
  ExpertRows expert_rows(std::span<const RankBatch> ranks) override;
  LockStep lock_step() const override { return lock_step_; }
  void begin_run() override { used_outside_ = 0; }
  std::uint64_t remembered() const override { return used_outside_; }
  void remember_only(std::uint64_t remembered) override { used_outside_ = remembered; }
  std::vector<std::string> extrapolated() const override;

 private:
  // Seconds by phase, and which laws were outside their range.
  struct Sum;
  struct Priced {
    PhaseTimes times;
    std::uint64_t outside = 0;  // bit i: uses_[i]
  };
  // One kernel family as this deployment uses it.
  struct LawUse {
    bool datasheet = false;  //
    double bias = 1.0;       // exp(error x discrepancy_sd_log)
    std::uint64_t bit = 0;
  };
  struct LayerGroup {
    models::Layer layer;
    double count = 0.0;
  };

  // Layers of equal attention.
  struct AttentionGroup {
    models::Attention attention;
    double count = 0.0;
  };
  // Decode attention of all layers at one number of sequences.
  struct DecodeAttention {
    struct Windowed {
      std::int64_t kv_tokens = 0;  // read at most: sequences x window
      std::int64_t fs_per_kv_token = 0;
    };
    Priced base;
    std::int64_t fs_per_kv_token = 0;  // of the layers without a window
    std::vector<Windowed> windowed;
    std::int64_t kv_tokens_inside = 0;
    std::uint64_t outside = 0;  // laws that are outside their range above that
  };
  // MoE layers that are alike, with what an all-to-all moves for one token on every rank.
  struct ExpertGroup {
    const ExpertLayers* layers = nullptr;
    double rows_per_token = 0.0;         // per token of an even rank
    double largest_share = 0.0;          // of a token's pairs that goes to the busiest rank
    models::ExchangeVolume normal;       // rows for one token on every rank, by DeepEP's
    models::ExchangeVolume low_latency;  // kinds of kernels
    NetworkStretch stretch;              // of the scenario's exchange (normal kernels)
    NetworkStretch low_latency_stretch;  //
    models::ExpertShape shape;           // on one rank
    // By the group's tokens: load of the busiest rank, and the time its experts take for it.
    struct Routed {
      models::RankLoad load;
      models::Estimate estimate;
    };
    std::unordered_map<std::int64_t, Routed> routed;
  };

  // A family of kernels, and the ranks where they were not measured among as many.
  struct LawName {
    std::string_view kernel;
    bool datasheet = false;
    int ranks = 0;  // 0: not said
    int nodes = 1;
    std::string text() const;
  };
  models::LawSupport support_of(std::string_view kernel) const;
  LawUse use_of(std::string_view kernel);
  LawUse use_of(models::Collective collective, const models::RankGroup& group);
  LawUse use_of(const models::LawSupport& support, std::string_view kernel);
  const LawUse& use_of(models::Collective collective) const;

  void prepare_experts();
  void prepare_exchange(ExpertGroup& group, ExchangeNetwork* network);
  Priced price_rank_tokens(std::int64_t tokens) const;
  // A pure function of its arguments (it keeps what depends on the group alone).
  Priced price_experts(std::int64_t group_tokens, std::int64_t largest_rank);
  const ExpertGroup::Routed& busiest(ExpertGroup& group, std::int64_t group_tokens) const;
  // Rows of every expert's buffer of a rank, when the fullest data-parallel rank has so many
  // tokens.
  std::int64_t capacity_of(const models::MoeFfn& moe, std::int64_t largest_rank) const;
  void add_hop(const Bytes& stream, Sum& sum) const;
  Priced price_head(std::int64_t sampled) const;
  Priced price_host(std::int64_t sequences, bool eager_prompt) const;
  void add_projections(const models::Attention& attention, std::int64_t tokens, double count,
                       Sum& sum) const;
  void add_prompts(const AttentionGroup& group, const RankBatch& batch, Sum& sum) const;
  void prepare_attention();
  DecodeAttention price_decode(std::int64_t sequences) const;
  DecodeLine decode_attention(std::int64_t sequences, std::int64_t kv_tokens);
  PhaseTimes price_attention(const RankBatch& batch);
  bool quantised_dispatch() const;
  double dispatch_row() const;
  // own: tokens of a rank that sends its share; unevenness: busiest over even volume.
  void add_exchange_kernels(const ExpertGroup& group, double own, double unevenness,
                            Sum& sum) const;
  // busiest_pairs: expected pairs of the rank that has most.
  void add_exchange(const ExpertGroup& group, double group_tokens, std::int64_t rank_tokens,
                    double busiest_pairs, Sum& sum) const;
  // The tokens that a step of so many runs at.
  std::int64_t captured(std::int64_t tokens) const {
    return tokens < static_cast<std::int64_t>(captured_.size())
               ? captured_[static_cast<std::size_t>(tokens)]
               : tokens;
  }
  void prepare_graphs();
  const PhaseTimes& use(const Priced& priced);
  PhaseTimes use_shared(std::int64_t group_tokens, std::int64_t largest_rank,
                        std::int64_t sequences, bool eager_prompt);

  const Deployment& d_;
  const models::CostLaws& laws_;
  LawErrors errors_;
  std::vector<LawName> names_;  // [bits]
  LawUse expert_, dense_, decode_, prefill_, mla_, stream_, host_;
  LawUse allreduce_, allgather_, reducescatter_, all2all_, hop_;
  double row_bytes_;  // of an element of the residual stream: quantised models keep 16 bits
  std::vector<std::int64_t> captured_;  // [tokens] up to the largest captured size
  std::vector<LayerGroup> groups_;
  std::vector<AttentionGroup> attention_;
  std::vector<ExpertGroup> experts_;   // by MoE layers that are alike
  bool hides_host_ = false;            // async_scheduling
  bool padded_ = false;                // exchange through buffers of fixed capacity
  bool has_exchange_kernels_ = false;  // laws_.exchange answers, else collectives do
  double pairs_per_token_ = 0.0;       // of all MoE layers
  CountTable<Priced> by_rank_tokens_;
  std::unordered_map<std::int64_t, Priced> by_group_tokens_;  // key: group * 2^24 + largest rank
  // Dropped pairs of one rank, all layers; key: its tokens * 2^24 + the largest rank's.
  std::unordered_map<std::int64_t, double> dropped_;
  CountTable<Priced> by_sampled_;
  CountTable<Priced> by_sequences_;
  CountTable<Priced> by_sequences_eager_;  // of steps with prompt tokens and without a graph
  CountTable<DecodeAttention> by_decode_sequences_;
  std::uint64_t used_outside_ = 0;
  LockStep lock_step_;  // of the step priced last
};

}  // namespace moeplan::sim
