#include "sim/sweep/result_store.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <fstream>
#include <new>
#include <system_error>

#include "models/text/load.hpp"
#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

constexpr int kApplication = 0x6d6f6570;  // "moep", in the file's header
constexpr int kLongestValue = 16 * 1024 * 1024;
constexpr std::string_view kMagic{"SQLite format 3\0", 16};

InputError wrong(const std::filesystem::path& path, std::string code, std::string what,
                 std::string got, std::string expected, std::string fix = "") {
  return InputError({.code = std::move(code),
                     .file = path.string(),
                     .mark = {},
                     .pointer = "",
                     .what = std::move(what),
                     .got = std::move(got),
                     .expected = std::move(expected),
                     .fix = std::move(fix)});
}

std::string quoted(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) {
    out += c == '"' ? "\"\"" : std::string(1, c);
  }
  return out + "\"";
}

const char* sql_type(CellType type) {
  switch (type) {
    case CellType::boolean:
    case CellType::integer:
      return "INTEGER";
    case CellType::real:
      return "REAL";
    case CellType::text:
      return "TEXT";
  }
  return "";
}

void bind_text(sqlite3_stmt* statement, int at, const std::string& text) {
  sqlite3_bind_text(statement, at, text.data(), static_cast<int>(text.size()),
                    SQLITE_TRANSIENT);  // NOLINT: the macro casts
}

void bind(sqlite3_stmt* statement, int at, const Cell& cell) {
  if (const auto* flag = std::get_if<bool>(&cell)) {
    sqlite3_bind_int(statement, at, *flag ? 1 : 0);
  } else if (const auto* whole = std::get_if<std::int64_t>(&cell)) {
    sqlite3_bind_int64(statement, at, *whole);
  } else if (const auto* number = std::get_if<double>(&cell)) {
    sqlite3_bind_double(statement, at, *number);
  } else if (const auto* text = std::get_if<std::string>(&cell)) {
    bind_text(statement, at, *text);
  } else {
    sqlite3_bind_null(statement, at);
  }
}

std::string text_at(sqlite3_stmt* statement, int at) {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, at));
  const int size = sqlite3_column_bytes(statement, at);
  return bytes == nullptr ? std::string() : std::string(bytes, static_cast<std::size_t>(size));
}

}  // namespace

bool is_sqlite_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string begin(kMagic.size(), '\0');
  return file.read(begin.data(), static_cast<std::streamsize>(begin.size())) && begin == kMagic;
}

void ResultStore::CloseDatabase::operator()(sqlite3* database) const { sqlite3_close_v2(database); }
void ResultStore::EndStatement::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

ResultStore::~ResultStore() = default;
ResultStore::ResultStore(ResultStore&&) noexcept = default;

ResultStore::ResultStore(const std::filesystem::path& path, Mode mode) : path_(path) {
  std::error_code ignored;
  const bool there = std::filesystem::exists(path_, ignored);
  if (mode == Mode::read && !there) {
    throw wrong(path_, "E_IO", "there is no such store", "", "an SQLite file of moeplan merge");
  }
  if (there && !std::filesystem::is_regular_file(path_, ignored)) {
    throw wrong(path_, "E_IO", "this is no file", "", "an SQLite file");
  }
  if (there && std::filesystem::file_size(path_) > 0 && !is_sqlite_file(path_)) {
    throw wrong(path_, "E_SCHEMA", "this is no SQLite file", "", "a store of moeplan sweep");
  }
  open(path_.c_str(), SQLITE_OPEN_READWRITE | (mode == Mode::write ? SQLITE_OPEN_CREATE : 0));
  run("PRAGMA trusted_schema = OFF");
  if (there && std::filesystem::file_size(path_) > 0) {
    read_info();
  } else if (mode == Mode::read) {
    throw wrong(path_, "E_SCHEMA", "the file is empty", "", "a store of moeplan sweep");
  }
}

ResultStore ResultStore::temporary() {
  ResultStore store;
  store.path_ = "(temporary store)";
  store.open("", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  return store;
}

void ResultStore::open(const char* name, int flags) {
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(name, &database, flags, nullptr);
  database_.reset(database);
  if (code != SQLITE_OK) {
    fail(code);
  }
  sqlite3_extended_result_codes(database, 0);
  sqlite3_busy_timeout(database, 5000);
  sqlite3_limit(database, SQLITE_LIMIT_LENGTH, kLongestValue);
}

void ResultStore::fail(int code) const {
  const std::string message =
      database_ ? sqlite3_errmsg(database_.get()) : std::string(sqlite3_errstr(code));
  switch (code) {
    case SQLITE_NOMEM:
      throw std::bad_alloc();
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      throw wrong(path_, "E_SYNTAX", "the SQLite file is damaged", message, "a whole file",
                  "merge the journals of its shards again");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw wrong(path_, "E_VALUE", "another process writes this store", "", "one writer",
                  "wait for it");
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
      throw wrong(path_, "E_SCHEMA", "this is no store of moeplan sweep", message,
                  "the tables that moeplan merge makes");
    default: {
      const int error = code == SQLITE_FULL                              ? ENOSPC
                        : code == SQLITE_READONLY || code == SQLITE_PERM ? EACCES
                                                                         : EIO;
      throw std::system_error(error, std::generic_category(),
                              fmt::format("store {}: {}", path_.string(), message));
    }
  }
}

ResultStore::Statement ResultStore::prepare(const std::string& sql) const {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                      &statement, nullptr);
  Statement owned(statement);
  if (code != SQLITE_OK) {
    fail(code);
  }
  return owned;
}

bool ResultStore::step(sqlite3_stmt* statement) const {
  const int code = sqlite3_step(statement);
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    fail(code);
  }
  return code == SQLITE_ROW;
}

void ResultStore::run(const std::string& sql) const {
  const Statement statement = prepare(sql);
  while (step(statement.get())) {
  }
}

void ResultStore::read_info() {
  const Statement application = prepare("PRAGMA application_id");
  if (!step(application.get()) || sqlite3_column_int(application.get(), 0) != kApplication) {
    throw wrong(path_, "E_SCHEMA", "an SQLite file of another program", "",
                "a store of moeplan sweep");
  }
  const Statement check = prepare("PRAGMA quick_check(1)");
  if (step(check.get()) && text_at(check.get(), 0) != "ok") {
    throw wrong(path_, "E_SYNTAX", "the SQLite file is damaged", text_at(check.get(), 0),
                "a whole file", "merge the journals of its shards again");
  }
  const Statement info = prepare("SELECT info FROM sweep");
  if (!step(info.get())) {
    throw wrong(path_, "E_SCHEMA", "a store without a description", "", "one row in `sweep`");
  }
  info_ = sweep_info_from(text::parse_json(text_at(info.get(), 0), path_.string()));
  prepare_rows();
}

void ResultStore::prepare_rows() {
  std::string names = "task, id";
  std::string marks = "?, ?";
  for (const Column& column : info_->columns) {
    names += ", " + quoted(column.name);
    marks += ", ?";
  }
  insert_ =
      prepare("INSERT INTO results (" + names + ") VALUES (" + marks + ") ON CONFLICT DO NOTHING");
  select_ = prepare("SELECT " + names + " FROM results WHERE task = ?1 OR id = ?2");
}

void ResultStore::begin(const SweepInfo& info) {
  if (info_) {
    const std::string differs = difference(*info_, info);
    if (!differs.empty()) {
      throw wrong(path_, "E_VALUE", "results of another sweep", differs,
                  "the same scenario, input files and program", "name another store");
    }
    run("BEGIN IMMEDIATE");
    return;
  }
  run("BEGIN IMMEDIATE");
  run(fmt::format("PRAGMA application_id = {}", kApplication));
  run("CREATE TABLE sweep (info TEXT NOT NULL)");
  std::string columns = "task INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE";
  for (const Column& column : info.columns) {
    columns += ", " + quoted(column.name) + " " + sql_type(column.type);
  }
  run("CREATE TABLE results (" + columns + ")");
  const Statement describe = prepare("INSERT INTO sweep (info) VALUES (?)");
  bind_text(describe.get(), 1, to_json(info).line());
  step(describe.get());
  info_ = info;
  prepare_rows();
}

void ResultStore::add(const Row& row) {
  require(info_ && row.cells.size() == info_->columns.size(), "a row has the sweep's columns");
  sqlite3_reset(insert_.get());
  sqlite3_bind_int64(insert_.get(), 1, row.task);
  bind_text(insert_.get(), 2, row.id);
  for (std::size_t i = 0; i < row.cells.size(); ++i) {
    bind(insert_.get(), static_cast<int>(i) + 3, row.cells[i]);
  }
  step(insert_.get());
  const bool added = sqlite3_changes(database_.get()) > 0;
  sqlite3_reset(insert_.get());
  if (added) {
    return;
  }
  sqlite3_reset(select_.get());
  sqlite3_bind_int64(select_.get(), 1, row.task);
  bind_text(select_.get(), 2, row.id);
  const bool same = step(select_.get()) && row_of(select_.get()) == row;
  sqlite3_reset(select_.get());
  if (!same) {
    throw wrong(path_, "E_VALUE", fmt::format("two different results for task {}", row.task),
                row.id, "the same figures from every run of a task",
                "evaluate it again, with one build of the program");
  }
}

void ResultStore::commit() { run("COMMIT"); }

Row ResultStore::row_of(sqlite3_stmt* statement) const {
  Row row{.task = sqlite3_column_int64(statement, 0), .id = text_at(statement, 1), .cells = {}};
  for (std::size_t i = 0; i < info_->columns.size(); ++i) {
    const int at = static_cast<int>(i) + 2;
    if (sqlite3_column_type(statement, at) == SQLITE_NULL) {
      row.cells.emplace_back();
      continue;
    }
    switch (info_->columns[i].type) {
      case CellType::boolean:
        row.cells.emplace_back(sqlite3_column_int(statement, at) != 0);
        break;
      case CellType::integer:
        row.cells.emplace_back(static_cast<std::int64_t>(sqlite3_column_int64(statement, at)));
        break;
      case CellType::real:
        row.cells.emplace_back(sqlite3_column_double(statement, at));
        break;
      case CellType::text:
        row.cells.emplace_back(text_at(statement, at));
        break;
    }
  }
  return row;
}

std::int64_t ResultStore::count() const {
  if (!info_) {
    return 0;
  }
  const Statement statement = prepare("SELECT count(*) FROM results");
  step(statement.get());
  return sqlite3_column_int64(statement.get(), 0);
}

void ResultStore::for_each(const std::function<void(const Row&)>& use) const {
  if (!info_) {
    return;
  }
  std::string names = "task, id";
  for (const Column& column : info_->columns) {
    names += ", " + quoted(column.name);
  }
  const Statement statement = prepare("SELECT " + names + " FROM results ORDER BY task");
  while (step(statement.get())) {
    use(row_of(statement.get()));
  }
}

std::vector<std::int64_t> ResultStore::missing(std::size_t most) const {
  std::vector<std::int64_t> out;
  if (!info_) {
    return out;
  }
  std::int64_t next = 0;
  const auto skip_to = [&](std::int64_t task) {
    for (; next < task && out.size() < most; ++next) {
      out.push_back(next);
    }
    next = task + 1;
  };
  const Statement statement = prepare("SELECT task FROM results ORDER BY task");
  while (step(statement.get()) && out.size() < most) {
    skip_to(sqlite3_column_int64(statement.get(), 0));
  }
  skip_to(info_->tasks);
  return out;
}

}  // namespace moeplan::sim
