#pragma once
// Parts of a study file that read_study.cpp puts together. Internal to sim/study.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "models/text/input_error.hpp"
#include "models/text/reader.hpp"
#include "sim/study/study.hpp"

namespace moeplan::sim {

// Runs `load`; the problems of its InputError become problems of the key, and the answer nothing.
template <class Load>
auto loaded(text::Reader& reader, const std::string& key, Load load)
    -> std::optional<decltype(load())> {
  try {
    return load();
  } catch (const InputError& error) {
    for (const Problem& inner : error.problems()) {
      std::string what = inner.file;
      if (inner.mark.line > 0) {
        what += ":" + std::to_string(inner.mark.line);
      }
      what += (what.empty() ? "" : ": ") + inner.what;
      reader.problem(key, inner.code, what, inner.expected, inner.fix);
    }
    return std::nullopt;
  }
}

// A list of whole numbers >= 1, ascending; a single number is a list of one. Repeats and an empty
// list are problems.
std::vector<std::int64_t> read_counts(text::Reader& reader, const std::string& key);

// A list of texts that are not empty.
std::vector<std::string> read_texts(text::Reader& reader, const std::string& key);

// {value: 0.3, low: 0.2, high: 0.5, source: "why"}; low and high are optional and enclose value.
Assumption read_assumption(text::Reader& reader, const std::string& key, const text::Range& range);

// The section `pretraining`; its assumptions go to `assumptions`. nullopt: something is wrong.
std::optional<PretrainingSetup> read_pretraining(text::Reader& file,
                                                 std::vector<Assumption>& assumptions);

// The section `inference`: static_forward, or a scenario of either regime.
// kept: what it must be able to run; path: the study's file, beside which others lie.
std::optional<std::variant<StaticScenario, Scenario>> read_inference(
    text::Reader& file, const models::SmoeArchitecture& architecture,
    const std::vector<std::int64_t>& kept, const std::filesystem::path& path,
    std::optional<std::uint64_t> seed);

// Every scalar of the document with its place.
std::vector<StudyValue> values_of(const text::Document& document);

}  // namespace moeplan::sim
