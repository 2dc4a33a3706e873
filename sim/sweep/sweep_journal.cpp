#include "sim/sweep/sweep_journal.hpp"

#include "models/text/load.hpp"

namespace moeplan::sim {
namespace {

constexpr const char* kJournal = "the journal of the sweep";
constexpr std::chrono::milliseconds kSyncEvery{500};

text::CheckedLinesEnd read_lines(const std::filesystem::path& path,
                                 const std::function<void(const SweepInfo&)>& check,
                                 const std::function<void(const Row&)>& use) {
  SweepInfo info;
  return text::read_checked_lines(path, kJournal, "remove the line to evaluate its point again",
                                  [&](const std::string& record, int line) {
                                    const text::Document document =
                                        text::parse_json(record, path.string());
                                    if (line == 1) {
                                      info = sweep_info_from(document);
                                      check(info);
                                    } else {
                                      use(row_from(document, info));
                                    }
                                  });
}

}  // namespace

void read_sweep_journal(const std::filesystem::path& path,
                        const std::function<void(const SweepInfo&)>& check,
                        const std::function<void(const Row&)>& use) {
  read_lines(path, check, use);
}

SweepJournal::SweepJournal(const std::filesystem::path& path, const SweepInfo& info)
    : lines_(path, kJournal) {
  const text::CheckedLinesEnd end = read_lines(
      path, [&](const SweepInfo& there) { check_same_sweep(there, info, path); },
      [](const Row&) {});
  lines_.cut(end.good_bytes);
  if (end.lines == 0) {
    lines_.append(to_json(info));
  }
  synced_ = std::chrono::steady_clock::now();
}

void SweepJournal::append(const Row& row) {
  const auto now = std::chrono::steady_clock::now();
  const bool sync = now - synced_ >= kSyncEvery;
  lines_.append(to_json(row), sync);
  if (sync) {
    synced_ = now;
  }
}

void check_same_sweep(const SweepInfo& there, const SweepInfo& here,
                      const std::filesystem::path& file) {
  const std::string differs = difference(there, here);
  if (!differs.empty()) {
    throw InputError({.code = "E_VALUE",
                      .file = file.string(),
                      .mark = {},
                      .pointer = "",
                      .what = "results of another sweep",
                      .got = differs,
                      .expected = "the same scenario, input files and program",
                      .fix = "name another output, or go on as it began"});
  }
}

}  // namespace moeplan::sim
