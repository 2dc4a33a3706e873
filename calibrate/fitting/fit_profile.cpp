#include "calibrate/fitting/fit_profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <type_traits>

#include "calibrate/fitting/fit_kernels.hpp"
#include "calibrate/fitting/host_floor.hpp"
#include "calibrate/fitting/plausibility.hpp"
#include "calibrate/fitting/sample_group.hpp"
#include "models/catalog/catalog.hpp"
#include "models/latency/cost_laws.hpp"
#include "models/text/input_error.hpp"

namespace moeplan::calibrate {
namespace {

constexpr double kSlackOfPeak = 1.05;
constexpr std::int64_t kFewestShapes = 3;
constexpr std::size_t kExpertParameters = 11;
constexpr std::size_t kDenseParameters = 6;
constexpr std::size_t kAttentionParameters = 3;
constexpr std::size_t kStreamParameters = 2;
constexpr std::size_t kExchangeParameters = 5;

bool is_sixteen(const std::string& dtype) { return dtype == "bf16" || dtype == "fp16"; }

class Fitter {
 public:
  Fitter(const std::vector<models::Measurements>& files, const models::Gpu& gpu)
      : files_(files), gpu_(gpu) {}

  FittedProfile run() {
    out_.profile.id = gpu_.id;
    out_.profile.hardware = gpu_.id;
    std::set<std::string> names;
    for (const models::Measurements& file : files_) {
      if (!names.insert(file.name).second) {
        throw InputError({.code = "E_DUPLICATE",
                          .file = file.file,
                          .mark = {},
                          .pointer = "",
                          .what = "two measurement files of one name",
                          .got = file.name,
                          .expected = "each file once"});
      }
      check_units(file, gpu_);
      check_exchanges(file, gpu_);
      for (const std::string& note : file.notes) {
        out_.notes.push_back(file.name + ": " + note);
      }
      out_.profile.provenance.push_back(
          {file.name, file.sha256, file.source, file.rows(), file.fingerprint});
    }
    experts();
    dense();
    attention();
    latent();
    streams();
    collectives();
    exchanges();
    std::stable_sort(out_.families.begin(), out_.families.end(),
                     [](const FamilyReport& a, const FamilyReport& b) {
                       return std::tie(a.kernel, a.kernel_source, a.dtype, a.distribution) <
                              std::tie(b.kernel, b.kernel_source, b.dtype, b.distribution);
                     });
    return std::move(out_);
  }

 private:
  template <class Sample>
  void keep(FittedFamily family, const SampleGroup<Sample>& group) {
    add_source(family.law, group);
    family.law.info.source += assumed_around(group.samples.front());
    if (group.samples.front().origin.host_launched) {
      out_.notes.push_back(take_out_host(family.law, gpu_));
    }
    out_.profile.laws.push_back(family.law);
    out_.families.insert(out_.families.end(), family.reports.begin(), family.reports.end());
  }

  void report_only(const FittedFamily& family, const std::string& why) {
    out_.families.insert(out_.families.end(), family.reports.begin(), family.reports.end());
    const models::LawInfo& info = family.law.info;
    out_.notes.push_back(fmt::format("{} {} {}: reported, not kept: {}", info.kernel,
                                     info.kernel_source, info.dtype, why));
  }

  // A family needs more rows than its law has parameters.
  template <class Sample>
  bool enough(const SampleGroup<Sample>& group, const char* kernel, std::size_t parameters) {
    std::size_t rows = group.samples.size();
    if constexpr (!std::is_same_v<Sample, models::StreamSample> &&
                  !std::is_same_v<Sample, models::CollectiveSample> &&
                  !std::is_same_v<Sample, models::ExchangeSample>) {
      rows = static_cast<std::size_t>(
          std::count_if(group.samples.begin(), group.samples.end(),
                        [this](const Sample& sample) { return !is_cached(sample, gpu_); }));
    }
    if (rows >= parameters) {
      return true;
    }
    out_.notes.push_back(fmt::format("{} {}: {} rows left out: fewer than the law's {} parameters",
                                     kernel, group.samples.front().origin.kernel_source, rows,
                                     parameters));
    return false;
  }

  template <class Sample>
  void note_cached(const SampleGroup<Sample>& group, const std::string& family, const char* what) {
    const auto cached =
        std::count_if(group.samples.begin(), group.samples.end(),
                      [this](const Sample& sample) { return is_cached(sample, gpu_); });
    if (cached > 0) {
      out_.notes.push_back(
          fmt::format("{}: {} of {} rows read their {} from L2; reported, not fitted", family,
                      cached, group.samples.size(), what));
    }
  }

  bool runs(const models::SampleOrigin& origin) {
    if (gpu_.supports(origin.precision)) {
      return true;
    }
    out_.notes.push_back(fmt::format("{} rows left out: {} does not run {}", origin.kernel_source,
                                     gpu_.id, name_of(origin.precision)));
    return false;
  }

  void experts() {
    std::map<OriginKey, SampleGroup<models::ExpertSample>> groups;
    std::map<std::string, int> implausible;
    for (const models::Measurements& file : files_) {
      for (const models::ExpertSample& sample : file.experts) {
        if (too_fast(sample, gpu_)) {
          ++implausible[file.name];
        } else {
          groups[key_of(sample.origin)].add(sample, file);
        }
      }
    }
    for (const auto& [name, count] : implausible) {
      out_.notes.push_back(fmt::format(
          "{}: {} rows left out that imply more than the peak memory bandwidth", name, count));
    }
    for (const auto& [key, group] : groups) {
      if (!runs(group.samples.front().origin) || !enough(group, "expert", kExpertParameters)) {
        continue;
      }
      note_cached(group, fmt::format("expert {} {}", std::get<0>(key), std::get<1>(key)),
                  "weights");
      const FittedFamily family = fit_expert(group.samples, gpu_);
      if (family.law.value("bandwidth_Bps") > kSlackOfPeak * gpu_.bandwidth.value()) {
        report_only(family, "its rows do not show how fast weights are read from memory");
      } else {
        keep(family, group);
      }
    }
  }

  void dense() {
    std::map<OriginKey, SampleGroup<models::DenseSample>> groups;
    for (const models::Measurements& file : files_) {
      for (const models::DenseSample& sample : file.dense) {
        groups[key_of(sample.origin)].add(sample, file);
      }
    }
    for (const auto& [key, group] : groups) {
      if (!runs(group.samples.front().origin) || !enough(group, "dense", kDenseParameters)) {
        continue;
      }
      const FittedFamily family = fit_dense(group.samples, gpu_);
      const double bandwidth = family.law.value("bandwidth_Bps");
      if (bandwidth > kSlackOfPeak * gpu_.bandwidth.value()) {
        // Only a floor that hides the kernel explains more than the peak rate.
        report_only(family, fmt::format("{:.0f} us of launching from the host hide the kernel",
                                        1e6 * family.law.value("launch_s")));
      } else if (family.reports.front().shapes < kFewestShapes) {
        report_only(family, "too few shapes for a law of all products");
      } else {
        keep(family, group);
      }
    }
  }

  void streams() {
    using Key = std::tuple<std::string, std::string, std::string>;  // family, source, dtype
    std::map<Key, SampleGroup<models::StreamSample>> groups;
    for (const models::Measurements& file : files_) {
      for (const models::StreamSample& sample : file.streams) {
        const auto [source, dtype] = key_of(sample.origin);
        groups[{sample.kernel, source, dtype}].add(sample, file);
      }
    }
    for (const auto& [key, group] : groups) {
      if (!enough(group, std::get<0>(key).c_str(), kStreamParameters)) {
        continue;
      }
      const FittedFamily family = fit_stream(group.samples, gpu_);
      if (family.reports.front().shapes < kFewestShapes) {
        report_only(family, "one kind of kernel; the law stands for all that only pass data");
      } else {
        keep(family, group);
      }
    }
  }

  void attention() {
    using Key = std::tuple<bool, std::string, std::string>;  // decode, source, KV precision
    std::map<Key, SampleGroup<models::AttentionSample>> groups;
    for (const models::Measurements& file : files_) {
      for (const models::AttentionSample& sample : file.attention) {
        groups[{sample.decode, sample.origin.kernel_source,
                std::string(name_of(sample.shape.kv_precision))}]
            .add(sample, file);
      }
    }
    for (const auto& [key, group] : groups) {
      if (!runs(group.samples.front().origin) ||
          !enough(group, "attention", kAttentionParameters)) {
        continue;
      }
      if (std::get<0>(key)) {
        note_cached(group,
                    fmt::format("attention_decode {} {}", std::get<1>(key), std::get<2>(key)),
                    "cache");
        keep(fit_decode(group.samples, gpu_), group);
      } else {
        keep(fit_prefill(group.samples, gpu_), group);
      }
    }
  }

  // A law of them would lack what else a block does. Prompts are too few to say how they fit.
  void kernels_alone(const SampleGroup<models::LatentSample>& group) {
    const char* const why = "kernels alone; the law is of the whole block";
    if (group.samples.front().decode) {
      report_only(fit_mla(group.samples, gpu_, {}), why);
    } else {
      out_.notes.push_back(fmt::format("mla {}: {} rows left out: {}",
                                       mla_source(group.samples.front()), group.samples.size(),
                                       why));
    }
  }

  // After dense(): the blocks are fitted with its laws.
  void latent() {
    std::map<std::tuple<std::string, std::string>, SampleGroup<models::LatentSample>> groups;
    for (const models::Measurements& file : files_) {
      for (const models::LatentSample& sample : file.latent) {
        groups[{mla_source(sample), std::string(name_of(sample.shape.kv_precision))}].add(sample,
                                                                                          file);
      }
    }
    for (const auto& [key, group] : groups) {
      const models::LatentSample& first = group.samples.front();
      if (!runs(first.origin)) {
        continue;
      }
      if (first.kernel_alone) {
        kernels_alone(group);
        continue;
      }
      const auto quantised = models::find_law(out_.profile, "dense", first.origin.precision);
      const auto plain = models::find_law(out_.profile, "dense", models::Precision::bf16);
      if (!quantised || !plain) {
        out_.notes.push_back(fmt::format(
            "mla {}: {} rows left out: no dense law in {} of these files to price the products",
            std::get<0>(key), group.samples.size(),
            name_of(quantised ? models::Precision::bf16 : first.origin.precision)));
        continue;
      }
      note_cached(group, fmt::format("mla {} {}", std::get<0>(key), std::get<1>(key)), "cache");
      FittedFamily family = fit_mla(group.samples, gpu_, {*quantised, *plain});
      const std::string how = family.law.info.source;
      keep(std::move(family), group);
      out_.profile.laws.back().info.source += "; " + how;
    }
  }

  void collectives() {
    using Key = std::tuple<models::Collective, std::string, std::string>;
    std::map<Key, SampleGroup<models::CollectiveSample>> groups;
    std::set<std::tuple<models::Collective, std::string>> with_sixteen;
    std::int64_t spanning = 0;
    for (const models::Measurements& file : files_) {
      for (const models::CollectiveSample& sample : file.collectives) {
        const auto [source, dtype] = key_of(sample.origin);
        if (sample.nodes > 1) {
          ++spanning;  // topologies are never pooled, and there is no law of several nodes
          continue;
        }
        groups[{sample.collective, source, dtype}].add(sample, file);
        if (is_sixteen(dtype)) {
          with_sixteen.emplace(sample.collective, source);
        }
      }
    }
    if (spanning > 0) {
      out_.notes.push_back(
          fmt::format("{} rows of collectives over several nodes left out: laws "
                      "are of one node, the fabric law adds what lies between",
                      spanning));
    }
    for (const auto& [key, group] : groups) {
      const auto& [collective, source, dtype] = key;
      const FittedCollectives found = fit_collective(group.samples);
      out_.families.push_back(found.report);
      const bool again = !is_sixteen(dtype) && with_sixteen.count({collective, source}) > 0;
      const bool eager = source.find("eager") != std::string::npos;
      if (again || eager) {
        out_.notes.push_back(fmt::format(
            "{} {} {}: reported, not kept: {}", family_of(collective), source, dtype,
            eager ? "launched one by one, not in a graph" : "16-bit rows are the same bytes"));
        continue;
      }
      const bool launched = group.samples.front().origin.host_launched;
      if (launched) {
        out_.notes.push_back(fmt::format("{} {} {}: durations hold the host's launch and wait",
                                         family_of(collective), source, dtype));
      }
      for (models::FittedLaw law : found.laws) {
        add_source(law, group);
        law.info.source += launched ? "; with the host's launch and wait" : "";
        out_.profile.laws.push_back(law);
      }
    }
  }

  // Low latency before normal, one node before several: the later fits lean on the earlier.
  void exchanges() {
    using Key = std::tuple<std::string, models::ExchangePhase, int>;  // source, phase, nodes
    std::map<Key, SampleGroup<models::ExchangeSample>> groups;
    std::map<std::string, std::int64_t> other;  // left out, by reason
    for (const models::Measurements& file : files_) {
      for (const models::ExchangeSample& sample : file.exchanges) {
        const std::string& source = sample.origin.kernel_source;
        const int given = sample.multiprocessors;
        if (!source.starts_with("deepep_")) {
          ++other[fmt::format("{}: there is no law for this system", source)];
        } else if (given != 0 && given != kExchangeMultiprocessors) {
          ++other[fmt::format("{} on other than {} multiprocessors, the engines' choice", source,
                              kExchangeMultiprocessors)];
        } else {
          groups[{source, sample.phase, sample.nodes}].add(sample, file);
        }
      }
    }
    for (const auto& [reason, count] : other) {
      out_.notes.push_back(fmt::format("all2all: {} rows left out: {}", count, reason));
    }
    if (groups.empty()) {
      return;
    }
    const models::Fabric inside = models::load_fabric(gpu_.fabric);
    const models::Fabric between = models::load_fabric(gpu_.uplink);
    std::map<Key, models::FittedLaw> laws;
    const auto law_of = [&](const Key& key) {
      const auto found = laws.find(key);
      return found == laws.end() ? nullptr : &found->second;
    };
    for (const auto& [key, group] : groups) {
      const auto& [source, phase, nodes] = key;
      if (!enough(group, fmt::format("all2all over {} nodes,", nodes).c_str(),
                  kExchangeParameters)) {
        continue;
      }
      const models::FittedLaw* other_mode =
          law_of({std::string(kernel_source_of(models::ExchangeMode::low_latency)), phase, nodes});
      FittedFamily family =
          fit_exchange(group.samples, {.gpu = &gpu_,
                                       .inside = &inside,
                                       .between = &between,
                                       .one_node = law_of({source, phase, 1}),
                                       .far = other_mode ? other_mode->value("far_Bps") : 0.0});
      laws[key] = family.law;
      family.reports.front().kernel_source += fmt::format(
          "_{}_{}node", phase == models::ExchangePhase::combine ? "combine" : "dispatch", nodes);
      keep(std::move(family), group);
    }
  }

  const std::vector<models::Measurements>& files_;
  const models::Gpu& gpu_;
  FittedProfile out_;
};

}  // namespace

FittedProfile fit_profile(const std::vector<models::Measurements>& files, const models::Gpu& gpu) {
  return Fitter(files, gpu).run();
}

}  // namespace moeplan::calibrate
