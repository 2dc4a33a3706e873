#include "calibrate/fitting/predictor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "calibrate/fitting/fit_kernels.hpp"
#include "calibrate/fitting/plausibility.hpp"
#include "calibrate/fitting/sample_key.hpp"
#include "models/latency/datasheet_laws.hpp"

namespace moeplan::calibrate {
namespace {

using models::LawInfo;
using models::Precision;

Prediction refusal(std::string why) {
  Prediction none;
  none.refused = std::move(why);
  return none;
}

// Of a list of laws that answer by precision of the cache, the one that did.
const LawInfo& of_cache(const std::vector<LawInfo>& infos, const std::string& kernel,
                        Precision cache) {
  const bool eight = models::activation_bytes(cache) < 2.0;
  const LawInfo* first = nullptr;
  for (const LawInfo& info : infos) {
    if (info.kernel != kernel) {
      continue;
    }
    const auto precision = models::precision_from(info.dtype);
    if (precision && (models::activation_bytes(*precision) < 2.0) == eight) {
      return info;
    }
    first = first == nullptr ? &info : first;
  }
  return first == nullptr ? infos.front() : *first;
}

// The widest band of several laws that may have answered; a fitted one before the data sheet.
const LawInfo& widest(const std::vector<LawInfo>& infos, const std::string& source,
                      const std::string& dtype) {
  const auto rank = [&](const LawInfo& info) {
    return std::tuple(info.kernel_source == source, info.dtype == dtype, !info.datasheet,
                      info.discrepancy_sd_log);
  };
  return *std::max_element(infos.begin(), infos.end(),
                           [&](const LawInfo& a, const LawInfo& b) { return rank(a) < rank(b); });
}

// Sources that time a communication library, not an engine's own kernels.
bool is_library(const std::string& source) {
  return source.starts_with("nccl") || source.starts_with("osu") || source.starts_with("imb") ||
         source.starts_with("vidur");
}

double constant(const models::FittedLaw& law, const char* name) {
  const auto found = law.constants.find(name);
  return found == law.constants.end() ? 0.0 : found->second;
}

// The names under which a profile knows the sample's law.
struct LawName {
  std::string kernel;
  std::string source;
  std::string dtype;
};

LawName law_name(const SampleKey& key) { return {key.kernel, key.kernel_source, key.dtype}; }

}  // namespace

std::string_view name_of(LawOrigin origin) {
  switch (origin) {
    case LawOrigin::own:
      return "own";
    case LawOrigin::stand_in:
      return "stand_in";
    case LawOrigin::data_sheet:
      return "data_sheet";
  }
  throw std::logic_error("unknown origin of a law");
}

Predictor::Predictor(const models::Gpu& gpu, const models::Fabric& inside,
                     const models::Fabric* between, const models::Profile* profile)
    : gpu_(gpu), inside_(inside), between_(between), profile_(profile) {}

const Predictor::Chosen& Predictor::laws_for(const std::string& kernel, const std::string& source,
                                             const std::string& dtype, Precision precision) {
  const auto found = chosen_.find({kernel, source, dtype, precision});
  if (found != chosen_.end()) {
    return found->second;
  }
  bool own = false;
  models::Profile kept;
  if (profile_ != nullptr) {
    kept = *profile_;
    const auto is_own = [&](const models::FittedLaw& law) {
      return law.info.kernel == kernel && law.info.kernel_source == source &&
             law.info.dtype == dtype;
    };
    const auto law_of_rows = std::find_if(kept.laws.begin(), kept.laws.end(), is_own);
    own = law_of_rows != kept.laws.end();
    if (own) {
      // What competes: other laws of the kernel for the same kind of rows. "mla" has three kinds.
      const std::string form = law_of_rows->info.form;
      const double absorbed = constant(*law_of_rows, "absorbed");
      std::erase_if(kept.laws, [&](const models::FittedLaw& law) {
        return law.info.kernel == kernel && law.info.form == form &&
               constant(law, "absorbed") == absorbed && !is_own(law) &&
               (law.info.dtype == dtype || law.info.kernel_source != source);
      });
    }
  }
  models::CostLaws laws = models::make_cost_laws(
      gpu_, inside_, between_, profile_ == nullptr ? nullptr : &kept,
      {.weights = precision, .experts = precision, .allow_other_hardware = true});
  return chosen_
      .emplace(std::tuple(kernel, source, dtype, precision),
               Chosen{.profile = std::move(kept), .laws = std::move(laws), .own = own})
      .first->second;
}

Prediction Predictor::made(const models::Estimate& estimate, const LawInfo& info, bool own) const {
  return {
      .seconds = in_seconds(estimate.duration),
      .extrapolated = estimate.extrapolated,
      .sd_log = info.discrepancy_sd_log,
      .origin = info.datasheet ? LawOrigin::data_sheet
                : own          ? LawOrigin::own
                               : LawOrigin::stand_in,
      .law = info.datasheet ? "data sheet" : fmt::format("{} {}", info.kernel_source, info.dtype),
      .refused = ""};
}

Prediction Predictor::predict(const models::ExpertSample& sample) {
  if (!gpu_.supports(sample.origin.precision)) {
    return refusal(fmt::format("{} does not run {}", gpu_.id, name_of(sample.origin.precision)));
  }
  const LawName name = law_name(sample_key(sample));
  const Chosen& chosen = laws_for(name.kernel, name.source, name.dtype, sample.origin.precision);
  const models::ExpertLatency& law = chosen.laws.expert;
  models::Estimate estimate = law.estimate(sample.shape, sample.load);
  if (sample.part != models::ExpertPart::layer) {
    estimate.duration =
        seconds(models::expert_part_seconds(law.theta(), sample.part, sample.shape, sample.load));
  }
  return made(estimate, law.info(), chosen.own);
}

Prediction Predictor::predict(const models::DenseSample& sample) {
  if (!gpu_.supports(sample.origin.precision)) {
    return refusal(fmt::format("{} does not run {}", gpu_.id, name_of(sample.origin.precision)));
  }
  const LawName name = law_name(sample_key(sample));
  const Chosen& chosen = laws_for(name.kernel, name.source, name.dtype, sample.origin.precision);
  const models::DenseLatency& law = chosen.laws.dense;
  models::Estimate estimate = law.estimate(sample.rows, sample.columns, sample.inner);
  if (sample.product_alone) {
    models::DenseTheta theta = law.theta();
    theta.quantise = 0.0;
    estimate.duration = seconds(models::dense_seconds(theta, sample.origin.precision, sample.rows,
                                                      static_cast<double>(sample.columns),
                                                      static_cast<double>(sample.inner)));
  }
  return made(estimate, law.info(), chosen.own);
}

Prediction Predictor::predict(const models::AttentionSample& sample) {
  const LawName name = law_name(sample_key(sample));
  const Chosen& chosen = laws_for(name.kernel, name.source, name.dtype, Precision::bf16);
  const models::AttentionLatency& law = chosen.laws.attention;
  const models::Estimate estimate =
      sample.decode ? law.decode(sample.shape, sample.sequences, sample.sequences * sample.history)
                    : law.prefill(sample.shape, sample.sequences, sample.chunk, sample.history);
  return made(estimate, of_cache(law.info(), name.kernel, sample.shape.kv_precision), chosen.own);
}

Prediction Predictor::predict(const models::LatentSample& sample) {
  if (sample.kernel_alone) {
    return refusal("mla: kernels alone; the law is of the whole block");
  }
  if (!gpu_.supports(sample.origin.precision)) {
    return refusal(fmt::format("{} does not run {}", gpu_.id, name_of(sample.origin.precision)));
  }
  const LawName name = law_name(sample_key(sample));
  const Chosen& chosen = laws_for(name.kernel, name.source, name.dtype, sample.origin.precision);
  const models::MlaLatency& law = chosen.laws.mla;
  const bool absorbed = sample.path == models::LatentPath::absorbed;
  if (!sample.decode && absorbed && law.absorbed_up_to(sample.shape) == 0.0) {
    return refusal("mla: no law of absorbed prompts");
  }
  models::PrefillBatch batch;
  batch.add(sample.chunk, sample.history, sample.sequences);
  models::Estimate estimate =
      sample.decode ? law.decode(sample.shape, sample.sequences, sample.sequences * sample.history)
                    : law.prefill(sample.shape, sample.path, batch);
  const auto dense = [&](Precision precision) {
    const auto fitted = models::find_law(chosen.profile, "dense", precision);
    return fitted ? *fitted : models::datasheet_dense(gpu_, precision);
  };
  estimate.duration =
      estimate.duration + seconds(mla_product_seconds(
                              sample, {dense(sample.origin.precision), dense(Precision::bf16)}));
  std::vector<LawInfo> kind;  // of these forms only: decode and prompts are both "mla"
  for (const LawInfo& info : law.info()) {
    if ((info.form == "mla_decode_v1") == sample.decode) {
      kind.push_back(info);
    }
  }
  return made(estimate, of_cache(kind, "mla", sample.shape.kv_precision), chosen.own);
}

Prediction Predictor::predict(const models::CollectiveSample& sample) {
  if (const std::string why = why_not_between(sample, gpu_); !why.empty()) {
    return refusal(std::string(family_of(sample.collective)) + ": " + why);
  }
  if (sample.nodes > 1 && between_ == nullptr) {
    return refusal("ranks on several nodes, and no fabric between nodes is known");
  }
  const LawName name = law_name(sample_key(sample));
  // Bytes are bytes: a law of any element type of the source is its own.
  std::string dtype = name.dtype;
  if (profile_ != nullptr) {
    for (const models::FittedLaw& law : profile_->laws) {
      if (law.info.kernel == name.kernel && law.info.kernel_source == name.source) {
        dtype = law.info.dtype;
      }
    }
  }
  const Chosen& chosen = laws_for(name.kernel, name.source, dtype, Precision::bf16);
  const models::CollectiveLatency& law = chosen.laws.collective;
  const models::RankGroup group(sample.ranks,
                                sample.nodes > 1 ? std::optional(sample.nodes) : std::nullopt);
  models::Estimate estimate = law.estimate(sample.collective, group, bytes(sample.bytes));
  const LawInfo info = widest(law.info(sample.collective, group), name.source, dtype);
  if (info.datasheet && is_library(name.source)) {
    // The law prices what an engine takes, which has kernels of its own beside the library's.
    const models::FabricLaw fabric(inside_, std::max(1, gpu_.gpus_per_node), between_);
    estimate.duration = seconds(fabric.seconds(sample.collective, group, sample.bytes));
  }
  return made(estimate, info, chosen.own);
}

Prediction Predictor::predict(const models::StreamSample& sample) {
  // One law stands for all kernels that only pass data; profiles keep it as "permute".
  const Chosen& chosen =
      laws_for("permute", sample.origin.kernel_source,
               std::string(models::name_of(sample.origin.precision)), Precision::bf16);
  const models::StreamLatency& law = chosen.laws.stream;
  return made(law.estimate(bytes(sample.bytes)), law.info(),
              chosen.own && law.info().kernel_source == sample.origin.kernel_source);
}

Prediction Predictor::predict(const models::ExchangeSample& sample) {
  const std::string& source = sample.origin.kernel_source;
  if (sample.nodes > 1 && between_ == nullptr) {
    return refusal("ranks on several nodes, and no fabric between nodes is known");
  }
  if (source.ends_with("_prepare")) {
    return refusal("all2all: no law of the step that prepares an exchange");
  }
  if (sample.multiprocessors != 0 && sample.multiprocessors != kExchangeMultiprocessors) {
    return refusal(fmt::format("all2all: on other than {} multiprocessors, the engines' choice",
                               kExchangeMultiprocessors));
  }
  const auto mode = source == kernel_source_of(models::ExchangeMode::low_latency)
                        ? models::ExchangeMode::low_latency
                        : models::ExchangeMode::normal;
  const Chosen& chosen = laws_for("", "", "", Precision::bf16);
  const std::string dtype(models::name_of(sample.origin.precision));  // tells the phases apart
  const models::RankGroup group(sample.ranks, sample.nodes);
  const models::ExchangeLoad load = exchange_load(sample, mode);
  if (source == kernel_source_of(mode) &&
      chosen.laws.exchange.takes(mode, sample.nodes, load.tokens)) {
    return made(chosen.laws.exchange.estimate(mode, sample.phase, group, load),
                widest(chosen.laws.exchange.info(sample.nodes), source, dtype), true);
  }
  const double other = static_cast<double>(sample.ranks) / (sample.ranks - 1.0);
  const models::Estimate estimate = chosen.laws.collective.estimate(
      models::Collective::all_to_all, group, bytes((load.near_bytes + load.far_bytes) * other));
  return made(
      estimate,
      widest(chosen.laws.collective.info(models::Collective::all_to_all, group), source, dtype),
      false);
}

}  // namespace moeplan::calibrate
