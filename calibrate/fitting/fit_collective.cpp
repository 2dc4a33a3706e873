#include <map>

#include "calibrate/fitting/fit_kernels.hpp"
#include "models/latency/collective_latency.hpp"
#include "models/units/require.hpp"

namespace moeplan::calibrate {

FittedCollectives fit_collective(const std::vector<models::CollectiveSample>& samples) {
  require(!samples.empty(), "a fit needs samples");
  std::map<int, std::vector<const models::CollectiveSample*>> by_ranks;
  for (const models::CollectiveSample& sample : samples) {
    by_ranks[sample.ranks].push_back(&sample);
  }
  const models::SampleOrigin& origin = samples.front().origin;
  FittedCollectives family;
  FamilyReport& report = family.report;
  report = {.kernel = std::string(family_of(samples.front().collective)),
            .kernel_source = origin.kernel_source,
            .dtype = std::string(name_of(origin.precision)),
            .distribution = "",
            .shapes = static_cast<std::int64_t>(by_ranks.size())};
  std::vector<double> all_predicted;
  std::vector<double> all_measured;
  for (const auto& [ranks, rows] : by_ranks) {
    FitProblem problem;
    problem.parameters = {
        {"launch_s", 8e-6, 8e-6}, {"bandwidth_Bps", 3e11, 3e11}, {"norm", 0.8, 1.0}};
    for (const models::CollectiveSample* row : rows) {
      problem.seconds.push_back(row->origin.seconds);
      problem.launches.push_back(row->origin.launch_seconds);
    }
    problem.law = [&rows = rows](std::span<const double> v, std::size_t i) {
      return models::message_seconds({.launch = v[0], .bandwidth = v[1], .norm = v[2]},
                                     rows[i]->bytes);
    };
    const FitOutcome found = fit(problem);
    models::FittedLaw law = law_from(problem, found);
    law.constants = {{"ranks", static_cast<double>(ranks)}};
    std::vector<double> predicted;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      predicted.push_back(problem.law(found.theta, i));
      cover(law.info.domain, "bytes", rows[i]->bytes);
    }
    FamilyReport of_ranks = report;
    of_ranks.shapes = 1;
    of_ranks.errors = summarize(predicted, problem.seconds);
    law.errors = errors_from(of_ranks);
    law.info.kernel = report.kernel;
    law.info.kernel_source = report.kernel_source;
    law.info.dtype = report.dtype;
    law.info.form = "message_pnorm_v1";
    law.info.discrepancy_sd_log = six_digits(log_sd(predicted, problem.seconds));
    family.laws.push_back(law);
    all_predicted.insert(all_predicted.end(), predicted.begin(), predicted.end());
    all_measured.insert(all_measured.end(), problem.seconds.begin(), problem.seconds.end());
  }
  report.errors = summarize(all_predicted, all_measured);
  return family;
}

}  // namespace moeplan::calibrate
