#pragma once
// ResultStore: the results of one sweep in an SQLite file: table `results`, one row a task, with
// the columns of the sweep; table `sweep`, its description. Rollback journal, one writer.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "sim/sweep/sweep_table.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace moeplan::sim {

// True for a file that begins as SQLite files do.
bool is_sqlite_file(const std::filesystem::path& path);

class ResultStore {
 public:
  enum class Mode { read, write };

  // read: the file must be there. write: made where there is none.
  // Throws: InputError E_IO (not there), E_SCHEMA (no SQLite file, or of another program),
  // E_SYNTAX (damaged), E_VALUE (another process writes); std::system_error naming the path.
  ResultStore(const std::filesystem::path& path, Mode mode);
  // For as long as the object lives; on disk where it grows large.
  static ResultStore temporary();
  ~ResultStore();
  ResultStore(ResultStore&&) noexcept;
  ResultStore& operator=(ResultStore&&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Nothing for a store that was just made.
  const std::optional<SweepInfo>& info() const { return info_; }
  // Begins a transaction and, in a new store, describes the sweep. Throws: InputError E_VALUE
  // where the store is of another sweep (says what differs).
  void begin(const SweepInfo& info);
  // Adds a row; one that is there already changes nothing. Throws: InputError E_VALUE where another
  // row is there for the task or the id.
  void add(const Row& row);
  // Ends the transaction: all rows since begin() are there, or none.
  void commit();

  std::int64_t count() const;
  // In the order of the tasks.
  void for_each(const std::function<void(const Row&)>& use) const;
  // Tasks without a row: the first `most` of them.
  std::vector<std::int64_t> missing(std::size_t most) const;

 private:
  struct CloseDatabase {
    void operator()(sqlite3* database) const;
  };
  struct EndStatement {
    void operator()(sqlite3_stmt* statement) const;
  };
  using Statement = std::unique_ptr<sqlite3_stmt, EndStatement>;

  ResultStore() = default;
  void open(const char* name, int flags);
  void read_info();
  void prepare_rows();
  void run(const std::string& sql) const;
  Statement prepare(const std::string& sql) const;
  bool step(sqlite3_stmt* statement) const;  // true: a row
  Row row_of(sqlite3_stmt* statement) const;
  [[noreturn]] void fail(int code) const;

  std::filesystem::path path_;
  std::unique_ptr<sqlite3, CloseDatabase> database_;
  std::optional<SweepInfo> info_;
  Statement insert_;
  Statement select_;
};

}  // namespace moeplan::sim
