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
  return kernels(terms) + host.step_s * terms[kSteps] + host.sequence_s * terms[kSequences] +
         host.prompt_s * terms[kPrefillSteps];
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
                    .preemptions = run.preemptions,
                    .layers = static_cast<double>(scenario.architecture.layers.size())};
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
    return rows[row]->tpot_s({theta[0], theta[1], rows[row]->host.prompt_s});
  };
  const calibrate::FitOutcome found = calibrate::fit(problem);
  return {found.theta[0], found.theta[1]};
}

double mean_log_error(const std::vector<Prediction>& rows) {
  require(!rows.empty(), "no rows to choose the routing's skew on");
  double sum = 0.0;
  for (const Prediction& p : rows) {
    sum += std::fabs(std::log(p.tpot_s() / p.row.tpot_s));
  }
  return sum / static_cast<double>(rows.size());
}

// sd of ln(host time that the measurement leaves / the law's).
double host_sd(const std::vector<const Prediction*>& rows, const HostTime& host) {
  std::vector<double> law;
  std::vector<double> left;
  for (const Prediction* p : rows) {
    const HostTime of_row{host.step_s, host.sequence_s, p->host.prompt_s};
    const double own = p->tpot_s(of_row) - kernels(p->tpot);
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

std::string kind_of(const ServingRow& row) { return row.moe_ep == 0 ? "dense" : "moe"; }

double Prediction::ttft_s() const { return seconds_of(ttft, host); }
double Prediction::tpot_s() const { return tpot_s(host); }
double Prediction::tpot_s(const HostTime& other) const { return seconds_of(tpot, other); }

ServingErrors errors_of(const std::vector<const Prediction*>& predictions) {
  std::vector<double> tpot;
  std::vector<double> ttft;
  std::vector<double> measured_tpot;
  std::vector<double> measured_ttft;
  for (const Prediction* p : predictions) {
    tpot.push_back(p->tpot_s());
    ttft.push_back(p->ttft_s());
    measured_tpot.push_back(p->row.tpot_s);
    measured_ttft.push_back(p->row.ttft_s);
  }
  return {calibrate::summarize(tpot, measured_tpot), calibrate::summarize(ttft, measured_ttft)};
}

namespace {

// A row that can be predicted, and with which laws.
struct Case {
  ServingRow row;
  bool held_out = true;
  bool scaled = false;
};

class Validator {
 public:
  Validator(const std::filesystem::path& e2e, const ValidationOptions& options)
      : options_(options), rows_(read_serving_rows(e2e)) {}

  Validation run() {
    predict_uniform();
    fit_hosts();
    for (auto& [model, cases] : moe_) {
      choose_skew(model, cases);
      const double alpha = v_.skews[model].alpha;
      for (const Case& c : cases) {
        v_.predictions.push_back(made(c, alpha));
      }
    }
    return std::move(v_);
  }

 private:
  bool wanted(const ServingRow& row) const {
    const bool model = row.moe_ep == 0 || options_.models.empty() ||
                       std::find(options_.models.begin(), options_.models.end(), row.model) !=
                           options_.models.end();
    return model && (options_.h200 || row.system == "h100_sxm");
  }

  void predict_uniform() {
    const std::vector<bool> held = held_out(rows_, options_.seed);
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const ServingRow& row = rows_[i];
      if (!wanted(row)) {
        continue;
      }
      for (const bool scaled : {false, true}) {
        auto prediction = predict(row, {.scaled_profile = scaled});
        if (const auto* why = std::get_if<std::string>(&prediction)) {
          ++v_.skipped[*why];
          break;
        }
        auto& found = row.moe_ep > 0 ? v_.uniform : v_.predictions;
        found.push_back(std::get<Prediction>(std::move(prediction)));
        found.back().held_out = held[i];
        if (row.moe_ep > 0) {
          moe_[row.model].push_back({row, held[i], scaled});
        }
        if (row.system == "h100_sxm") {
          break;
        }
      }
    }
  }

  // Rows whose prompts waited for seconds say nothing of a step.
  static constexpr double kLongestTtft = 5.0;

  void fit_prompts() {
    std::map<std::string, std::vector<double>> left;  // s a layer and step
    for (const auto* predictions : {&v_.predictions, &v_.uniform}) {
      for (const Prediction& p : *predictions) {
        if (p.held_out || p.laws != Laws::measured || p.row.backend != "vllm" ||
            p.row.ttft_s > kLongestTtft || !(p.ttft[kPrefillSteps] > 0.0)) {
          continue;
        }
        HostTime without = p.host;
        without.prompt_s = 0.0;
        left[kind_of(p.row)].push_back((p.row.ttft_s - seconds_of(p.ttft, without)) /
                                       (p.ttft[kPrefillSteps] * p.layers));
      }
    }
    for (auto& [kind, values] : left) {
      std::sort(values.begin(), values.end());
      v_.prompt_layer_s[kind] = std::max(0.0, values[values.size() / 2]);
    }
  }

  // What prompts leave depends on the host's other time a little, and that on them.
  void fit_hosts() {
    constexpr int kRounds = 3;
    for (int round = 0; round < kRounds; ++round) {
      fit_steps();
      fit_prompts();
      for (auto* predictions : {&v_.predictions, &v_.uniform}) {
        for (Prediction& p : *predictions) {
          p.host = host_of(p.row, p.layers);
        }
      }
    }
  }

  void fit_steps() {
    const auto fitted_on = [](bool half) {
      return [half](const Prediction& p) { return fits_host(p) && p.held_out != half; };
    };
    v_.host = fit_host(select(v_.predictions, fitted_on(true)));
    v_.host_sd_log = host_sd(select(v_.predictions, fitted_on(false)), v_.host);
    const auto ahead = select(v_.uniform, [](const Prediction& p) {
      return p.laws == Laws::measured && p.row.schedules_ahead() && !p.held_out;
    });
    if (!ahead.empty()) {
      v_.host_ahead = fit_host(ahead);
    }
    for (auto* predictions : {&v_.predictions, &v_.uniform}) {
      for (Prediction& p : *predictions) {
        p.host = host_of(p.row, p.layers);
      }
    }
  }

  HostTime host_of(const ServingRow& row, double layers) const {
    HostTime host = row.schedules_ahead() && v_.host_ahead ? *v_.host_ahead : v_.host;
    const auto found = v_.prompt_layer_s.find(kind_of(row));
    const bool known = row.backend == "vllm" && found != v_.prompt_layer_s.end();
    host.prompt_s = known ? found->second * layers : 0.0;
    return host;
  }

  Prediction made(const Case& c, double alpha) const {
    if (alpha == 0.0) {
      for (const Prediction& p : v_.uniform) {
        if (p.row.id == c.row.id && (p.laws == Laws::scaled) == c.scaled) {
          return p;
        }
      }
    }
    Prediction p =
        std::get<Prediction>(predict(c.row, {.alpha = alpha, .scaled_profile = c.scaled}));
    p.held_out = c.held_out;
    p.host = host_of(c.row, p.layers);
    return p;
  }

  void choose_skew(const std::string& model, const std::vector<Case>& cases) {
    Skew& skew = v_.skews[model];
    for (const double alpha : kAlphas) {
      std::vector<Prediction> half;
      for (const Case& c : cases) {
        if (c.row.system == "h100_sxm" && !c.held_out) {
          half.push_back(made(c, alpha));
        }
      }
      if (half.empty()) {
        return;  // no row with measured laws: uniform
      }
      skew.errors.emplace_back(alpha, mean_log_error(half));
    }
    skew.alpha =
        std::min_element(skew.errors.begin(), skew.errors.end(), [](const auto& a, const auto& b) {
          return a.second < b.second;
        })->first;
  }

  ValidationOptions options_;
  std::vector<ServingRow> rows_;
  std::map<std::string, std::vector<Case>> moe_;  // [model]
  Validation v_;
};

}  // namespace

Validation validate(const std::filesystem::path& e2e, const ValidationOptions& options) {
  return Validator(e2e, options).run();
}

}  // namespace moeplan::tests
