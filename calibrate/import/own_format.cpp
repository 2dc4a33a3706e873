#include "calibrate/import/own_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "calibrate/import/sample_fields.hpp"
#include "models/text/json.hpp"
#include "models/text/load.hpp"
#include "models/text/reader.hpp"

namespace moeplan::calibrate {
namespace {

using models::Measurements;
using text::Json;
using text::Reader;

constexpr const char* kSchema = "moeplan-measurements";
constexpr int kVersion = 1;

const std::vector<std::string> kParts = {"layer", "up", "down", "products"};
const std::vector<std::string> kPaths = {"expanded", "absorbed"};
const std::vector<std::string> kPhases = {"dispatch", "combine"};
const std::vector<std::string> kCollectives = {"allreduce", "allgather", "reducescatter",
                                               "all2all"};

template <class Enum>
const std::string& at(const std::vector<std::string>& names, Enum value) {
  return names[static_cast<std::size_t>(value)];
}

class Writer {
 public:
  template <class T>
  void whole(const char* key, const T& value, int /*least*/) {
    json_.set(key, static_cast<std::int64_t>(value));
  }
  void number(const char* key, double value) { json_.set(key, value); }
  void positive(const char* key, double value) { json_.set(key, value); }
  void text(const char* key, const std::string& value) { json_.set(key, value); }
  void flag(const char* key, bool value) { json_.set(key, value); }
  // Of rows of a kind that came later: not there is false.
  void set_flag(const char* key, bool value) {
    if (value) {
      json_.set(key, value);
    }
  }
  void durations(const char* key, const std::vector<double>& values) {
    if (!values.empty()) {
      json_.set(key, values);
    }
  }
  void precision(const char* key, models::Precision value) {
    json_.set(key, std::string(name_of(value)));
  }
  void part(const char* key, models::ExpertPart value) { json_.set(key, at(kParts, value)); }
  void path(const char* key, models::LatentPath value) { json_.set(key, at(kPaths, value)); }
  void phase(const char* key, models::ExchangePhase value) { json_.set(key, at(kPhases, value)); }
  void collective(const char* key, models::Collective value) {
    json_.set(key, at(kCollectives, value));
  }
  Json take() { return std::move(json_); }

 private:
  Json json_ = Json::object();
};

class FieldReader {
 public:
  explicit FieldReader(Reader& reader) : reader_(reader) {}

  template <class T>
  void whole(const char* key, T& value, int least) {
    value = static_cast<T>(reader_.count(
        key, {.low = static_cast<double>(least), .high = sizeof(T) < 8 ? 2147483647.0 : 9e15}));
  }
  void number(const char* key, double& value) { value = reader_.number(key, text::kNonNegative); }
  void positive(const char* key, double& value) { value = reader_.number(key, text::kPositive); }
  void text(const char* key, std::string& value) { value = reader_.string(key); }
  void flag(const char* key, bool& value) {
    const text::Node* node = reader_.node(key);
    value = node != nullptr &&
            as_boolean(reader_.problems(), *node, reader_.pointer_of(key)).value_or(false);
  }
  void set_flag(const char* key, bool& value) { value = reader_.boolean(key, false); }
  void durations(const char* key, std::vector<double>& values) {
    if (reader_.has(key)) {
      values = reader_.numbers(key, text::kPositive);
    }
  }
  void precision(const char* key, models::Precision& value) {
    value = models::precision_from(reader_.choice(key, models::precision_names()))
                .value_or(models::Precision::bf16);
  }
  void part(const char* key, models::ExpertPart& value) { value = chosen(key, kParts, value); }
  void path(const char* key, models::LatentPath& value) { value = chosen(key, kPaths, value); }
  void phase(const char* key, models::ExchangePhase& value) { value = chosen(key, kPhases, value); }
  void collective(const char* key, models::Collective& value) {
    value = chosen(key, kCollectives, value);
  }

 private:
  template <class Enum>
  Enum chosen(const char* key, const std::vector<std::string>& names, Enum fallback) {
    const auto found = std::find(names.begin(), names.end(), reader_.choice(key, names));
    return found == names.end() ? fallback : static_cast<Enum>(found - names.begin());
  }

  Reader& reader_;
};

// Enumerators are written by position in the lists above.
static_assert(static_cast<int>(models::ExpertPart::products) == 3);
static_assert(static_cast<int>(models::LatentPath::absorbed) == 1);
static_assert(static_cast<int>(models::ExchangePhase::combine) == 1);
static_assert(static_cast<int>(models::Collective::all_to_all) == 3);

Json source_json(const Measurements& file) {
  Json skipped = Json::array();
  for (const auto& [why, rows] : file.skipped) {
    skipped.push(Json::object().set("reason", why).set("rows", rows));
  }
  Json json = Json::object()
                  .set("file", file.name)
                  .set("sha256", file.sha256)
                  .set("source", file.source)
                  .set("rows", file.rows())
                  .set("notes", file.notes)
                  .set("skipped", std::move(skipped));
  if (!file.fingerprint.empty()) {
    Json fingerprint = Json::object();
    for (const auto& [key, value] : file.fingerprint) {
      fingerprint.set(key, value);
    }
    json.set("fingerprint", std::move(fingerprint));
  }
  return json;
}

std::string common_device(const std::vector<Measurements>& files) {
  std::string device;
  for (const Measurements& file : files) {
    if (!device.empty() && !file.device.empty() && device != file.device) {
      throw InputError({.code = "E_VALUE",
                        .file = file.file,
                        .mark = {},
                        .pointer = "",
                        .what = "files of two devices",
                        .got = "'" + file.device + "'",
                        .expected = "'" + device + "'",
                        .fix = "import them into files of their own"});
    }
    device = device.empty() ? file.device : device;
  }
  return device;
}

void check_expert(Reader& row, const models::ExpertSample& sample) {
  const auto local = static_cast<double>(sample.shape.local_experts);
  if (sample.load.active_experts > local + 1e-9) {
    row.problem("active_experts", "E_RANGE", "more active experts than the rank has",
                "<= local_experts");
  }
  if (sample.shape.top_k > sample.shape.experts ||
      sample.shape.local_experts > sample.shape.experts) {
    row.problem("experts", "E_RANGE", "fewer experts than top_k or local_experts",
                "top_k <= experts, local_experts <= experts");
  }
}

void check_latent(Reader& row, const models::LatentSample& sample) {
  if (!sample.kernel_alone &&
      (sample.hidden < 1 || sample.shape.kv_lora_rank < 1 || sample.shape.v_head_dim < 1)) {
    row.problem("hidden", "E_RANGE", "a whole block without hidden size, latent rank or values",
                "hidden, kv_lora_rank and v_head_dim of at least 1");
  }
}

}  // namespace

bool is_own_format(const std::string& content) {
  return content.substr(0, 4096).find(kSchema) != std::string::npos;
}

std::string measurements_text(const std::vector<Measurements>& files) {
  Json root = Json::object();
  Json sources = Json::array();
  std::set<std::string> projects;
  std::optional<models::StatedPeak> peak;
  for (const Measurements& file : files) {
    sources.push(source_json(file));
    projects.insert(file.source);
    peak = peak ? peak : file.stated_peak;
  }
  root.set("schema", kSchema).set("schema_version", kVersion);
  root.set("source", fmt::format("{}", fmt::join(projects, "; ")));
  root.set("device", common_device(files)).set("files", std::move(sources));
  root.set("stated_peak", peak ? Json::object()
                                     .set("precision", std::string(name_of(peak->precision)))
                                     .set("rate_flop_per_s", peak->flops)
                               : Json());
  std::vector<std::pair<std::string, Json>> sections;
  for (const Measurements& file : files) {
    sections_of(file, [&](const char* key, const auto& samples) {
      auto found = std::find_if(sections.begin(), sections.end(),
                                [&](const auto& entry) { return entry.first == key; });
      if (found == sections.end()) {
        found = sections.emplace(sections.end(), key, Json::array());
      }
      for (const auto& sample : samples) {
        Writer writer;
        fields(writer, sample);
        found->second.push(writer.take());
      }
    });
  }
  for (auto& [key, rows] : sections) {
    root.set(key, std::move(rows));
  }
  return root.pretty();
}

Measurements parse_own_format(const std::string& content, const std::string& file) {
  const text::Document document = text::parse_json(content, file);
  text::Problems problems(document);
  Reader root(problems, document.root);
  check_schema(root, kSchema, kVersion, kVersion);
  problems.throw_if_any();
  Measurements out;
  out.file = file;
  out.name = std::filesystem::path(file).filename().string();
  out.sha256 = text::sha256(content);
  out.source = root.string("source");
  out.device = root.string("device");
  for (Reader& source : root.sections("files")) {
    const std::string name = source.string("file");
    source.string("sha256");
    source.string("source");
    source.count("rows");
    const text::Node* notes = source.node("notes");
    if (notes != nullptr) {
      for (const text::Node& note : notes->items) {
        out.notes.push_back(name + ": " + note.scalar);
      }
    }
    if (source.has("fingerprint")) {
      Reader fingerprint = source.section("fingerprint");
      for (const std::string& key : fingerprint.keys()) {
        out.fingerprint[key] = fingerprint.string(key);
      }
    }
    for (Reader& skipped : source.sections("skipped")) {
      out.skipped[name + ": " + skipped.string("reason")] += skipped.count("rows");
      skipped.finish();
    }
    source.finish();
  }
  const text::Node* peak = root.node("stated_peak");
  if (peak != nullptr && peak->kind != text::Kind::null) {
    Reader section = root.section("stated_peak");
    models::StatedPeak stated;
    FieldReader(section).precision("precision", stated.precision);
    stated.flops = section.number("rate_flop_per_s", text::kPositive);
    section.finish();
    out.stated_peak = stated;
  }
  sections_of(out, [&](const char* key, auto& samples) {
    for (Reader& row : root.sections(key)) {
      auto& sample = samples.emplace_back();
      FieldReader reader(row);
      fields(reader, sample);
      if constexpr (std::is_same_v<std::decay_t<decltype(sample)>, models::ExpertSample>) {
        sample.shape.precision = sample.origin.precision;
        check_expert(row, sample);
      } else if constexpr (std::is_same_v<std::decay_t<decltype(sample)>, models::LatentSample>) {
        check_latent(row, sample);
      }
      row.finish();
    }
  });
  root.finish();
  problems.throw_if_any();
  if (out.rows() == 0) {
    throw InputError({.code = "E_VALUE",
                      .file = file,
                      .mark = {},
                      .pointer = "",
                      .what = "a file without measurements",
                      .got = "",
                      .expected = "at least one row",
                      .fix = ""});
  }
  return out;
}

}  // namespace moeplan::calibrate
