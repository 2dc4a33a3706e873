#pragma once
// Checker: problems found after the field table's checks, where values meet each other and the
// catalog; each is located at its key of the scenario.

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "sim/scenario/input_cache.hpp"
#include "sim/scenario/scenario.hpp"
#include "sim/scenario/values.hpp"
#include "sim/workload/read_trace.hpp"

namespace moeplan::sim {

class Checker {
 public:
  // inputs: where what is read from files is kept; nullptr: for this scenario alone.
  Checker(const ScenarioValues& values, text::Problems& problems, InputCache* inputs = nullptr)
      : values_(values), problems_(problems), inputs_(inputs == nullptr ? own_inputs_ : *inputs) {}

  InputCache& inputs() const { return inputs_; }

  void problem(const std::string& path, std::string code, std::string what, std::string expected,
               std::string fix = "") {
    problems_.add({.code = std::move(code),
                   .mark = values_.mark(path),
                   .pointer = pointer_of(path),
                   .what = std::move(what),
                   .got = values_.text(path),
                   .expected = std::move(expected),
                   .fix = std::move(fix)});
  }

  // The same for one item of a list (a single value is item 0).
  void item_problem(const std::string& path, std::size_t item, std::string code, std::string what,
                    std::string expected, std::string fix = "") {
    const std::vector<std::string> texts = values_.texts(path);
    problems_.add({.code = std::move(code),
                   .mark = values_.item_mark(path, item),
                   .pointer = values_.item_pointer(path, item),
                   .what = std::move(what),
                   .got = item < texts.size() ? texts[item] : "",
                   .expected = std::move(expected),
                   .fix = std::move(fix)});
  }

  // A key that another choice reads would be ignored in silence. keys: of the section `path`
  // ("a.b.") that belong to one choice or another; read: of them, those that this choice reads.
  void refuse_keys_of_others(const std::string& path, const std::vector<std::string>& keys,
                             const std::vector<std::string>& read, const std::string& choice) {
    for (const std::string& key : keys) {
      if (values_.given(path + key) && std::find(read.begin(), read.end(), key) == read.end()) {
        problem(path + key, "E_VALUE", key + " has no meaning for " + choice,
                read.empty() ? "nothing more" : joined(read));
      }
    }
  }

  // Runs a loader of a named thing. Problems that have a line of their own stay as they are; the
  // others (no such file, unknown id) are located at the key that names the thing.
  // about: what the thing is, where the key alone does not say it ("the fabric of h100-sxm").
  template <class Load>
  auto loaded(const std::string& path, std::size_t item, Load load, const std::string& about = "")
      -> std::optional<decltype(load())> {
    try {
      return load();
    } catch (const InputError& error) {
      for (Problem inner : error.problems()) {
        if (!inner.file.empty() && inner.mark.line > 0) {
          foreign_.push_back(std::move(inner));
          continue;
        }
        const std::string place = inner.file.empty() ? about : inner.file;
        inner.what = place.empty() ? inner.what : place + ": " + inner.what;
        inner.mark = values_.item_mark(path, item);
        inner.pointer = values_.item_pointer(path, item);
        problems_.add(std::move(inner));
      }
      return std::nullopt;
    }
  }
  template <class Load>
  auto loaded(const std::string& path, Load load) -> std::optional<decltype(load())> {
    return loaded(path, 0, std::move(load));
  }

  // Throws: InputError with this file's problems and those of files it names.
  void throw_if_any() {
    std::vector<Problem> all = problems_.list();
    all.insert(all.end(), foreign_.begin(), foreign_.end());
    if (!all.empty()) {
      throw InputError(std::move(all));
    }
  }

 private:
  const ScenarioValues& values_;
  text::Problems& problems_;
  std::vector<Problem> foreign_;
  InputCache own_inputs_;
  InputCache& inputs_;
};

// True for names that are meant as a path: they contain '/' or end in .yaml, .yml or .json.
bool is_path(const std::string& name);

// Catalog ids stay as they are; paths are relative to the scenario's file.
std::string resolved(const std::string& name, const std::filesystem::path& scenario);

// First MoE layer of the architecture, or nullptr.
const models::MoeFfn* first_moe(const models::SmoeArchitecture& architecture);

// pruning.experts_kept, or the pretrained number; empty for a dense model. Values that the model
// cannot have become problems.
std::vector<std::int64_t> read_experts(Checker& check, const ScenarioValues& values,
                                       const models::SmoeArchitecture& architecture);

// Books (several as one), tiers, provider and day. Nothing when a book could not be read.
std::optional<PriceOptions> read_prices(Checker& check, const ScenarioValues& values,
                                        const std::filesystem::path& path);

// A curve of another model would pass its accuracies off as this one's: a problem, unless the
// scenario insists. Returns what a reader of the plan must know then.
std::vector<std::string> check_accuracy(Checker& check, const models::AccuracyCurve& curve,
                                        const models::SmoeArchitecture& architecture,
                                        bool allow_other_model);

// The traffic of the scenario: arrivals, lengths, run length, routing. Traces and lengths lie
// relative to the scenario's file.
Workload read_workload(Checker& check, const ScenarioValues& values,
                       const std::filesystem::path& scenario);

// Parts of it: arrivals (read_arrivals.cpp); prompt and output lengths (read_lengths.cpp).
void read_arrivals(Checker& check, const ScenarioValues& values,
                   const std::filesystem::path& scenario, Workload& workload);
void read_lengths(Checker& check, const ScenarioValues& values,
                  const std::filesystem::path& scenario, Workload& workload);

// The recorded requests of the file named at `section`.file; nullptr with the problem recorded.
std::shared_ptr<const RequestTrace> load_trace(Checker& check, const ScenarioValues& values,
                                               const std::filesystem::path& scenario,
                                               const std::string& section,
                                               const TraceOptions& options);
// How tokens spread over experts (expert_routing.cpp), and the models made from it.
ExpertRouting read_expert_routing(Checker& check, const ScenarioValues& values,
                                  const std::filesystem::path& scenario);
// Empty for a dense model, and after a problem.
models::RoutedModel read_routed_model(Checker& check, const ExpertRouting& routing,
                                      const models::SmoeArchitecture& architecture,
                                      models::RouterMode mode,
                                      const std::vector<std::int64_t>& kept, std::uint64_t seed);
std::vector<models::PlacementRule> read_placement(Checker& check, const ScenarioValues& values);

// The limits of an engine (read_engine.cpp).
EngineOptions read_engine(Checker& check, const ScenarioValues& values,
                          const models::SmoeArchitecture& architecture);

// Every GPU in each named node that holds it; in its usual node where none does.
std::vector<HardwareOption> read_hardware(Checker& check, const ScenarioValues& values,
                                          const std::filesystem::path& path,
                                          const models::LawRequest& request);
// A cache without anything to find, or a router that would look for it: the same as none.
void check_prefix_caching(Checker& check, const ScenarioValues& values, const Workload& workload);
// Pools of prefill and decode engines, if the scenario has them.
std::optional<Disaggregation> read_disaggregation(Checker& check, const ScenarioValues& values);
// Latency objectives, accuracy gate, budget, and what is searched for.
Objectives read_objectives(Checker& check, const ScenarioValues& values);
// hardware.network and the keys that only flows know.
NetworkOptions read_network(Checker& check, const ScenarioValues& values,
                            const std::vector<HardwareOption>& hardware,
                            const std::filesystem::path& path);

}  // namespace moeplan::sim
