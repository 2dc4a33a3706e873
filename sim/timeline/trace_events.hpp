#pragma once
// TraceEvents: a list of events in the JSON form of the Chrome trace event format, which
// ui.perfetto.dev and chrome://tracing read: ph X (a span on a track), b n e (asynchronous spans of
// one id), C (counters), i (a mark), M (names). Instants are engine picoseconds and are written as
// microseconds with six decimals: nothing is rounded, and the bytes do not depend on the machine.
// Source: "Trace Event Format" (catapult project; the fields as read by trace_processor).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/text/json.hpp"
#include "sim/engine/sim_time.hpp"

namespace moeplan::sim {

// A track: a thread of a process. Thread ids are unique over all processes, because some readers
// know threads by their id alone.
struct Track {
  std::int64_t process = 1;
  std::int64_t thread = 0;  // 1, 2, ... within the process
};

class TraceEvents {
 public:
  // Names of processes and tracks; readers sort both by their numbers.
  void name_process(std::int64_t process, const std::string& name);
  void name_track(const Track& track, const std::string& name);

  // A span; none for no duration. args: an object or null.
  void span(const Track& track, std::string_view name, SimTime begin, SimDuration duration,
            const text::Json& args);
  // phase: 'b' begins, 'n' marks, 'e' ends what `id` does; spans of one id nest.
  void async(char phase, std::int64_t process, std::int64_t id, std::string_view name, SimTime at,
             const text::Json& args);
  void counter(std::int64_t process, std::string_view name, SimTime at, std::int64_t value);
  // A mark across all tracks.
  void mark(std::string_view name, SimTime at, const text::Json& args);

  std::size_t size() const { return names_.size() + events_.size(); }
  // One object: the events, names first, then by time (equal times in the order they were added),
  // one a line; `about` under otherData.
  std::string json(const text::Json& about) const;

 private:
  struct Event {
    SimTime at;
    std::string line;
  };
  void add(SimTime at, std::string_view name, char phase, const Track& track,
           const std::string& fields, const text::Json& args);
  std::vector<std::string> names_;
  std::vector<Event> events_;
};

}  // namespace moeplan::sim
