#include "tests/paper/serving_validation.hpp"

#include <algorithm>
#include <cmath>

#include "calibrate/fitting/least_squares.hpp"
#include "models/units/require.hpp"
#include "sim/engine/random_stream.hpp"

namespace moeplan::tests {
namespace {

double kernels(const Terms& terms) {
  double sum = 0.0;
  for (std::size_t i = 0; i < sim::kPhaseCount; ++i) {
    sum += terms[i];
  }
  return sum;
}

double seconds_of(const Terms& terms, const HostTime& host) {
  return kernels(terms) + host.step_s * terms[kSteps] + host.sequence_s * terms[kSequences];
}

// Marks the rows that errors are taken from: in each group the second half by a random word.
std::vector<bool> held_out(const std::vector<ServingRow>& rows, std::uint64_t seed) {
  const sim::RandomStream words(seed, "serving validation half");
  std::map<std::string, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    groups[rows[i].group()].push_back(i);
  }
  std::vector<bool> held(rows.size(), false);
  for (auto& [name, members] : groups) {
    std::sort(members.begin(), members.end(),
              [&](std::size_t a, std::size_t b) { return words.at(a) < words.at(b); });
    for (std::size_t i = (members.size() + 1) / 2; i < members.size(); ++i) {
      held[members[i]] = true;
    }
  }
  return held;
}

// The prediction, or the reason why there is none.
std::variant<Prediction, std::string> predict(const ServingRow& row,
                                              const ServingAssumption& assumption) {
  const auto setup = setup_of(row);
  if (const auto* why = std::get_if<std::string>(&setup)) {
    return *why;
  }
  const auto& design = std::get<ServingSetup>(setup);
  const sim::Scenario scenario = scenario_of(row, design, assumption);
  const auto placed = sim::deploy(scenario, design.candidate);
  if (const auto* why = std::get_if<sim::Infeasible>(&placed)) {
    return "infeasible: " + why->reason;
  }
  const Replay run = replay(std::get<sim::Deployment>(placed));
  return Prediction{.row = row,
                    .laws = design.gpu == "h100-sxm"    ? Laws::measured
                            : assumption.scaled_profile ? Laws::scaled
                                                        : Laws::datasheet,
                    .alpha = assumption.alpha,
                    .ttft = run.mean_ttft,
                    .tpot = run.mean_tpot,
                    .preemptions = run.preemptions};
}

bool fits_host(const Prediction& p) {
  return p.laws == Laws::measured && p.row.backend == "vllm" && p.row.moe_ep == 0;
}

HostTime fit_host(const std::vector<const Prediction*>& rows) {
  calibrate::FitProblem problem;
  problem.parameters = {{"step_s", 1e-3, 0.0}, {"sequence_s", 20e-6, 0.0}};
  for (const Prediction* p : rows) {
    problem.seconds.push_back(p->row.tpot_s);
  }
  problem.law = [&](std::span<const double> theta, std::size_t row) {
    return rows[row]->tpot_s({theta[0], theta[1]});
  };
  const calibrate::FitOutcome found = calibrate::fit(problem);
  return {found.theta[0], found.theta[1]};
}

double mean_log_error(const std::vector<const Prediction*>& rows, const HostTime& host) {
  require(!rows.empty(), "no rows to choose the routing's skew on");
  double sum = 0.0;
  for (const Prediction* p : rows) {
    sum += std::fabs(std::log(p->tpot_s(host) / p->row.tpot_s));
  }
  return sum / static_cast<double>(rows.size());
}

// sd of ln(host time that the measurement leaves / the law's).
double host_sd(const std::vector<const Prediction*>& rows, const HostTime& host) {
  std::vector<double> law;
  std::vector<double> left;
  for (const Prediction* p : rows) {
    const double own = p->tpot_s(host) - kernels(p->tpot);
    law.push_back(own);
    // Kernels alone may be slower than the measurement; a tenth of the law stands for that.
    left.push_back(std::max(p->row.tpot_s - kernels(p->tpot), 0.1 * own));
  }
  return calibrate::log_sd(law, left);
}

// Up to what real traffic shows: at 1.0 the busiest of 128 experts has 13.4 times the mean load, as
// the most skewed text of field.md item 4 has (books: 13.3).
constexpr double kAlphas[] = {0.0, 0.2, 0.4, 0.6, 0.8, 1.0};

}  // namespace

std::string_view name_of(Laws laws) {
  switch (laws) {
    case Laws::measured:
      return "measured";
    case Laws::datasheet:
      return "datasheet";
    case Laws::scaled:
      return "scaled";
  }
  throw std::logic_error("unknown laws");
}

double Prediction::ttft_s(const HostTime& host) const { return seconds_of(ttft, host); }
double Prediction::tpot_s(const HostTime& host) const { return seconds_of(tpot, host); }

ServingErrors errors_of(const std::vector<const Prediction*>& predictions, const HostTime& host) {
  std::vector<double> tpot;
  std::vector<double> ttft;
  std::vector<double> measured_tpot;
  std::vector<double> measured_ttft;
  for (const Prediction* p : predictions) {
    tpot.push_back(p->tpot_s(host));
    ttft.push_back(p->ttft_s(host));
    measured_tpot.push_back(p->row.tpot_s);
    measured_ttft.push_back(p->row.ttft_s);
  }
  return {calibrate::summarize(tpot, measured_tpot), calibrate::summarize(ttft, measured_ttft)};
}

Validation validate(const std::filesystem::path& e2e, const ValidationOptions& options) {
  const std::vector<ServingRow> rows = read_serving_rows(e2e);
  const std::vector<bool> held = held_out(rows, options.seed);
  Validation v;
  std::vector<std::size_t> experts;  // rows of MoE models that can be predicted
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool other_device = rows[i].system != "h100_sxm";
    if (other_device && !options.h200) {
      continue;
    }
    for (const bool scaled : {false, true}) {
      auto made = predict(rows[i], {.scaled_profile = scaled});
      if (const auto* why = std::get_if<std::string>(&made)) {
        ++v.skipped[*why];
        break;
      }
      auto& prediction = std::get<Prediction>(made);
      prediction.held_out = held[i];
      if (rows[i].moe_ep > 0) {
        experts.push_back(i);
        v.uniform.push_back(std::move(prediction));
      } else {
        v.predictions.push_back(std::move(prediction));
      }
      if (!other_device) {
        break;
      }
    }
  }
  const auto fitted_on = [](bool half) {
    return [half](const Prediction& p) { return fits_host(p) && p.held_out != half; };
  };
  v.host = fit_host(select(v.predictions, fitted_on(true)));
  v.host_sd_log = host_sd(select(v.predictions, fitted_on(false)), v.host);

  double best = 0.0;
  std::vector<Prediction> chosen;
  for (const double alpha : kAlphas) {
    std::vector<Prediction> skewed;
    for (const std::size_t i : experts) {
      auto made = predict(rows[i], {.alpha = alpha});
      skewed.push_back(std::get<Prediction>(std::move(made)));
      skewed.back().held_out = held[i];
    }
    const double error =
        mean_log_error(select(skewed, [](const Prediction& p) { return !p.held_out; }), v.host);
    v.alphas.emplace_back(alpha, error);
    if (chosen.empty() || error < best) {
      best = error;
      v.alpha = alpha;
      chosen = std::move(skewed);
    }
  }
  v.predictions.insert(v.predictions.end(), chosen.begin(), chosen.end());
  return v;
}

}  // namespace moeplan::tests
