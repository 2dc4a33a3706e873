#pragma once
// TraceLayout: what each known trace format calls its columns (CSV) or keys (JSON lines). A new
// format is one more row of the table in trace_layout.cpp.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/workload/trace_time.hpp"

namespace moeplan::sim {

enum class TraceFormat {
  azure,                // Azure LLM inference traces 2023, 2024, 2025 (CSV)
  mooncake,             // Mooncake (JSON lines, hash_ids of blocks of 512 tokens); CSV without ids
  burstgpt,             // BurstGPT v1.1 and v1.2 (CSV), by name of column
  vidur,                // vidur (CSV); also the normal form that moeplan writes
  llmservingsim,        // LLMServingSim requests (JSON lines, ns)
  llmservingsim_bench,  // LLMServingSim measured runs (JSON lines; queued_ts of the engine)
  blis,                 // BLIS TraceV2 data file (CSV)
  lengths,              // lengths only (CSV): ShareGPT after a tokenizer, or a histogram
};

// "azure", ... in the order above.
std::vector<std::string> trace_format_names();
const char* name_of(TraceFormat format);
std::optional<TraceFormat> trace_format_from(const std::string& name);

struct TraceLayout {
  TraceFormat format;
  bool json;                // JSON lines, else CSV
  const char* arrival;      // nullptr: no times
  StampUnit unit;           // of `arrival`
  const char* prompt;       //
  const char* output;       //
  const char* status;       // a row whose status is not "ok" failed; nullptr: none
  const char* hashes;       // optional block hashes; nullptr: none
  const char* multiplier;   // optional number of equal requests; nullptr: none
  const char* not_counted;  // optional column of input that has no tokens here (images)
  bool failed_if_no_output;

  // Columns that must be there.
  std::vector<std::string> required() const;
};

// Every layout; several may share a format. The first that fits a file is meant.
std::span<const TraceLayout> trace_layouts();

// The layout for these columns or keys. json: what the file is.
// Throws: InputError E_MISSING (of the nearest layout, or of the wanted format), E_VALUE when the
// columns are like none; both name what is there.
const TraceLayout& layout_for(const std::vector<std::string>& columns, bool json,
                              std::optional<TraceFormat> wanted, const std::string& file, int line);

}  // namespace moeplan::sim
