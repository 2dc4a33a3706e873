#pragma once
// supervise: the launches of a sweep, one process after the other, until the plan is done. What a
// crashed or hanging launch finished is kept; the point it died in is tried again, then marked.

#include <filesystem>
#include <functional>

#include "calibrate/measurement/journal.hpp"
#include "calibrate/measurement/process.hpp"

namespace moeplan::calibrate {

inline constexpr int kMostCrashes = 3;  // of one visit; then it is `failed` or `timeout`

struct SuperviseOptions {
  // Runs the process of a launch, which visits what the journal lacks of it (run_launch).
  std::function<ProcessEnd(int launch)> run;
  std::function<int()> signal = [] { return 0; };  // the user's; ends the sweep after the process
};

// 0 when every planned visit is in the journal; 128 + signal when stopped; else the exit code of a
// launch that ended with an error of its own (1 to 127: wrong input, full disk), which would come
// again. Throws: as Journal.
int supervise(const std::filesystem::path& path, const JournalHeader& header,
              const SuperviseOptions& options);

}  // namespace moeplan::calibrate
