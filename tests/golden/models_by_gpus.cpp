#include "tests/golden/models_by_gpus.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/architecture/counts.hpp"
#include "models/architecture/read_architecture.hpp"
#include "models/text/input_error.hpp"
#include "models/units/parse.hpp"
#include "sim/deployment/kv_block.hpp"
#include "sim/serving/model_step_cost.hpp"
#include "tests/support/locations.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::tests {
namespace {

constexpr std::int64_t kSequences = 64;
constexpr std::int64_t kContext = 2048;
constexpr std::int64_t kPrompt = 4096;
constexpr int kGpuCounts[] = {1, 2, 4, 8};  // one node of any of the four

sim::PhaseTimes price(const sim::Deployment& deployment, const sim::RankBatch& batch,
                      std::vector<std::string>& extrapolated) {
  sim::ModelStepCost cost(deployment);
  const std::vector<sim::RankBatch> ranks = {batch};
  const sim::PhaseTimes times = cost.cost(ranks);
  for (const std::string& law : cost.extrapolated()) {
    if (std::find(extrapolated.begin(), extrapolated.end(), law) == extrapolated.end()) {
      extrapolated.push_back(law);
    }
  }
  return times;
}

void price_steps(const sim::Deployment& deployment, ModelOnGpu& cell) {
  sim::RankBatch decode;
  decode.decode_sequences = decode.sampled = kSequences;
  decode.decode_kv_tokens = kSequences * cell.decode.tokens;
  cell.decode.times = price(deployment, decode, cell.extrapolated);
  sim::RankBatch prefill;
  prefill.prefill_tokens = cell.prefill.tokens;
  prefill.sampled = 1;
  prefill.prefill.push_back({.chunk = cell.prefill.tokens, .history = 0});
  cell.prefill.times = price(deployment, prefill, cell.extrapolated);
  std::sort(cell.extrapolated.begin(), cell.extrapolated.end());
}

// The smallest engine that works, or the reason why the largest does not.
void place(const sim::Scenario& scenario, ModelOnGpu& cell) {
  for (const int gpus : kGpuCounts) {
    const sim::Candidate candidate{
        .experts_kept = scenario.pretrained_experts(), .gpus = gpus, .tensor_parallel = gpus};
    const auto placed = sim::deploy(scenario, candidate);
    if (const auto* why = std::get_if<sim::Infeasible>(&placed)) {
      cell.reason = fmt::format("{} GPUs: {}: {}", gpus, why->code, why->reason);
      continue;
    }
    const auto& deployment = std::get<sim::Deployment>(placed);
    const std::int64_t cached = deployment.memory.kv_blocks * sim::kBlockTokens;
    if (cached < kSequences * cell.decode.tokens) {
      cell.reason = fmt::format("{} GPUs: memory: the KV cache holds {} of {} tokens", gpus, cached,
                                kSequences * cell.decode.tokens);
      continue;
    }
    cell.reason.clear();
    cell.candidate = candidate;
    price_steps(deployment, cell);
    return;
  }
}

ModelOnGpu judge(const std::string& model, const models::SmoeArchitecture& architecture,
                 const std::string& gpu) {
  ModelOnGpu cell{.model = model, .gpu = gpu, .architecture = architecture};
  cell.decode.tokens = std::min(kContext, architecture.max_positions);
  cell.prefill.tokens = std::min(kPrompt, architecture.max_positions);
  ScenarioFile file;
  file.set("model", "{architecture: " + model + "}");
  file.set("pruning", "");
  file.set("hardware", "{gpu: " + gpu + ", gpus: [1, 2, 4, 8]}");
  try {
    place(file.load(), cell);
  } catch (const InputError& error) {
    const Problem& first = error.problems().front();
    cell.reason = fmt::format("refused: {}", first.what);
  }
  return cell;
}

std::string number(double value) { return fmt::format("{}", value); }

// Commas would split a cell.
std::string quoted(std::string text) {
  std::replace(text.begin(), text.end(), '"', '\'');
  return text.find(',') == std::string::npos ? text : '"' + text + '"';
}

void add_step(const PricedStep& step, std::vector<std::string>& cells) {
  cells.push_back(fmt::format("{}", step.tokens));
  cells.push_back(number(in_seconds(step.times.total())));
  for (std::size_t i = 0; i < sim::kPhaseCount; ++i) {
    cells.push_back(number(in_seconds(step.times[static_cast<sim::Phase>(i)])));
  }
}

void add_step_header(const std::string& step, const std::string& tokens, std::string& header) {
  header += fmt::format(",{}_{},{}_s", step, tokens, step);
  for (std::size_t i = 0; i < sim::kPhaseCount; ++i) {
    header += fmt::format(",{}_{}_s", step, name_of(static_cast<sim::Phase>(i)));
  }
}

// "experts 45 %, attention 20 %".
std::string largest_phases(const sim::PhaseTimes& times) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < sim::kPhaseCount; ++i) {
    order.push_back(i);
  }
  const auto of = [&](std::size_t i) { return in_seconds(times[static_cast<sim::Phase>(i)]); };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return of(a) > of(b); });
  const double total = in_seconds(times.total());
  return fmt::format("{} {:.0f} %, {} {:.0f} %", name_of(static_cast<sim::Phase>(order[0])),
                     100 * of(order[0]) / total, name_of(static_cast<sim::Phase>(order[1])),
                     100 * of(order[1]) / total);
}

std::string precision_text(const models::SmoeArchitecture& a) {
  const std::string plain(models::name_of(a.weight_precision));
  return a.expert_precision
             ? fmt::format("{}, experts {}", plain, models::name_of(*a.expert_precision))
             : plain;
}

}  // namespace

const std::vector<std::string>& models_by_gpus_columns() {
  static const std::vector<std::string> gpus = {"h100-sxm", "a100-sxm", "b200-sxm", "rtx-pro-6000"};
  return gpus;
}

std::vector<ModelOnGpu> models_by_gpus() {
  const std::filesystem::path folder = data_dir() / "architectures";
  std::vector<ModelOnGpu> table;
  for (const std::string& model : models::architecture_ids(folder)) {
    const models::SmoeArchitecture architecture = models::read_catalog_architecture(folder, model);
    for (const std::string& gpu : models_by_gpus_columns()) {
      table.push_back(judge(model, architecture, gpu));
    }
  }
  return table;
}

std::string models_by_gpus_csv(const std::vector<ModelOnGpu>& table) {
  std::string out =
      "model,gpu,parameters,active_parameters,weight_precision,expert_precision,weight_bytes,"
      "kv_bytes_per_token,gpus,reason,outside_measured_range";
  add_step_header("decode", "context_tokens", out);
  add_step_header("prefill", "tokens", out);
  out += "\n";
  for (const ModelOnGpu& cell : table) {
    const models::SmoeArchitecture& a = cell.architecture;
    const models::Parameters parameters = models::count_parameters(a);
    const bool runs = cell.reason.empty();
    std::vector<std::string> cells = {
        cell.model,
        cell.gpu,
        fmt::format("{}", parameters.total()),
        fmt::format("{}", parameters.active),
        std::string(models::name_of(a.weight_precision)),
        std::string(models::name_of(a.experts_in(a.weight_precision))),
        number(in_bytes(models::weight_bytes(a, a.weight_precision))),
        number(in_bytes(models::kv_bytes_per_token(a, models::Precision::bf16))),
        runs ? fmt::format("{}", cell.candidate.gpus) : "",
        quoted(cell.reason),
        fmt::format("{}", fmt::join(cell.extrapolated, ";"))};
    if (runs) {
      add_step(cell.decode, cells);
      add_step(cell.prefill, cells);
    } else {
      cells.resize(cells.size() + 2 * (sim::kPhaseCount + 2));
    }
    out += fmt::format("{}\n", fmt::join(cells, ","));
  }
  return out;
}

std::string models_by_gpus_markdown(const std::vector<ModelOnGpu>& table) {
  std::string out = fmt::format(
      "# Models by GPUs\n\n"
      "Every model of the catalog on one engine inside one node: the smallest number of GPUs that "
      "holds its weights and the KV cache of {} sequences, one decode step of these at {} tokens "
      "of "
      "context, one prefill step of {} tokens (less where a model has fewer positions). Weights "
      "in the precision that the model's file states, KV cache bf16, tensor parallel. Predictions, "
      "not measurements; made by tests/golden (see ../README.md). Phases, and which laws were used "
      "outside their measured range, are in models_by_gpus.csv.\n",
      kSequences, kContext, kPrompt);
  for (const std::string& gpu : models_by_gpus_columns()) {
    out += fmt::format(
        "\n## {}\n\n"
        "| model | parameters (active) | weights | KV/token | GPUs | decode step | mostly | "
        "prefill step | mostly |\n|---|---:|---:|---:|---:|---:|---|---:|---|\n",
        gpu);
    for (const ModelOnGpu& cell : table) {
      if (cell.gpu != gpu) {
        continue;
      }
      const models::SmoeArchitecture& a = cell.architecture;
      const models::Parameters p = models::count_parameters(a);
      out += fmt::format("| {} | {:.1f} B ({:.1f} B) | {} ({}) | {} |", cell.model,
                         static_cast<double>(p.total()) / 1e9, static_cast<double>(p.active) / 1e9,
                         to_text(models::weight_bytes(a, a.weight_precision)), precision_text(a),
                         to_text(models::kv_bytes_per_token(a, models::Precision::bf16)));
      if (cell.reason.empty()) {
        out += fmt::format(" {} | {} | {} | {} | {} |\n", cell.candidate.gpus,
                           to_text(Seconds(in_seconds(cell.decode.times.total()))),
                           largest_phases(cell.decode.times),
                           to_text(Seconds(in_seconds(cell.prefill.times.total()))),
                           largest_phases(cell.prefill.times));
      } else {
        out += fmt::format(" - | {} | | | |\n", cell.reason);
      }
    }
  }
  return out;
}

}  // namespace moeplan::tests
