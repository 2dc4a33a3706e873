#pragma once
// CostLaws: all laws that one scenario needs, chosen once: from the device's profile where it has
// the kernel in the precision, else from the data sheet (wide band, LawInfo::datasheet).

#include <optional>
#include <string_view>
#include <vector>

#include "models/hardware/fabric.hpp"
#include "models/hardware/gpu.hpp"
#include "models/latency/attention_latency.hpp"
#include "models/latency/collective_latency.hpp"
#include "models/latency/dense_latency.hpp"
#include "models/latency/exchange_latency.hpp"
#include "models/latency/expert_latency.hpp"
#include "models/latency/host_latency.hpp"
#include "models/latency/mla_latency.hpp"
#include "models/latency/profile.hpp"
#include "models/latency/stream_latency.hpp"

namespace moeplan::models {

// What the laws are chosen for.
struct LawRequest {
  Precision weights = Precision::bf16;  // of the quantised dense products
  Precision experts = Precision::bf16;  // of the experts
  Precision plain = Precision::bf16;    // of what quantisation leaves alone (lm_head, router)
  // Use a profile of another device, all of it marked extrapolated by the caller.
  bool allow_other_hardware = false;
  // The GPUs of the node are joined by another fabric than the device's usual one: collectives are
  // priced from the data sheet.
  bool other_fabric = false;
  // Experts whose 4-bit weights are expanded to 16 bits run prompts as the serving engines of the
  // open runs do (with_expanded_weights), whatever the profile's kernels reach. Not for a user's
  // own profile, which is believed, and not where laws are held against measured kernels.
  bool as_served = false;
};

struct CostLaws {
  ExpertLatency expert;
  DenseLatency dense;  // products in LawRequest::weights
  DenseLatency plain;  // products in LawRequest::plain
  AttentionLatency attention;
  MlaLatency mla;
  CollectiveLatency collective;
  ExchangeLatency exchange;  // empty where the profile has no such kernels
  StreamLatency stream;
  HostLatency host;
  std::vector<LawInfo> infos;  // of the laws above; collected once, because every design asks

  const std::vector<LawInfo>& all() const { return infos; }
};

// The law of a profile for this precision, most points first, or one that stands in: bf16 and fp16;
// fp8, fp8_block and (one way) int8; w4a16, mxfp4 and, where weights_only, nvfp4. weights_only: the
// device expands the weights and computes in 16 bits. The law of a stand-in below 16 bits says so
// in its source and has a band of at least 0.20 (8 bits) or 0.30. Nothing when the profile has
// none.
std::optional<FittedLaw> find_law(const Profile& profile, std::string_view kernel,
                                  Precision precision, bool weights_only = false);

// between: the fabric between nodes, if groups may span nodes. profile: nullptr for data-sheet
// laws only. Throws: InputError E_VALUE when the device runs none of the precisions (lists those it
// runs), when the profile belongs to another device, or for a form that a law does not know.
CostLaws make_cost_laws(const Gpu& gpu, const Fabric& inside, const Fabric* between,
                        const Profile* profile, const LawRequest& request);

}  // namespace moeplan::models
