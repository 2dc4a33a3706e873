// Sources of the formats, read 2026-11-23: github.com Azure/AzurePublicDataset,
// kvcache-ai/Mooncake (FAST25-release/traces), HPMLL/BurstGPT (releases v1.1 and v1.2),
// microsoft/vidur (data/processed_traces), casys-kaist/LLMServingSim (requests of workloads/ and
// of bench/), inference-sim/inference-sim (TraceV2 data file, whose YAML header lies beside it).

#include "sim/workload/trace_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "models/text/input_error.hpp"

namespace moeplan::sim {
namespace {

using enum TraceFormat;
using enum StampUnit;

constexpr std::array kFormats = {
    azure, mooncake, burstgpt, vidur, llmservingsim, llmservingsim_bench, blis, lengths};

constexpr std::array<TraceLayout, 12> kLayouts = {{
    {azure, false, "TIMESTAMP", calendar, "ContextTokens", "GeneratedTokens", nullptr, nullptr,
     nullptr, "NumImages", false},
    {mooncake, true, "timestamp", milliseconds, "input_length", "output_length", nullptr,
     "hash_ids", nullptr, nullptr, false},
    {mooncake, false, "timestamp", milliseconds, "input_length", "output_length", nullptr, nullptr,
     nullptr, nullptr, false},
    {burstgpt, false, "Timestamp", seconds, "Request tokens", "Response tokens", nullptr, nullptr,
     nullptr, nullptr, true},
    {vidur, false, "arrived_at", seconds, "num_prefill_tokens", "num_decode_tokens", nullptr,
     "block_hash_ids", nullptr, nullptr, false},
    {llmservingsim, true, "arrival_time_ns", nanoseconds, "input_toks", "output_toks", nullptr,
     nullptr, nullptr, nullptr, false},
    {llmservingsim_bench, true, "queued_ts", seconds, "input_toks", "output_toks", nullptr, nullptr,
     nullptr, nullptr, false},
    {blis, false, "arrival_time_us", microseconds, "input_tokens", "output_tokens", "status",
     nullptr, nullptr, nullptr, true},
    {lengths, false, nullptr, seconds, "prompt_tokens", "output_tokens", nullptr, nullptr, "count",
     nullptr, false},
    {lengths, false, nullptr, seconds, "input_tokens", "output_tokens", nullptr, nullptr, "count",
     nullptr, false},
    {lengths, false, nullptr, seconds, "prompt_len", "output_len", nullptr, nullptr, "count",
     nullptr, false},
    {lengths, false, nullptr, seconds, "input_len", "output_len", nullptr, nullptr, "count",
     nullptr, false},
}};

bool has(const std::vector<std::string>& columns, const std::string& name) {
  return std::find(columns.begin(), columns.end(), name) != columns.end();
}

std::vector<std::string> missing(const TraceLayout& layout,
                                 const std::vector<std::string>& columns) {
  std::vector<std::string> names = layout.required();
  std::erase_if(names, [&](const std::string& name) { return has(columns, name); });
  return names;
}

std::string known_formats(bool json) {
  std::string text;
  for (const TraceLayout& layout : kLayouts) {
    if (layout.json == json) {
      text += fmt::format("{}{} ({})", text.empty() ? "" : "; ", name_of(layout.format),
                          joined(layout.required()));
    }
  }
  return text;
}

}  // namespace

const char* name_of(TraceFormat format) {
  constexpr std::array kNames = {"azure", "mooncake",      "burstgpt",
                                 "vidur", "llmservingsim", "llmservingsim_bench",
                                 "blis",  "lengths"};
  return kNames[static_cast<std::size_t>(format)];
}

std::vector<std::string> trace_format_names() {
  std::vector<std::string> names;
  for (const TraceFormat format : kFormats) {
    names.emplace_back(name_of(format));
  }
  return names;
}

std::optional<TraceFormat> trace_format_from(const std::string& name) {
  for (const TraceFormat format : kFormats) {
    if (name == name_of(format)) {
      return format;
    }
  }
  return std::nullopt;
}

std::vector<std::string> TraceLayout::required() const {
  std::vector<std::string> names;
  for (const char* name : {arrival, prompt, output}) {
    if (name != nullptr) {
      names.emplace_back(name);
    }
  }
  return names;
}

std::span<const TraceLayout> trace_layouts() { return kLayouts; }

const TraceLayout& layout_for(const std::vector<std::string>& columns, bool json,
                              std::optional<TraceFormat> wanted, const std::string& file,
                              int line) {
  const TraceLayout* nearest_layout = nullptr;
  std::size_t fewest = 0;
  for (const TraceLayout& layout : kLayouts) {
    if (layout.json != json || (wanted && layout.format != *wanted)) {
      continue;
    }
    const std::size_t absent = missing(layout, columns).size();
    if (absent == 0) {
      return layout;
    }
    if (nearest_layout == nullptr || absent < fewest) {
      nearest_layout = &layout;
      fewest = absent;
    }
  }
  const char* what = json ? "key" : "column";
  Problem problem{.code = "E_VALUE",
                  .file = file,
                  .mark = {line, 0},
                  .what = fmt::format("these {}s are not those of a known trace format", what),
                  .got = joined(columns),
                  .expected = known_formats(json)};
  if (nearest_layout == nullptr) {
    problem.what = fmt::format("a {} trace is {}, and this file is not", name_of(*wanted),
                               json ? "CSV" : "JSON lines");
    problem.got = json ? "JSON lines" : "CSV";
    problem.expected = known_formats(!json);
  } else if (wanted || fewest < nearest_layout->required().size()) {
    const std::string name = missing(*nearest_layout, columns).front();
    problem.code = "E_MISSING";
    problem.what = fmt::format("the {} '{}' of the {} format is missing", what, name,
                               name_of(nearest_layout->format));
    problem.got = fmt::format("{}s {}", what, joined(columns));
    problem.expected = joined(nearest_layout->required());
    problem.fix = did_you_mean(name, columns);
  }
  throw InputError(std::move(problem));
}

}  // namespace moeplan::sim
