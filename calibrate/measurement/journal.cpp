#include "calibrate/measurement/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>
#include <tuple>

#include "calibrate/measurement/crc32.hpp"
#include "models/text/load.hpp"
#include "models/text/reader.hpp"

namespace moeplan::calibrate {
namespace {

using Texts = std::map<std::string, std::string>;

constexpr const char* kSchema = "moeplan-journal";
constexpr int kVersion = 1;
constexpr std::string_view kBegin = R"({"record":)";
constexpr std::string_view kMiddle = R"(,"crc32":")";
constexpr std::string_view kEnd = R"("})";
constexpr std::size_t kCrcDigits = 8;

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

// The record's text, or nullopt where frame or CRC do not fit.
std::optional<std::string> record_text(const std::string& line) {
  const std::size_t tail = kMiddle.size() + kCrcDigits + kEnd.size();
  if (line.size() < kBegin.size() + tail || !line.starts_with(kBegin) || !line.ends_with(kEnd)) {
    return std::nullopt;
  }
  const std::string record = line.substr(kBegin.size(), line.size() - kBegin.size() - tail);
  const std::string rest = line.substr(kBegin.size() + record.size());
  if (rest != fmt::format("{}{:08x}{}", kMiddle, crc32(record), kEnd)) {
    return std::nullopt;
  }
  return record;
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
  std::ifstream file(path, std::ios::binary);
  if (!file || !std::filesystem::is_regular_file(path)) {
    throw wrong("E_IO", path, 0, "cannot read the journal", "", "a file", "");
  }
  JournalContents out;
  std::set<std::tuple<std::string, int, int>> seen;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (file.eof()) {  // no line end
      out.torn = true;
      break;
    }
    const std::optional<std::string> record = record_text(line);
    if (!record) {
      throw wrong("E_CHECKSUM", path, number, "a line whose checksum does not fit",
                  fmt::format("{} bytes from byte {}", line.size(), out.good_bytes),
                  "the line as it was written",
                  "take the journal from a backup, or remove the line to measure it again");
    }
    text::Document document = text::parse_json(*record, path.string());
    if (number == 1) {
      out.header = header_from(document);
    } else {
      PointRecord point = record_from(document);
      if (!seen.insert({point.id, point.launch, point.visit}).second) {
        throw wrong("E_DUPLICATE", path, number, "a visit that is there already",
                    fmt::format("{} launch {} visit {}", point.id, point.launch, point.visit),
                    "each visit once", "");
      }
      out.records.push_back(std::move(point));
    }
    out.good_bytes += static_cast<std::int64_t>(line.size()) + 1;
  }
  if (strict && out.torn) {
    throw wrong("E_CHECKSUM", path, number, "an unfinished last line",
                fmt::format("bytes from byte {}", out.good_bytes), "a line end",
                "resume the sweep, which measures the point again");
  }
  return out;
}

Journal::Journal(const std::filesystem::path& path, const JournalHeader& header) : path_(path) {
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd_ < 0) {
    throw std::system_error(errno, std::generic_category(),
                            fmt::format("cannot open {}", path.string()));
  }
  try {
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      throw wrong("E_VALUE", path, 0, "another process writes this journal", "", "one writer",
                  "wait for it, or name another file");
    }
    contents_ = read_journal(path);
    if (contents_.good_bytes == 0) {  // empty, or torn in its first line
      contents_ = {};
      if (::ftruncate(fd_, 0) != 0) {
        throw std::system_error(errno, std::generic_category(),
                                fmt::format("cannot truncate {}", path.string()));
      }
      write_line(to_json(header));
      contents_.header = header;
      return;
    }
    const std::string differs = difference(contents_.header, header);
    if (!differs.empty()) {
      throw wrong("E_VALUE", path, 0, "a journal of another sweep", differs,
                  "the same machine and arguments", "name another file, or go on as it began");
    }
    if (contents_.torn && ::ftruncate(fd_, contents_.good_bytes) != 0) {
      throw std::system_error(errno, std::generic_category(),
                              fmt::format("cannot truncate {}", path.string()));
    }
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

Journal::~Journal() { ::close(fd_); }

bool Journal::has(const std::string& id, int launch, int visit) const {
  return std::any_of(contents_.records.begin(), contents_.records.end(),
                     [&](const PointRecord& record) {
                       return record.visit == visit && record.launch == launch && record.id == id;
                     });
}

void Journal::append(const PointRecord& record) {
  write_line(calibrate::to_json(record));
  contents_.records.push_back(record);
}

void Journal::write_line(const text::Json& json) {
  const std::string record = json.line();
  const std::string line =
      fmt::format("{}{}{}{:08x}{}\n", kBegin, record, kMiddle, crc32(record), kEnd);
  int error = 0;
  for (std::size_t done = 0; done < line.size() && error == 0;) {
    const ssize_t wrote = ::write(fd_, line.data() + done, line.size() - done);
    if (wrote >= 0) {
      done += static_cast<std::size_t>(wrote);
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  if (error == 0 && ::fsync(fd_) != 0 && errno != EINVAL) {
    error = errno;
  }
  if (error != 0) {
    (void)!::ftruncate(fd_, contents_.good_bytes);
    throw std::system_error(
        error, std::generic_category(),
        fmt::format("cannot append to {} ({} bytes)", path_.string(), line.size()));
  }
  contents_.good_bytes += static_cast<std::int64_t>(line.size());
}

}  // namespace moeplan::calibrate
