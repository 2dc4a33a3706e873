#include "sim/sweep/shard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>

#include "models/text/input_error.hpp"

namespace moeplan::sim {
namespace {

constexpr std::int64_t kMostShards = 1'000'000;

InputError wrong(std::string what, std::string got, std::string expected) {
  return InputError({.code = "E_VALUE",
                     .file = "",
                     .mark = {},
                     .pointer = "--shard",
                     .what = std::move(what),
                     .got = std::move(got),
                     .expected = std::move(expected),
                     .fix = ""});
}

std::optional<std::int64_t> whole(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = error == std::errc{} && end == text.data() + text.size() && value >= 0 &&
                    value <= kMostShards;
  return good ? std::optional(value) : std::nullopt;
}

std::int64_t variable(const Environment& environment, const std::string& name,
                      const std::string& hint) {
  const std::optional<std::string> text = environment(name);
  if (!text) {
    throw wrong(name + " is not set", "", hint);
  }
  const std::optional<std::int64_t> value = whole(*text);
  if (!value) {
    throw wrong(name + " is no whole number", *text, fmt::format("0 to {}", kMostShards));
  }
  return *value;
}

Shard checked(std::int64_t index, std::int64_t count, const std::string& from) {
  if (count < 1 || index < 0 || index >= count) {
    throw wrong("there is no such shard" + from, fmt::format("{}/{}", index, count),
                count < 1 ? "at least one shard"
                          : fmt::format("0/{0} to {1}/{0}: shards count from 0", count, count - 1));
  }
  return {index, count};
}

Shard of_slurm_array(const Environment& environment) {
  const char* kArray = "as Slurm sets it in a job of sbatch --array=0-N";
  const std::int64_t id = variable(environment, "SLURM_ARRAY_TASK_ID", kArray);
  const std::int64_t count = variable(environment, "SLURM_ARRAY_TASK_COUNT", kArray);
  const std::int64_t low =
      environment("SLURM_ARRAY_TASK_MIN") ? variable(environment, "SLURM_ARRAY_TASK_MIN", "") : 0;
  const std::int64_t step =
      environment("SLURM_ARRAY_TASK_STEP") ? variable(environment, "SLURM_ARRAY_TASK_STEP", "") : 1;
  if (step < 1 || (id - low) % step != 0) {
    throw wrong("this array has gaps", fmt::format("SLURM_ARRAY_TASK_ID {}", id),
                "an array such as 0-7, or --shard auto/N, which takes the id as it is");
  }
  return checked((id - low) / step, count, " of this Slurm array (--shard auto/N takes its id)");
}

}  // namespace

std::string Shard::text() const { return fmt::format("{}/{}", index, count); }

Shard shard_from(const std::string& text, const Environment& environment) {
  const std::size_t slash = text.find('/');
  const std::string first = text.substr(0, slash);
  if (first != "auto") {
    const auto index = whole(first);
    const auto count = slash == std::string::npos ? std::nullopt : whole(text.substr(slash + 1));
    if (!index || !count) {
      throw wrong("which part of how many?", text, "i/n such as 0/4, auto, or auto/n");
    }
    return checked(*index, *count, "");
  }
  const bool slurm = environment("SLURM_ARRAY_TASK_ID").has_value();
  if (slash != std::string::npos) {
    const auto count = whole(text.substr(slash + 1));
    if (!count) {
      throw wrong("which part of how many?", text, "auto/n such as auto/4");
    }
    return checked(variable(environment, slurm ? "SLURM_ARRAY_TASK_ID" : "JOB_COMPLETION_INDEX",
                            "set in a Slurm array or a Kubernetes Indexed Job"),
                   *count, "");
  }
  if (slurm) {
    return of_slurm_array(environment);
  }
  const std::int64_t index = variable(
      environment, "JOB_COMPLETION_INDEX",
      "a Slurm array or a Kubernetes Indexed Job (completionMode: Indexed); else --shard i/n");
  return checked(index,
                 variable(environment, "JOB_COMPLETIONS",
                          "Kubernetes does not say how many there are: --shard auto/N, or "
                          "JOB_COMPLETIONS in the manifest's env"),
                 "");
}

std::vector<std::int64_t> tasks_of(const Shard& shard, const std::vector<double>& predicted_work) {
  std::vector<std::int64_t> all(predicted_work.size());
  std::iota(all.begin(), all.end(), 0);
  std::stable_sort(all.begin(), all.end(), [&](std::int64_t a, std::int64_t b) {
    return predicted_work[static_cast<std::size_t>(a)] >
           predicted_work[static_cast<std::size_t>(b)];
  });
  std::vector<std::int64_t> own;
  for (std::size_t i = static_cast<std::size_t>(shard.index); i < all.size();
       i += static_cast<std::size_t>(shard.count)) {
    own.push_back(all[i]);
  }
  return own;
}

}  // namespace moeplan::sim
