#pragma once
// read_trace: a trace file of any known format (trace_layout.hpp) into a RequestTrace. The file is
// streamed; the requests are held, at most 10 million of them.

#include <cstdint>
#include <filesystem>
#include <optional>

#include "sim/workload/request_trace.hpp"

namespace moeplan::sim {

inline constexpr std::int64_t kMostTraceRequests = 10'000'000;
inline constexpr std::int32_t kMostTraceTokens = 10'000'000;  // of one prompt or output

struct TraceOptions {
  std::optional<TraceFormat> format;  // else found from the header or the keys
  bool sort = false;                  // rows out of order are sorted (stable), else an error
  std::int64_t max_requests = 0;      // the first so many; 0: all
  // Rows that failed (no output, or a status other than "ok"): true drops and counts them, false
  // refuses them; without it, dropped where the format marks failures so (burstgpt, blis).
  std::optional<bool> drop_failed;
};

// Throws: InputError with file, line and column: missing columns, ragged rows, line breaks in
// quotes, numbers that are none, negative stamps or lengths, lengths of 0 or above
// kMostTraceTokens, rows out of order without `sort`, stamps 93 days after the first (the engine's
// clock), no requests at all. Suspicious units are warnings of the trace.
RequestTrace read_trace(const std::filesystem::path& path, const TraceOptions& options = {});

}  // namespace moeplan::sim
