#include "sim/sweep/merge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <system_error>

#include "sim/sweep/sweep_journal.hpp"

namespace moeplan::sim {
namespace {

constexpr std::string_view kJournalBegin = R"({"record":)";
constexpr std::size_t kMissingShown = 10;

InputError nothing_at(const std::filesystem::path& path, std::string what) {
  return InputError({.code = "E_IO",
                     .file = path.string(),
                     .mark = {},
                     .pointer = "",
                     .what = std::move(what),
                     .got = "",
                     .expected = "a folder of moeplan sweep -o, a journal or a store",
                     .fix = ""});
}

bool is_journal(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string begin(kJournalBegin.size(), '\0');
  return file.read(begin.data(), static_cast<std::streamsize>(begin.size())) &&
         begin == kJournalBegin;
}

const SweepInfo& info_of(const ResultStore& store) {
  if (!store.info()) {
    throw InputError({.code = "E_VALUE",
                      .file = "",
                      .mark = {},
                      .pointer = "",
                      .what = "there are no results yet",
                      .got = "",
                      .expected = "at least one journal or store with results",
                      .fix = ""});
  }
  return *store.info();
}

}  // namespace

std::filesystem::path SweepFolder::journal(const Shard& shard) const {
  return path_ / fmt::format("shard-{}-of-{}.jsonl", shard.index, shard.count);
}

std::vector<std::filesystem::path> SweepFolder::files() const {
  if (!std::filesystem::is_directory(path_)) {
    throw nothing_at(path_, "there is no such folder");
  }
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    const std::string name = entry.path().filename().string();
    const bool journal = name.starts_with("shard-") && name.ends_with(".jsonl");
    // One that was begun and never got its first line, or its tables, has nothing yet.
    if ((journal || entry.path() == store()) && entry.file_size() > 0) {
      out.push_back(entry.path());
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::filesystem::path> result_files(const std::filesystem::path& name) {
  if (std::filesystem::is_directory(name)) {
    std::vector<std::filesystem::path> files = SweepFolder(name).files();
    if (files.empty()) {
      throw nothing_at(name, "there are no results in this folder");
    }
    return files;
  }
  if (!std::filesystem::exists(name)) {
    throw nothing_at(name, "nothing is there");
  }
  return {name};
}

void read_results(const std::filesystem::path& file,
                  const std::function<void(const SweepInfo&)>& check,
                  const std::function<void(const Row&)>& use) {
  if (is_sqlite_file(file)) {
    const ResultStore store(file, ResultStore::Mode::read);
    check(info_of(store));
    store.for_each(use);
  } else if (is_journal(file)) {
    read_sweep_journal(file, check, use);
  } else {
    throw InputError({.code = "E_SCHEMA",
                      .file = file.string(),
                      .mark = {},
                      .pointer = "",
                      .what = "this is neither a journal nor a store of a sweep",
                      .got = "",
                      .expected = "what moeplan sweep or moeplan merge has written",
                      .fix = ""});
  }
}

void merge_into(ResultStore& store, const std::vector<std::filesystem::path>& files) {
  bool begun = false;
  for (const std::filesystem::path& file : files) {
    std::error_code ignored;
    if (std::filesystem::equivalent(file, store.path(), ignored)) {
      continue;
    }
    read_results(
        file,
        [&](const SweepInfo& info) {
          if (store.info()) {
            check_same_sweep(info, *store.info(), file);
          }
          if (!begun) {
            store.begin(info);
            begun = true;
          }
        },
        [&](const Row& row) { store.add(row); });
  }
  if (begun) {
    store.commit();
  }
}

std::string export_csv(const ResultStore& store) {
  const SweepInfo& info = info_of(store);
  std::string out = "task,id";
  for (const Column& column : info.columns) {
    out += "," + cell_csv(column.name);
  }
  out += "\n";
  store.for_each([&](const Row& row) {
    out += fmt::format("{},{}", row.task, cell_csv(row.id));
    for (const Cell& cell : row.cells) {
      out += "," + cell_csv(cell);
    }
    out += "\n";
  });
  return out;
}

std::string export_jsonl(const ResultStore& store) {
  const SweepInfo& info = info_of(store);
  std::string out;
  store.for_each([&](const Row& row) {
    text::Json json = text::Json::object().set("task", row.task).set("id", row.id);
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      json.set(info.columns[i].name, cell_json(row.cells[i]));
    }
    out += json.line() + "\n";
  });
  return out;
}

std::string completeness(const ResultStore& store) {
  const std::int64_t tasks = info_of(store).tasks;
  const std::int64_t there = store.count();
  if (there == tasks) {
    return fmt::format("all {} points", tasks);
  }
  const std::vector<std::int64_t> missing = store.missing(kMissingShown);
  const auto more = tasks - there - static_cast<std::int64_t>(missing.size());
  return fmt::format("{} of {} points; missing: {}{}", there, tasks, fmt::join(missing, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : "");
}

}  // namespace moeplan::sim
