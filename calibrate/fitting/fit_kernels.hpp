#pragma once
// One function per kernel: samples of one source and precision in, law and report out.

#include <vector>

#include "calibrate/fitting/family.hpp"
#include "models/hardware/fabric.hpp"
#include "models/hardware/gpu.hpp"
#include "models/latency/kernel_sample.hpp"

namespace moeplan::calibrate {

struct FittedFamily {
  models::FittedLaw law;
  std::vector<FamilyReport> reports;  // the first one is of the rows it was fitted on
};

// Experts: fitted on the rows whose loads are exact (all but power laws), on all rows where there
// are none. Rows of other distributions are predicted (also by the held-out fits) and reported, and
// so are rows whose weights sit in the L2 cache (see is_cached).
// Rows of single GEMMs (parts) determine neither the launches around them nor the activations'
// traffic: the law takes three kernels of 2 us (permute, activation, weighted sum) and the traffic
// of the rank's own pairs at 70 % of the peak bandwidth, as in data-sheet laws; its source says so.
// leave_one_expert_count_out holds out all rows of one number of experts of the layer, or, where
// that is one number only, of the rank.
FittedFamily fit_expert(const std::vector<models::ExpertSample>& samples, const models::Gpu& gpu);
// Products whose input was quantised outside (product_alone): the law takes one more launch of 2 us
// and the quantising rate of the data-sheet law; its source says so.
FittedFamily fit_dense(const std::vector<models::DenseSample>& samples, const models::Gpu& gpu);
// Decode: caches that the L2 cache holds from one timed call to the next are left out of the fit
// (see is_cached), not out of the report.
FittedFamily fit_decode(const std::vector<models::AttentionSample>& samples,
                        const models::Gpu& gpu);
FittedFamily fit_prefill(const std::vector<models::AttentionSample>& samples,
                         const models::Gpu& gpu);
// Latent attention: fitted to whole blocks, with the dense laws of their products held fixed (the
// law of `products` in the precision of the rows, and the 16-bit one for absorbed products). One
// kind of rows at once: decode, expanded or absorbed prompts. Shapes are numbers of heads.
struct MlaProducts {
  models::FittedLaw quantised;
  models::FittedLaw plain;
};
FittedFamily fit_mla(const std::vector<models::LatentSample>& samples, const models::Gpu& gpu,
                     const MlaProducts& products);
// Seconds of the block's products by those laws.
double mla_product_seconds(const models::LatentSample& sample, const MlaProducts& products);
// The source name that tells kernel, kind of rows and precision of the products apart:
// "FLASHMLA decode, fp8_block products".
std::string mla_source(const models::LatentSample& sample);
// As is_cached below; the block's own weights pass through L2 too, so both have to fit.
bool is_cached(const models::LatentSample& sample, const models::Gpu& gpu);

// Kernels that only pass data: one law of one source; a shape is what was timed.
FittedFamily fit_stream(const std::vector<models::StreamSample>& samples, const models::Gpu& gpu);
// One collective of one source: a law for each number of ranks, one report for all.
struct FittedCollectives {
  std::vector<models::FittedLaw> laws;
  FamilyReport report;
};
FittedCollectives fit_collective(const std::vector<models::CollectiveSample>& samples);

// What the laws of exchanges need to know beside their rows.
struct ExchangeContext {
  const models::Gpu* gpu = nullptr;
  const models::Fabric* inside = nullptr;  // stated rates where it was measured
  const models::Fabric* between = nullptr;
  // Of one mode and phase: the law of one node, for fits of several; nullptr: not fitted yet.
  const models::FittedLaw* one_node = nullptr;
  double far = 0.0;  // B/s over an uplink that the other mode was seen to reach; 0: unknown
};
// Exchanges of one mode, phase and number of nodes. What the rows of several nodes cannot tell
// apart is taken from elsewhere and held: the rate inside a node from the rows of one node; in
// normal mode, whose forwarding multiprocessors bind on two nodes, the uplink's rate from the
// low-latency kernels on the same network, else kBusEfficiency of the stated rate.
// A law without held-out shapes gets at least kAssumedNetworkSd.
// Throws: InputError E_UNIT when most rows move more than the fabric's stated rate.
FittedFamily fit_exchange(const std::vector<models::ExchangeSample>& samples,
                          const ExchangeContext& context);
// sd of ln(t) for imported network figures without a spread (calibration.md A6).
inline constexpr double kAssumedNetworkSd = 0.20;
// DeepEP's own choice (deep_ep/buffer.py, Buffer.num_sms).
inline constexpr int kExchangeMultiprocessors = 20;

// Of tables that hold the host's launches (SampleOrigin::host_launched), only rows above so many
// times the shortest one say something of the kernel: the floor is a quarter at most.
inline constexpr double kHostFloors = 4.0;

// True where a decode row reads its cache from L2: it takes more than a microsecond to read at the
// peak rate and is below 60 % of L2. H100, 50 MB: 17 MB are read three times faster than 34 MB
// (aic_attn_generation_h100_vllm0.24.0). In serving, the weights of a layer pass in between.
bool is_cached(const models::AttentionSample& sample, const models::Gpu& gpu);
// The same for weights of rows that are marked repeated, and only where reading them at the peak
// rate takes longer than the arithmetic. RTX PRO 6000, 128 MiB: 8 experts (75 MB) take 50 us, 16
// take 135 us (llmservingsim_rtxpro6000_qwen3-30b-a3b_tp1_moe).
bool is_cached(const models::ExpertSample& sample, const models::Gpu& gpu);
bool is_cached(const models::DenseSample& sample, const models::Gpu& gpu);

}  // namespace moeplan::calibrate
