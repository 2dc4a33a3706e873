#include <fmt/format.h>

#include <algorithm>

#include "models/latency/cost_laws.hpp"
#include "models/latency/datasheet_laws.hpp"
#include "models/text/input_error.hpp"

namespace moeplan::models {
namespace {

// Precisions whose tables may stand in, the precision itself first: (nearly) the same bytes a
// weight and the same arithmetic. nvfp4 only where weights_only says that the device expands it to
// 16 bits, as w4a16 and mxfp4 are.
std::vector<std::string> dtypes_for(Precision precision, bool weights_only) {
  switch (precision) {
    case Precision::bf16:
      return {"bf16", "fp16"};
    case Precision::fp16:
      return {"fp16", "bf16"};
    case Precision::fp8:
      return {"fp8", "fp8_block"};
    case Precision::fp8_block:
      return {"fp8_block", "fp8"};
    case Precision::int8:
      return {"int8", "fp8", "fp8_block"};
    case Precision::w4a16:
      return {"w4a16", "mxfp4"};
    case Precision::mxfp4:
      return {"mxfp4", "w4a16"};
    case Precision::nvfp4:
      return weights_only ? std::vector<std::string>{"nvfp4", "w4a16", "mxfp4"}
                          : std::vector<std::string>{"nvfp4"};
    case Precision::fp32:
      break;
  }
  return {std::string(name_of(precision))};
}

// sd of ln(t) of a law that stands in for another of 8 and of 4 bits; 4-bit kernels differ more.
constexpr double kStandInBand = 0.20;
constexpr double kFourBitBand = 0.30;

}  // namespace

std::optional<FittedLaw> find_law(const Profile& profile, std::string_view kernel,
                                  Precision precision, bool weights_only) {
  for (const std::string& dtype : dtypes_for(precision, weights_only)) {
    const auto found = profile.find(kernel, dtype);
    if (!found.empty()) {
      FittedLaw law = *found.front();
      if (dtype != name_of(precision) && weight_bytes(precision) < 2.0) {
        law.info.source = fmt::format("{} law standing in for {}: {}", dtype, name_of(precision),
                                      law.info.source);
        law.info.discrepancy_sd_log =
            std::max(law.info.discrepancy_sd_log,
                     weight_bytes(precision) < 1.0 ? kFourBitBand : kStandInBand);
      }
      return law;
    }
  }
  return std::nullopt;
}

namespace {

std::optional<FittedLaw> find(const Gpu& gpu, const Profile* profile, const char* kernel,
                              Precision precision) {
  const bool weights_only = activation_bytes(gpu.arithmetic(precision)) == 2.0;
  return profile == nullptr ? std::nullopt : find_law(*profile, kernel, precision, weights_only);
}

std::vector<FittedLaw> all_of(const Profile* profile, std::initializer_list<const char*> kernels) {
  std::vector<FittedLaw> found;
  if (profile != nullptr) {
    for (const FittedLaw& law : profile->laws) {
      for (const char* kernel : kernels) {
        if (law.info.kernel == kernel) {
          found.push_back(law);
        }
      }
    }
  }
  return found;
}

// Laws of collectives: measured on the device's usual fabric, so they say nothing of another kind.
std::vector<FittedLaw> on_fabric(const Profile* profile, const LawRequest& request, bool messages) {
  std::vector<FittedLaw> found;
  if (request.other_fabric) {
    return found;
  }
  for (FittedLaw& law : all_of(profile, {"allreduce", "allgather", "reducescatter", "all2all"})) {
    if ((law.info.form == "message_pnorm_v1") == messages) {
      found.push_back(std::move(law));
    }
  }
  return found;
}

FittedLaw first_or(const Profile* profile, const char* kernel, const FittedLaw& assumed) {
  const std::vector<FittedLaw> found = all_of(profile, {kernel});
  return found.empty() ? assumed : found.front();
}

// 4-bit weights that the device can only multiply in 16 bits.
bool expands_weights(const Gpu& gpu, Precision precision) {
  return weight_bytes(precision) < 1.0 && activation_bytes(gpu.arithmetic(precision)) == 2.0;
}

FittedLaw expert_law(const Gpu& gpu, const Profile* profile, const LawRequest& request) {
  const std::optional<FittedLaw> fitted = find(gpu, profile, "expert", request.experts);
  const FittedLaw law = fitted ? *fitted : datasheet_expert(gpu, request.experts);
  return request.as_served && expands_weights(gpu, request.experts)
             ? with_expanded_weights(law, gpu)
             : law;
}

FittedLaw dense_law(const Gpu& gpu, const Profile* profile, Precision precision) {
  const std::optional<FittedLaw> fitted = find(gpu, profile, "dense", precision);
  return fitted ? *fitted : datasheet_dense(gpu, precision);
}

std::vector<FittedLaw> or_sheet(std::vector<FittedLaw> found, const FittedLaw& sheet) {
  if (found.empty()) {
    found.push_back(sheet);
  }
  return found;
}

std::vector<FittedLaw> mla_laws(const Gpu& gpu, const Profile* profile) {
  std::vector<FittedLaw> laws = all_of(profile, {"mla"});
  const auto has = [&](std::string_view form) {
    return std::any_of(laws.begin(), laws.end(),
                       [&](const FittedLaw& law) { return law.info.form == form; });
  };
  for (const FittedLaw& sheet : {datasheet_mla_decode(gpu), datasheet_mla_prefill(gpu)}) {
    if (!has(sheet.info.form)) {
      laws.push_back(sheet);
    }
  }
  return laws;
}

void check_hardware(const Gpu& gpu, const Profile* profile, const LawRequest& request) {
  if (profile == nullptr || profile->hardware == gpu.id || request.allow_other_hardware) {
    return;
  }
  throw InputError({.code = "E_VALUE",
                    .file = profile->id,
                    .mark = {},
                    .pointer = "/hardware",
                    .what = "the profile was measured on another device",
                    .got = "'" + profile->hardware + "'",
                    .expected = "'" + gpu.id + "'",
                    .fix = "use that device's profile, or none: data-sheet laws"});
}

std::vector<LawInfo> infos_of(const CostLaws& laws) {
  std::vector<LawInfo> infos{laws.expert.info(), laws.dense.info(), laws.plain.info()};
  for (const std::vector<LawInfo>& more :
       {laws.attention.info(), laws.collective.info(), laws.exchange.info(), laws.mla.info()}) {
    infos.insert(infos.end(), more.begin(), more.end());
  }
  infos.push_back(laws.stream.info());
  infos.push_back(laws.host.info());
  return infos;
}

}  // namespace

CostLaws make_cost_laws(const Gpu& gpu, const Fabric& inside, const Fabric* between,
                        const Profile* profile, const LawRequest& request) {
  check_hardware(gpu, profile, request);
  for (const Precision precision : {request.weights, request.experts, request.plain}) {
    gpu.peak_for(precision);  // refuses formats that the device does not run
  }
  const int island = gpu.gpus_per_node > 0 ? gpu.gpus_per_node : 1;
  CostLaws laws{
      .expert = ExpertLatency(expert_law(gpu, profile, request)),
      .dense = DenseLatency(dense_law(gpu, profile, request.weights), request.weights),
      .plain = DenseLatency(dense_law(gpu, profile, request.plain), request.plain),
      .attention = AttentionLatency(
          or_sheet(all_of(profile, {"attention_decode"}), datasheet_decode(gpu)),
          or_sheet(all_of(profile, {"attention_prefill"}), datasheet_prefill(gpu))),
      .mla = MlaLatency(mla_laws(gpu, profile), request.weights),
      .collective =
          CollectiveLatency(on_fabric(profile, request, true), FabricLaw(inside, island, between)),
      .exchange = ExchangeLatency(on_fabric(profile, request, false), inside, between),
      .stream = StreamLatency(first_or(profile, "permute", assumed_stream(gpu))),
      .host = HostLatency(first_or(profile, "host", serving_host())),
      .infos = {},
  };
  laws.infos = infos_of(laws);
  return laws;
}

}  // namespace moeplan::models
