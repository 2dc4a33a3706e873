#pragma once
// Predictor: what a scenario's cost laws say to a measured sample. The law of the sample's own
// source and precision where the profile has one, else whatever make_cost_laws falls back on: a
// standing-in precision or source, the data sheet.

#include <map>
#include <string>
#include <tuple>

#include "models/hardware/fabric.hpp"
#include "models/hardware/gpu.hpp"
#include "models/latency/cost_laws.hpp"
#include "models/latency/kernel_sample.hpp"

namespace moeplan::calibrate {

enum class LawOrigin {
  own,       // fitted to this source and precision
  stand_in,  // fitted to another one
  data_sheet
};
std::string_view name_of(LawOrigin origin);  // "own", "stand_in", "data_sheet"

struct Prediction {
  double seconds = 0.0;
  bool extrapolated = false;
  double sd_log = 0.0;  // of ln(t / truth) that the law allows for
  LawOrigin origin = LawOrigin::data_sheet;
  std::string law;      // "moe_fused bf16", or "data sheet"
  std::string refused;  // why there is no prediction; then the rest means nothing
};

class Predictor {
 public:
  // profile: nullptr for data-sheet laws only; one of another device answers all the same.
  // The arguments must outlive the predictor.
  Predictor(const models::Gpu& gpu, const models::Fabric& inside, const models::Fabric* between,
            const models::Profile* profile);

  Prediction predict(const models::ExpertSample& sample);
  Prediction predict(const models::DenseSample& sample);
  Prediction predict(const models::AttentionSample& sample);
  Prediction predict(const models::LatentSample& sample);
  Prediction predict(const models::CollectiveSample& sample);
  Prediction predict(const models::StreamSample& sample);
  // Kernels without a law of their own are priced as a library's all-to-all of the same rows.
  Prediction predict(const models::ExchangeSample& sample);

 private:
  struct Chosen {
    models::Profile profile;  // without what competes with the sample's own law
    models::CostLaws laws;
    bool own = false;
  };
  // The laws for rows of this kernel, source and dtype, which run in this precision.
  const Chosen& laws_for(const std::string& kernel, const std::string& source,
                         const std::string& dtype, models::Precision precision);
  Prediction made(const models::Estimate& estimate, const models::LawInfo& info, bool own) const;

  const models::Gpu& gpu_;
  const models::Fabric& inside_;
  const models::Fabric* between_;
  const models::Profile* profile_;
  std::map<std::tuple<std::string, std::string, std::string, models::Precision>, Chosen> chosen_;
};

// What the busiest rank moves for the sample under the uniform routing that such tables are timed
// with. low_latency: a copy for each expert, straight to its rank; normal: one for each rank.
models::ExchangeLoad exchange_load(const models::ExchangeSample& sample, models::ExchangeMode mode);

}  // namespace moeplan::calibrate
