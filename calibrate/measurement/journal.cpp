#include "calibrate/measurement/journal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "models/text/load.hpp"
#include "models/text/reader.hpp"

namespace moeplan::calibrate {
namespace {

using Texts = std::map<std::string, std::string>;

constexpr const char* kSchema = "moeplan-journal";
constexpr const char* kJournal = "the journal";
constexpr int kVersion = 1;

text::Json json_of(const Texts& texts) {
  text::Json json = text::Json::object();
  for (const auto& [key, value] : texts) {
    json.set(key, value);
  }
  return json;
}

text::Json to_json(const JournalHeader& header) {
  return text::Json::object()
      .set("schema", kSchema)
      .set("schema_version", kVersion)
      .set("what", header.what)
      .set("seed", header.seed)
      .set("launches", header.launches)
      .set("visits", header.visits)
      .set("budget_s", header.budget_s)
      .set("fingerprint", json_of(header.fingerprint))
      .set("settings", json_of(header.settings))
      .set("plan", header.plan);
}

Texts texts_of(text::Reader& reader, const std::string& key) {
  text::Reader section = reader.section(key);
  Texts texts;
  for (const std::string& name : section.keys()) {
    texts[name] = section.string(name);
  }
  return texts;
}

JournalHeader header_from(const text::Document& document) {
  text::Problems problems(document);
  text::Reader reader(problems, document.root);
  check_schema(reader, kSchema, kVersion, kVersion);
  problems.throw_if_any();
  JournalHeader header;
  header.what = reader.string("what");
  header.seed = static_cast<std::uint64_t>(reader.count("seed"));
  header.launches = static_cast<int>(reader.count("launches", {.low = 1.0, .high = 1e6}));
  header.visits = static_cast<int>(reader.count("visits", {.low = 1.0, .high = 1e6}));
  header.budget_s = reader.number("budget_s", text::kNonNegative);
  header.fingerprint = texts_of(reader, "fingerprint");
  header.settings = texts_of(reader, "settings");
  if (const text::Node* plan = reader.node("plan"); plan != nullptr) {
    for (const text::Node& id : plan->items) {
      header.plan.push_back(as_string(problems, id, "/plan").value_or(""));
    }
  }
  reader.finish();
  problems.throw_if_any();
  return header;
}

InputError wrong(const std::string& code, const std::filesystem::path& path, int line,
                 std::string what, std::string got, std::string expected, std::string fix) {
  return InputError({.code = code,
                     .file = path.string(),
                     .mark = {line, line > 0 ? 1 : 0},
                     .pointer = "",
                     .what = std::move(what),
                     .got = std::move(got),
                     .expected = std::move(expected),
                     .fix = std::move(fix)});
}

// What differs between two sweeps, "" if nothing does. The plan may: it follows from the rest.
std::string difference(const JournalHeader& file, const JournalHeader& wanted) {
  std::vector<std::string> parts;
  const auto compare = [&](const std::string& name, const auto& a, const auto& b) {
    if (a != b) {
      parts.push_back(fmt::format("{} '{}' there, '{}' here", name, a, b));
    }
  };
  const auto compare_all = [&](const Texts& a, const Texts& b) {
    for (const auto& [name, value] : a) {
      compare(name, value, b.contains(name) ? b.at(name) : "nothing");
    }
    for (const auto& [name, value] : b) {
      compare(name, a.contains(name) ? a.at(name) : "nothing", value);
    }
  };
  compare("what", file.what, wanted.what);
  compare("seed", file.seed, wanted.seed);
  compare("launches", file.launches, wanted.launches);
  compare("visits", file.visits, wanted.visits);
  compare("budget_s", file.budget_s, wanted.budget_s);
  compare_all(file.fingerprint, wanted.fingerprint);
  compare_all(file.settings, wanted.settings);
  std::sort(parts.begin(), parts.end());
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
  return joined(parts);
}

}  // namespace

JournalContents read_journal(const std::filesystem::path& path, bool strict) {
  JournalContents out;
  std::set<std::tuple<std::string, int, int>> seen;
  const text::CheckedLinesEnd end = text::read_checked_lines(
      path, kJournal, "take the journal from a backup, or remove the line to measure it again",
      [&](const std::string& record, int line) {
        text::Document document = text::parse_json(record, path.string());
        if (line == 1) {
          out.header = header_from(document);
          return;
        }
        PointRecord point = record_from(document);
        if (!seen.insert({point.id, point.launch, point.visit}).second) {
          throw wrong("E_DUPLICATE", path, line, "a visit that is there already",
                      fmt::format("{} launch {} visit {}", point.id, point.launch, point.visit),
                      "each visit once", "");
        }
        out.records.push_back(std::move(point));
      });
  out.good_bytes = end.good_bytes;
  out.torn = end.torn;
  if (strict && out.torn) {
    throw wrong("E_CHECKSUM", path, end.lines + 1, "an unfinished last line",
                fmt::format("bytes from byte {}", out.good_bytes), "a line end",
                "resume the sweep, which measures the point again");
  }
  return out;
}

Journal::Journal(const std::filesystem::path& path, const JournalHeader& header)
    : lines_(path, kJournal), contents_(read_journal(path)) {
  if (contents_.good_bytes == 0) {  // empty, or torn in its first line
    lines_.cut(0);
    lines_.append(to_json(header));
    contents_ = {};
    contents_.header = header;
    return;
  }
  const std::string differs = difference(contents_.header, header);
  if (!differs.empty()) {
    throw wrong("E_VALUE", path, 0, "a journal of another sweep", differs,
                "the same machine and arguments", "name another file, or go on as it began");
  }
  lines_.cut(contents_.good_bytes);
}

bool Journal::has(const std::string& id, int launch, int visit) const {
  return std::any_of(contents_.records.begin(), contents_.records.end(),
                     [&](const PointRecord& record) {
                       return record.visit == visit && record.launch == launch && record.id == id;
                     });
}

void Journal::append(const PointRecord& record) {
  lines_.append(calibrate::to_json(record));
  contents_.records.push_back(record);
}

}  // namespace moeplan::calibrate
