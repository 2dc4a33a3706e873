#include "models/routing/routing_counts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <tuple>

#include "models/text/reader.hpp"

namespace moeplan::models {
namespace {

enum class Form { counts, probabilities, tokens };

constexpr double kShareError = 1e-3;
constexpr std::size_t kMostProblems = 20;
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

// What a file says of one layer.
struct Histogram {
  std::vector<double> pairs;   // [experts]
  std::vector<bool> seen;      // [experts]
  std::vector<int> last_line;  // [experts]
  int first_line = 0;          // 0: the layer is not in the file
};

class Reading {
 public:
  Reading(const text::CsvTable& table, const std::vector<RoutedLayer>& layers,
          const std::string& task)
      : table_(table), layers_(layers), wanted_task_(task), problems_(table.file()) {
    for (const RoutedLayer& layer : layers) {
      const auto experts = static_cast<std::size_t>(layer.experts);
      histograms_.push_back({std::vector<double>(experts, 0.0), std::vector<bool>(experts, false),
                             std::vector<int>(experts, 0), 0});
    }
    find_columns();
    check_task();
  }

  ModelRouting routing() {
    for (std::size_t row = 0; row < table_.rows() && problems_.list().size() < kMostProblems;
         ++row) {
      read_row(row);
    }
    if (problems_.empty()) {
      check_layers();
    }
    problems_.throw_if_any();
    std::vector<std::shared_ptr<const Routing>> out;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      out.push_back(
          std::make_shared<const Routing>(Routing::from_inclusion(inclusion(i), layers_[i].top_k)));
    }
    return ModelRouting(std::move(out));
  }

 private:
  void problem(int line, const char* code, std::string what, std::string got, std::string expected,
               std::string fix = "") {
    problems_.add({.code = code,
                   .mark = {line, 0},
                   .what = std::move(what),
                   .got = std::move(got),
                   .expected = std::move(expected),
                   .fix = std::move(fix)});
  }

  void find_columns() {
    layer_ = table_.column("layer");
    std::vector<std::string> known = {"layer", "step", "task"};
    if (table_.has("expert_1")) {
      form_ = Form::tokens;
      std::int64_t most = 1;
      for (const RoutedLayer& layer : layers_) {
        most = std::max(most, layer.top_k);
      }
      for (std::int64_t i = 1; i <= most; ++i) {
        known.push_back(fmt::format("expert_{}", i));
        choices_.push_back(table_.column(known.back()));  // E_MISSING: fewer than k columns
      }
    } else {
      form_ =
          table_.has("probability") && !table_.has("count") ? Form::probabilities : Form::counts;
      expert_ = table_.column("expert");
      value_ = table_.column(form_ == Form::counts ? "count" : "probability");
      known.insert(known.end(), {"expert", form_ == Form::counts ? "count" : "probability"});
    }
    step_ = table_.has("step") ? table_.column("step") : kNone;
    task_ = table_.has("task") ? table_.column("task") : kNone;
    for (const std::string& name : table_.columns()) {
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        problem(1, "E_UNKNOWN_KEY", fmt::format("the column '{}' is not known here", name),
                "columns " + joined(table_.columns()), joined(known), did_you_mean(name, known));
      }
    }
  }

  void check_task() {
    if (wanted_task_.empty()) {
      return;
    }
    std::set<std::string> tasks;
    for (std::size_t row = 0; task_ != kNone && row < table_.rows(); ++row) {
      tasks.insert(table_.cell(row, task_));
    }
    if (!tasks.contains(wanted_task_)) {
      const std::vector<std::string> names(tasks.begin(), tasks.end());
      problem(1, "E_VALUE", "no rows of this task", "'" + wanted_task_ + "'",
              names.empty() ? "a file with a column 'task'" : joined(names),
              did_you_mean(wanted_task_, names));
    }
  }

  std::optional<std::size_t> layer_of(std::size_t row) {
    const std::int64_t index = table_.count(row, layer_);
    const auto found = std::find_if(layers_.begin(), layers_.end(),
                                    [&](const RoutedLayer& l) { return l.index == index; });
    if (found == layers_.end()) {
      problem(table_.line(row), "E_RANGE", fmt::format("layer {} has no experts", index),
              std::to_string(index), "one of the MoE layers " + layer_names());
      return std::nullopt;
    }
    return static_cast<std::size_t>(found - layers_.begin());
  }

  std::string layer_names() const {
    std::vector<std::string> names;
    for (const RoutedLayer& layer : layers_) {
      names.push_back(std::to_string(layer.index));
    }
    const bool whole = names.size() > 2 && layers_.back().index - layers_.front().index + 1 ==
                                               static_cast<std::int64_t>(names.size());
    return whole ? names.front() + " to " + names.back() : joined(names);
  }

  std::optional<std::size_t> expert_of(std::size_t row, std::size_t column, std::size_t layer) {
    const std::int64_t expert = table_.count(row, column);
    if (expert >= layers_[layer].experts) {
      problem(table_.line(row), "E_RANGE",
              fmt::format("layer {} has no expert {}", layers_[layer].index, expert),
              std::to_string(expert), fmt::format("0 to {}", layers_[layer].experts - 1));
      return std::nullopt;
    }
    return static_cast<std::size_t>(expert);
  }

  void read_row(std::size_t row) {
    const std::int64_t step = step_ == kNone ? 0 : table_.count(row, step_);
    const std::string& task = task_ == kNone ? wanted_task_ : table_.cell(row, task_);
    if (!wanted_task_.empty() && task != wanted_task_) {
      return;
    }
    const auto layer = layer_of(row);
    if (!layer) {
      return;
    }
    Histogram& histogram = histograms_[*layer];
    if (histogram.first_line == 0) {
      histogram.first_line = table_.line(row);
    }
    if (form_ == Form::tokens) {
      read_token(row, *layer);
      return;
    }
    const auto expert = expert_of(row, expert_, *layer);
    if (!expert) {
      return;
    }
    const auto [before, is_new] =
        lines_.try_emplace({task, step, *layer, *expert}, table_.line(row));
    if (!is_new) {
      problem(table_.line(row), "E_DUPLICATE",
              fmt::format("layer {}, expert {} is there twice", layers_[*layer].index, *expert),
              fmt::format("lines {} and {}", before->second, table_.line(row)),
              "one row for each step, task, layer and expert");
    }
    histogram.pairs[*expert] += form_ == Form::counts
                                    ? static_cast<double>(table_.count(row, value_))
                                    : table_.number(row, value_, text::kFraction);
    histogram.seen[*expert] = true;
    histogram.last_line[*expert] = table_.line(row);
  }

  void read_token(std::size_t row, std::size_t layer) {
    std::vector<std::size_t> chosen;
    for (std::int64_t i = 0; i < layers_[layer].top_k; ++i) {
      const auto expert = expert_of(row, choices_[static_cast<std::size_t>(i)], layer);
      if (!expert) {
        return;
      }
      if (std::find(chosen.begin(), chosen.end(), *expert) != chosen.end()) {
        problem(
            table_.line(row), "E_VALUE",
            fmt::format("layer {}: the token chose expert {} twice", layers_[layer].index, *expert),
            "", "different experts");
      }
      chosen.push_back(*expert);
      histograms_[layer].pairs[*expert] += 1.0;
      histograms_[layer].last_line[*expert] = table_.line(row);
    }
  }

  void check_layers() {
    std::vector<std::string> missing;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      if (histograms_[i].first_line == 0) {
        missing.push_back(std::to_string(layers_[i].index));
      } else {
        check_layer(i);
      }
    }
    if (!missing.empty()) {
      problem(0, "E_MISSING",
              fmt::format("{} of the model's {} MoE layers are not in the file", missing.size(),
                          layers_.size()),
              "without layers " + joined(missing), "layers " + layer_names(),
              "layers are counted from 0 over all layers of the model");
    }
  }

  void check_layer(std::size_t i) {
    const RoutedLayer& layer = layers_[i];
    const Histogram& histogram = histograms_[i];
    const int line = histogram.first_line;
    for (std::size_t e = 0; form_ != Form::tokens && e < histogram.seen.size(); ++e) {
      if (!histogram.seen[e]) {
        problem(line, "E_MISSING", fmt::format("layer {} has no row for expert {}", layer.index, e),
                "", fmt::format("rows for experts 0 to {}", layer.experts - 1),
                "write 0 for an expert that was never used");
        return;
      }
    }
    const auto used = std::count_if(histogram.pairs.begin(), histogram.pairs.end(),
                                    [](double pairs) { return pairs > 0.0; });
    if (used < layer.top_k) {
      problem(line, "E_VALUE",
              fmt::format("layer {} uses fewer experts than a token needs", layer.index),
              fmt::format("{} experts with counts above 0", used),
              fmt::format("at least top_k = {}", layer.top_k));
      return;
    }
    const double sum = total(i);
    if (form_ == Form::probabilities && std::fabs(sum - 1.0) > kShareError) {
      problem(line, "E_VALUE",
              fmt::format("the probabilities of layer {} do not sum to 1", layer.index),
              fmt::format("{:.6g}", sum), "1 within 0.001",
              "shares of the layer's (token, expert) pairs");
      return;
    }
    const auto busiest = std::max_element(histogram.pairs.begin(), histogram.pairs.end());
    const double inclusion = *busiest / sum * static_cast<double>(layer.top_k);
    if (inclusion > 1.0 + (form_ == Form::probabilities ? kShareError : 1e-12)) {
      const auto e = static_cast<std::size_t>(busiest - histogram.pairs.begin());
      problem(
          histogram.last_line[e], "E_VALUE",
          fmt::format("layer {}: expert {} is used by more tokens than there are", layer.index, e),
          fmt::format("{:.4g} of the layer's pairs", *busiest / sum),
          fmt::format("at most 1/{}: each token uses {} different experts", layer.top_k,
                      layer.top_k));
    }
  }

  double total(std::size_t i) const {
    return std::accumulate(histograms_[i].pairs.begin(), histograms_[i].pairs.end(), 0.0);
  }

  std::vector<double> inclusion(std::size_t i) const {
    const double scale = static_cast<double>(layers_[i].top_k) / total(i);
    std::vector<double> out = histograms_[i].pairs;
    for (double& q : out) {
      q = std::min(1.0, q * scale);
    }
    return out;
  }

  const text::CsvTable& table_;
  const std::vector<RoutedLayer>& layers_;
  const std::string& wanted_task_;
  text::Problems problems_;
  Form form_ = Form::counts;
  std::size_t layer_ = kNone;
  std::size_t expert_ = kNone;
  std::size_t value_ = kNone;
  std::size_t step_ = kNone;
  std::size_t task_ = kNone;
  std::vector<std::size_t> choices_;   // [top_k]
  std::vector<Histogram> histograms_;  // [layers]
  std::map<std::tuple<std::string, std::int64_t, std::size_t, std::size_t>, int> lines_;
};

}  // namespace

ModelRouting measured_routing(const text::CsvTable& table, const std::vector<RoutedLayer>& layers,
                              const std::string& task) {
  return Reading(table, layers, task).routing();
}

ModelRouting load_measured_routing(const std::filesystem::path& path,
                                   const std::vector<RoutedLayer>& layers,
                                   const std::string& task) {
  return measured_routing(text::CsvTable::load(path), layers, task);
}

}  // namespace moeplan::models
