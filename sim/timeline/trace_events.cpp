#include "sim/timeline/trace_events.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

using text::Json;

constexpr std::int64_t kThreadsPerProcess = 100000;
constexpr std::int64_t kPerMicrosecond = 1000000;  // picoseconds

std::int64_t thread_id(const Track& track) {
  require(track.process > 0 && track.thread >= 0 && track.thread < kThreadsPerProcess,
          "processes of a timeline are numbered from 1, tracks below 100000");
  return track.process * kThreadsPerProcess + track.thread;
}

std::string microseconds_text(std::int64_t picoseconds) {
  require(picoseconds >= 0, "a timeline begins at 0");
  return fmt::format("{}.{:06}", picoseconds / kPerMicrosecond, picoseconds % kPerMicrosecond);
}

std::string quoted(std::string_view text) { return Json(std::string(text)).line(); }

// A process has no thread 0: what concerns it as a whole names no thread.
std::string thread_field(const Track& track) {
  return track.thread == 0 ? "" : fmt::format(R"(,"tid":{})", thread_id(track));
}

std::string metadata_line(const char* what, const Track& track, const Json& args) {
  return fmt::format(R"({{"name":"{}","ph":"M","pid":{}{},"args":{}}})", what, track.process,
                     thread_field(track), args.line());
}

}  // namespace

void TraceEvents::name_process(std::int64_t process, const std::string& name) {
  names_.push_back(metadata_line("process_name", {process, 0}, Json::object().set("name", name)));
  names_.push_back(
      metadata_line("process_sort_index", {process, 0}, Json::object().set("sort_index", process)));
}

void TraceEvents::name_track(const Track& track, const std::string& name) {
  names_.push_back(metadata_line("thread_name", track, Json::object().set("name", name)));
  names_.push_back(
      metadata_line("thread_sort_index", track, Json::object().set("sort_index", track.thread)));
}

void TraceEvents::add(SimTime at, std::string_view name, char phase, const Track& track,
                      const std::string& fields, const Json& args) {
  events_.push_back({at, fmt::format(R"({{"name":{},"ph":"{}","ts":{},"pid":{}{}{},"args":{}}})",
                                     quoted(name), phase, microseconds_text(at.picoseconds()),
                                     track.process, thread_field(track), fields, args.line())});
}

void TraceEvents::span(const Track& track, std::string_view name, SimTime begin,
                       SimDuration duration, const Json& args) {
  if (duration.picoseconds() > 0) {
    add(begin, name, 'X', track,
        fmt::format(R"(,"cat":"step","dur":{})", microseconds_text(duration.picoseconds())), args);
  }
}

void TraceEvents::async(char phase, std::int64_t process, std::int64_t id, std::string_view name,
                        SimTime at, const Json& args) {
  add(at, name, phase, {process, 1}, fmt::format(R"(,"cat":"request","id":{})", id), args);
}

void TraceEvents::counter(std::int64_t process, std::string_view name, SimTime at,
                          std::int64_t value) {
  add(at, name, 'C', {process, 0}, "", Json::object().set("value", value));
}

void TraceEvents::mark(std::string_view name, SimTime at, const Json& args) {
  add(at, name, 'i', {1, 1}, R"(,"s":"g")", args);
}

std::string TraceEvents::json(const Json& about) const {
  std::vector<const Event*> sorted;
  sorted.reserve(events_.size());
  for (const Event& event : events_) {
    sorted.push_back(&event);
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Event* a, const Event* b) { return a->at < b->at; });
  std::string out = R"({"displayTimeUnit":"ms","otherData":)" + about.line() + ",\"traceEvents\":[";
  const char* separator = "\n";
  const auto append = [&](const std::string& line) {
    out += separator;
    out += line;
    separator = ",\n";
  };
  for (const std::string& line : names_) {
    append(line);
  }
  for (const Event* event : sorted) {
    append(event->line);
  }
  out += "\n]}\n";
  return out;
}

}  // namespace moeplan::sim
