#pragma once
// Journal: what a sweep planned and every visit it finished, in an append-only file of checked
// lines (models/text/checked_lines.hpp). The first record is the header. Each line is synced before
// the next point begins, so a killed sweep loses the visit it was in and nothing else.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "calibrate/measurement/point_record.hpp"
#include "models/text/checked_lines.hpp"

namespace moeplan::calibrate {

// What makes two runs the same sweep. The plan is written before the first point, and a resumed
// sweep goes on with the plan of its file.
struct JournalHeader {
  std::string what;  // "kernels cpu fp32"
  std::uint64_t seed = 0;
  int launches = 0;
  int visits = 0;  // of each point, in each launch
  double budget_s = 0.0;
  std::map<std::string, std::string> fingerprint;  // of the machine (fingerprint.hpp)
  std::map<std::string, std::string> settings;     // threads, precision, shapes, ...
  std::vector<std::string> plan;                   // ids of the points
};

struct JournalContents {
  JournalHeader header;
  std::vector<PointRecord> records;  // in file order
  std::int64_t good_bytes = 0;       // up to the last whole line
  bool torn = false;                 // an unfinished line follows
};

// An unfinished last line (no line end) was torn by a crash and is left out, unless `strict`.
// Throws: InputError E_IO, E_CHECKSUM for any other line whose CRC does not fit (with the line and
// the offset of its first byte), E_DUPLICATE for a visit that is there twice, or as record_from.
JournalContents read_journal(const std::filesystem::path& path, bool strict = false);

class Journal {
 public:
  // Begins the file with this header, or goes on with the file that is there: cuts a torn line
  // off, and takes over its plan. Holds a lock until destroyed, which the system releases when the
  // process dies.
  // Throws: InputError E_VALUE where the file is of another sweep (names what differs) or another
  // process writes it; as read_journal; std::system_error naming the path for a failed write.
  Journal(const std::filesystem::path& path, const JournalHeader& header);

  const JournalHeader& header() const { return contents_.header; }
  const std::vector<PointRecord>& records() const { return contents_.records; }
  bool has(const std::string& id, int launch, int visit) const;
  // All or nothing: on a full disk the file is cut back to its last whole line.
  // Throws: std::system_error with path and bytes.
  void append(const PointRecord& record);

 private:
  text::CheckedLines lines_;
  JournalContents contents_;
};

}  // namespace moeplan::calibrate
