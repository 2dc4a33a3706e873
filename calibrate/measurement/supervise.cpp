#include "calibrate/measurement/supervise.hpp"

#include <fmt/format.h>

#include <optional>
#include <tuple>

#include "calibrate/measurement/sweep.hpp"

namespace moeplan::calibrate {
namespace {

using VisitKey = std::tuple<int, std::string>;  // visit, point

std::optional<VisitKey> next_missing(const Journal& journal, int launch) {
  for (int visit = 0; visit < journal.header().visits; ++visit) {
    for (const std::string& id : visit_order(journal.header(), launch, visit)) {
      if (!journal.has(id, launch, visit)) {
        return VisitKey(visit, id);
      }
    }
  }
  return std::nullopt;
}

}  // namespace

int supervise(const std::filesystem::path& path, const JournalHeader& header,
              const SuperviseOptions& options) {
  const int launches = Journal(path, header).header().launches;
  for (int launch = 0; launch < launches; ++launch) {
    // The launch's process takes the journal's lock, so it is opened anew around every process.
    const auto missing = [&] { return next_missing(Journal(path, header), launch); };
    int crashes = 0;
    for (std::optional<VisitKey> at = missing(); at;) {
      if (options.signal() != 0) {
        return 128 + options.signal();
      }
      const ProcessEnd end = options.run(launch);
      if (options.signal() != 0) {
        return 128 + options.signal();
      }
      const bool crashed = end.timed_out || end.exit_code >= 128;
      if (!crashed && end.exit_code != 0) {
        return end.exit_code;
      }
      const std::optional<VisitKey> after = missing();
      if (!crashed && after) {
        return 1;  // it says that it is done, and is not
      }
      crashes = after == at ? crashes + 1 : 1;
      at = after;
      if (at && crashes == kMostCrashes) {
        PointRecord record{std::get<1>(*at), launch, std::get<0>(*at), {}};
        record.outcome.status = end.timed_out ? PointStatus::timeout : PointStatus::failed;
        record.outcome.reason = end.timed_out
                                    ? fmt::format("took too long {} times", crashes)
                                    : fmt::format("its process ended with signal {}, {} times",
                                                  end.exit_code - 128, crashes);
        Journal(path, header).append(record);
        at = missing();
        crashes = 0;
      }
    }
  }
  return 0;
}

}  // namespace moeplan::calibrate
