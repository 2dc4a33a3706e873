#include "models/laboratory/lab_directory.hpp"

#include <fmt/format.h>

#include "models/laboratory/network_files.hpp"
#include "models/text/input_error.hpp"
#include "models/text/load.hpp"
#include "models/text/reader.hpp"

namespace moeplan::models {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTraining = "training.json";
constexpr const char* kUnfinished = ".unfinished";

std::string run_name(std::int64_t seed, std::int64_t experts, std::int64_t task) {
  return fmt::format("{}-task-{}", LabDirectory::network_name(seed, experts), task + 1);
}

std::string options_text(const LaboratoryOptions& options) {
  return text::Json::object()
      .set("schema", "moeplan.laboratory_options")
      .set("schema_version", 1)
      .set("options", options.json())
      .pretty();
}

}  // namespace

std::string LabDirectory::network_name(std::int64_t seed, std::int64_t experts) {
  return fmt::format("seed-{}-experts-{}", seed + 1, experts);
}

LabDirectory::LabDirectory(fs::path directory, const LaboratoryOptions& options, bool resume)
    : directory_(std::move(directory)) {
  const fs::path stated = directory_ / "laboratory.json";
  const std::string wanted = options_text(options);
  if (resume) {
    if (text::read_file(stated) != wanted) {
      throw InputError(Problem{.code = "E_VALUE",
                               .file = stated.string(),
                               .what = "the directory holds an experiment with other options",
                               .expected = "the options that it was begun with",
                               .fix = "name another directory with -o, without --resume"});
    }
    return;
  }
  for (const char* folder : {"pretrained", "router_data", "runs"}) {
    fs::create_directories(directory_ / folder);
  }
  text::write_file(stated, wanted);
}

std::optional<LabNetwork> LabDirectory::network(std::int64_t seed, std::int64_t experts) {
  const fs::path path = directory_ / "pretrained" / network_name(seed, experts);
  if (!fs::exists(path)) {
    return std::nullopt;
  }
  LabNetwork found;
  found.network = read_network(path);
  const text::Document training = text::load_json(path / kTraining);
  text::Problems problems(training);
  text::Reader reader(problems, training.root);
  found.dropped = reader.number("dropped", text::kFraction);
  found.accuracy = reader.number("accuracy", text::kFraction);
  reader.finish();
  problems.throw_if_any();
  return found;
}

void LabDirectory::keep(std::int64_t seed, std::int64_t experts, const LabNetwork& network) {
  const fs::path path = directory_ / "pretrained" / network_name(seed, experts);
  fs::path unfinished = path;
  unfinished += kUnfinished;
  fs::remove_all(unfinished);
  fs::create_directories(unfinished);
  write_network(unfinished, network.network);
  text::write_file(unfinished / kTraining, text::Json::object()
                                               .set("dropped", network.dropped)
                                               .set("accuracy", network.accuracy)
                                               .pretty());
  fs::rename(unfinished, path);
}

std::optional<std::vector<LabRow>> LabDirectory::rows(std::int64_t seed, std::int64_t experts,
                                                      std::int64_t task) {
  const fs::path path = directory_ / "runs" / (run_name(seed, experts, task) + ".json");
  if (!fs::exists(path)) {
    return std::nullopt;
  }
  const text::Document document = text::load_json(path);
  text::Problems problems(document);
  text::Reader file(problems, document.root);
  std::vector<LabRow> rows;
  for (text::Reader& entry : file.sections("rows")) {
    LabRow row{.seed = seed, .task = task, .pretrained = experts};
    row.method = entry.string("method");
    row.router = entry.string("router");
    row.kept = entry.count("kept", text::kPositive);
    row.refused = entry.string("refused", "");
    if (row.refused.empty()) {
      row.before = entry.number("before", text::kFraction);
      row.accuracy = entry.number("accuracy", text::kFraction);
    }
    entry.finish();
    rows.push_back(std::move(row));
  }
  file.finish();
  problems.throw_if_any();
  return rows;
}

void LabDirectory::keep(std::int64_t seed, std::int64_t experts, std::int64_t task,
                        const std::vector<LabRow>& rows) {
  text::Json list = text::Json::array();
  for (const LabRow& row : rows) {
    text::Json entry = text::Json::object()
                           .set("method", row.method)
                           .set("router", row.router)
                           .set("kept", row.kept);
    if (row.refused.empty()) {
      entry.set("before", row.before).set("accuracy", row.accuracy);
    } else {
      entry.set("refused", row.refused);
    }
    list.push(std::move(entry));
  }
  text::write_file(directory_ / "runs" / (run_name(seed, experts, task) + ".json"),
                   text::Json::object().set("rows", std::move(list)).pretty());
}

void LabDirectory::keep_router_data(std::int64_t seed, std::int64_t experts, std::int64_t task,
                                    const std::function<std::vector<FloatMatrix>()>& logits) {
  if (seed > 0) {
    return;
  }
  const fs::path path =
      directory_ / "router_data" / (run_name(seed, experts, task) + ".safetensors");
  fs::path unfinished = path;
  unfinished += kUnfinished;
  write_router_data(unfinished, logits());
  fs::rename(unfinished, path);
}

}  // namespace moeplan::models
