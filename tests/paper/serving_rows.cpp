#include "tests/paper/serving_rows.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "models/catalog/catalog.hpp"
#include "models/text/csv.hpp"
#include "models/text/load.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

// Whole numbers that some files write as "4.0".
int whole(const text::CsvTable& table, std::size_t row, const std::string& column) {
  return static_cast<int>(table.number(row, table.column(column), text::kNonNegative));
}

void append(const std::filesystem::path& path, std::vector<ServingRow>& rows) {
  const text::CsvTable table = text::CsvTable::load(path);
  const bool experts = table.has("moe_ep");
  for (std::size_t i = 0; i < table.rows(); ++i) {
    const auto word = [&](const char* column) { return table.cell(i, table.column(column)); };
    ServingRow row{.id = word("id"),
                   .system = word("system"),
                   .model = word("model"),
                   .backend = word("backend"),
                   .version = word("backend_version"),
                   .precision = word("precision"),
                   .gpus = whole(table, i, "gpus"),
                   .tp = whole(table, i, "tp"),
                   .input_tokens = whole(table, i, "isl"),
                   .output_tokens = whole(table, i, "osl"),
                   .concurrency = whole(table, i, "concurrency"),
                   .ttft_s = 1e-3 * table.number(i, table.column("ttft_ms"), text::kPositive),
                   .tpot_s = 1e-3 * table.number(i, table.column("tpot_ms"), text::kPositive)};
    if (experts) {
      row.dp = whole(table, i, "dp");
      row.moe_tp = whole(table, i, "moe_tp");
      row.moe_ep = whole(table, i, "moe_ep");
    }
    rows.push_back(std::move(row));
  }
}

// The laws of H100 with memory bandwidths as the data sheets differ; links and arithmetic are
// equal.
void use_scaled_profile(sim::HardwareOption& option, const models::SmoeArchitecture& architecture,
                        models::Precision precision) {
  models::Profile profile = models::load_profile(models::profile_path("h100-sxm"));
  const double faster = option.gpu.bandwidth / models::load_gpu("h100-sxm").bandwidth;
  for (models::FittedLaw& law : profile.laws) {
    const std::string& kernel = law.info.kernel;
    if (kernel == "expert" || kernel == "dense" || kernel == "mla" ||
        kernel.starts_with("attention")) {
      law.theta.at("bandwidth_Bps") *= faster;
    }
  }
  option.laws = models::make_cost_laws(option.gpu, option.fabric, nullptr, &profile,
                                       {.weights = precision,
                                        .experts = architecture.experts_in(precision),
                                        .allow_other_hardware = true,
                                        .as_served = true});
}

}  // namespace

bool ServingRow::schedules_ahead() const {
  return backend == "vllm" && version.starts_with("0.") && std::atoi(version.c_str() + 2) >= 14;
}

std::string ServingRow::group() const {
  const std::string name = model.substr(model.find('/') + 1);
  return fmt::format("{} {} {} {} tp{}", name, system, backend, precision, tp);
}

std::vector<ServingRow> read_serving_rows(const std::filesystem::path& e2e) {
  std::vector<ServingRow> rows;
  append(e2e / "aic_silicon_dense_llama70b_open.csv", rows);
  append(e2e / "aic_silicon_moe_open.csv", rows);
  return rows;
}

std::variant<ServingSetup, std::string> setup_of(const ServingRow& row) {
  ServingSetup setup;
  setup.gpu = row.system == "h100_sxm" ? "h100-sxm" : "h200-sxm";
  setup.candidate = {.gpus = row.gpus, .tensor_parallel = row.tp, .data_parallel = row.dp};
  // KV precision is not published. It shows where the cache runs full: on H100 vLLM, two GPUs hold
  // 30 sequences of 8192 + 1024 tokens in 16 bit (59 in 8 bit), and the measured TPOT does not
  // change from 32 to 64 users; on H200, one GPU holds 23 (46), and neither engine queues at 32.
  setup.kv_precision = row.system == "h100_sxm" ? "bf16" : "fp8";
  if (row.model == "meta-llama/Llama-3.1-70B") {
    setup.architecture = "llama-3.1-70b";
    setup.precision = "fp8";
    return setup;
  }
  if (row.moe_tp > 1 && row.moe_ep > 1) {
    return std::string("experts split over TP and EP at once");
  }
  setup.candidate.expert_parallel = row.moe_ep > 1;
  if (row.model == "Qwen/Qwen3-235B-A22B-FP8") {
    setup.architecture = "qwen3-235b-a22b";
    setup.precision = "fp8_block";
    setup.candidate.experts_kept = 128;
    return setup;
  }
  if (row.model == "MiniMaxAI/MiniMax-M2.5") {
    setup.architecture = "minimax-m2";  // the same layers
    setup.precision = "fp8_block";
    setup.candidate.experts_kept = 256;
    // Published as moe_tp 8, but vLLM refuses to split an expert's 1536 columns into 192: a block
    // of scales covers 128 (Fp8MoEMethod.create_weights). With expert parallelism it runs.
    setup.candidate.expert_parallel = row.moe_tp == 8;
    return setup;
  }
  if (row.model != "openai/gpt-oss-120b") {
    return "not in the catalog: " + row.model;
  }
  if (row.precision != "fp4") {
    return std::string("gpt-oss in " + row.precision + ": which matrices is not published");
  }
  if (row.concurrency == 512) {
    // TPOT is that of 64 users or fewer, TTFT 8 generations of requests: they waited outside.
    return std::string(
        "512 users on an engine that ran fewer sequences, how many is not published");
  }
  setup.architecture = "gpt-oss-120b";  // its experts are in MXFP4, 16-bit arithmetic on Hopper
  setup.precision = "bf16";
  setup.candidate.experts_kept = 128;
  return setup;
}

sim::Scenario scenario_of(const ServingRow& row, const ServingSetup& setup,
                          const ServingAssumption& assumption) {
  const TemporaryDirectory directory;
  const auto lengths = [](int most) {
    return fmt::format("{{distribution: uniform, min: {}, max: {}}}", most * 4 / 5, most);
  };
  const std::string yaml = fmt::format(
      "name: {}\n"
      "model: {{architecture: {}, precision: {}, kv_precision: {}}}\n"
      "hardware: {{gpu: {}, gpus: {}}}\n"
      "engine: {{max_sequences: {}, max_batched_tokens: 8192}}\n"
      "workload: {{arrivals: closed_loop, concurrency: {}, requests: {}, warmup_requests: 0, "
      "input_tokens: {}, output_tokens: {}{}}}\n"
      "objectives: {{tpot_p99: 1 s}}\n"
      "prices: {{book: 2026-11}}\n",
      row.id, setup.architecture, setup.precision, setup.kv_precision, setup.gpu, row.gpus,
      row.concurrency, row.concurrency, 10 * row.concurrency, lengths(row.input_tokens),
      lengths(row.output_tokens),
      assumption.alpha > 0.0
          ? fmt::format(", routing: {{distribution: power_law, alpha: {}}}", assumption.alpha)
          : "");
  sim::Scenario scenario = sim::load_scenario(directory.write("row.yaml", yaml));
  if (assumption.scaled_profile && setup.gpu == "h200-sxm") {
    use_scaled_profile(scenario.hardware.front(), scenario.architecture, scenario.precision);
  }
  return scenario;
}

}  // namespace moeplan::tests
