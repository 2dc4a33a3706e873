#include "sim/workload/read_trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "models/text/input_error.hpp"
#include "models/units/parse.hpp"
#include "sim/workload/trace_rows.hpp"

namespace moeplan::sim {
namespace {

constexpr std::int64_t kEnoughForUnits = 100;  // requests whose mean gap says something
constexpr double kLongGap_s = 600.0;
constexpr double kShortGap_s = 1e-5;

// Together below 2^63 ps, so that no arrival overflows when the earliest becomes 0.
constexpr WidePicoseconds kEarliest = WidePicoseconds{1} << 60;
constexpr WidePicoseconds kLatest = std::numeric_limits<std::int64_t>::max() - kEarliest;

const text::Range kLength{.low = 1, .high = kMostTraceTokens};

class Builder {
 public:
  Builder(TraceRows& rows, const TraceOptions& options, const std::string& file)
      : rows_(rows), options_(options), layout_(rows.layout()) {
    trace_.file = file;
    trace_.format = layout_.format;
    trace_.has_times = layout_.arrival != nullptr;
  }

  RequestTrace build() {
    const bool until = options_.max_requests > 0 && !options_.sort;
    while (!(until && size() >= options_.max_requests) && rows_.next()) {
      ++trace_.rows;
      add();
    }
    trace_.cut = until && size() >= options_.max_requests && !rows_.at_end();
    if (trace_.requests.empty()) {
      throw InputError(
          {.code = "E_VALUE",
           .file = trace_.file,
           .what = "the trace has 0 requests",
           .got = fmt::format("{} rows, {} of them failed", trace_.rows, trace_.failed),
           .expected = "at least one request"});
    }
    if (trace_.out_of_order > 0) {
      sort();
    }
    cut();
    shift();
    check_units();
    if (images_ > 0) {
      trace_.warnings.push_back(
          fmt::format("{} requests carry images ({}), whose tokens are not counted", images_,
                      layout_.not_counted));
    }
    return std::move(trace_);
  }

 private:
  std::int64_t size() const { return static_cast<std::int64_t>(trace_.requests.size()); }

  void add() {
    const std::int64_t arrival = trace_.has_times ? read_arrival() : 0;
    if (has_failed()) {
      ++trace_.failed;
      return;
    }
    const auto prompt = static_cast<std::int32_t>(rows_.count(TraceColumn::prompt, kLength));
    const auto output = static_cast<std::int32_t>(rows_.count(TraceColumn::output, kLength));
    const std::int64_t copies = rows_.has(TraceColumn::multiplier)
                                    ? rows_.count(TraceColumn::multiplier, text::kNonNegative)
                                    : 1;
    if (copies > kMostTraceRequests - size()) {
      throw InputError({.code = "E_LIMIT",
                        .file = trace_.file,
                        .mark = {rows_.line(), 0},
                        .what = "the trace has too many requests",
                        .expected = fmt::format("at most {}", kMostTraceRequests),
                        .fix = "max_requests takes the first ones"});
    }
    trace_.requests.insert(trace_.requests.end(), static_cast<std::size_t>(copies),
                           {SimTime(arrival), prompt, output});
    if (rows_.has(TraceColumn::hashes)) {
      trace_.block_end.resize(trace_.requests.size() - 1, trace_.block_hashes.size());
      rows_.take_hashes(trace_.block_hashes);
    }
    if (!trace_.block_end.empty() || !trace_.block_hashes.empty()) {
      trace_.block_end.resize(trace_.requests.size(), trace_.block_hashes.size());
    }
    images_ += rows_.has(TraceColumn::not_counted) &&
               rows_.count(TraceColumn::not_counted, text::kNonNegative) > 0;
  }

  // Picoseconds since the first row's stamp; negative where a row is earlier.
  std::int64_t read_arrival() {
    const std::string_view text = rows_.text(TraceColumn::arrival);
    const auto stamp = parse_stamp(text, layout_.unit);
    if (!stamp) {
      rows_.fail(TraceColumn::arrival, "E_TYPE",
                 layout_.unit == StampUnit::calendar
                     ? "a day and a time, such as 2023-11-16 18:17:03.9799600"
                     : fmt::format("a number of {}", name_of(layout_.unit)),
                 "");
    }
    if (*stamp < 0) {
      rows_.fail(TraceColumn::arrival, "E_RANGE", ">= 0", "");
    }
    if (trace_.rows == 1) {
      origin_ = *stamp;
      trace_.first_stamp = text;
    }
    const WidePicoseconds since = *stamp - origin_;
    if (since > kLatest || since < -kEarliest) {
      rows_.fail(
          TraceColumn::arrival, "E_RANGE",
          "stamps at most 93 days after the first and 13 before (the engine's clock)",
          fmt::format("are these {}? max_requests takes the first rows", name_of(layout_.unit)));
    }
    const auto arrival = static_cast<std::int64_t>(since);
    if (trace_.rows > 1 && arrival < previous_) {
      if (!options_.sort) {
        rows_.fail(TraceColumn::arrival, "E_VALUE", "times that do not go back, row after row",
                   "sort: true (--sort) sorts the rows");
      }
      ++trace_.out_of_order;
    }
    previous_ = arrival;
    return arrival;
  }

  bool has_failed() {
    const bool no_output = rows_.count(TraceColumn::output, text::kNonNegative) == 0;
    const bool status = rows_.has(TraceColumn::status) && rows_.text(TraceColumn::status) != "ok";
    if (!no_output && !status) {
      return false;
    }
    if (!options_.drop_failed.value_or(layout_.failed_if_no_output)) {
      rows_.fail(status ? TraceColumn::status : TraceColumn::output, "E_RANGE",
                 status ? "ok" : "at least 1 token",
                 "a request without output failed; drop_failed: true (--drop-failed) leaves such "
                 "rows out and counts them");
    }
    return true;
  }

  void sort() {
    std::vector<std::size_t> order(trace_.requests.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return trace_.requests[a].arrival < trace_.requests[b].arrival;
    });
    RequestTrace sorted = trace_;
    sorted.block_hashes.clear();
    for (std::size_t i = 0; i < order.size(); ++i) {
      sorted.requests[i] = trace_.requests[order[i]];
      if (!trace_.block_end.empty()) {
        const auto blocks = trace_.blocks_of(order[i]);
        sorted.block_hashes.insert(sorted.block_hashes.end(), blocks.begin(), blocks.end());
        sorted.block_end[i] = sorted.block_hashes.size();
      }
    }
    trace_ = std::move(sorted);
  }

  void cut() {
    if (options_.max_requests <= 0 || size() <= options_.max_requests) {
      return;
    }
    const auto kept = static_cast<std::size_t>(options_.max_requests);
    trace_.cut = true;
    trace_.requests.resize(kept);
    if (!trace_.block_end.empty()) {
      trace_.block_end.resize(kept);
      trace_.block_hashes.resize(trace_.block_end.back());
    }
  }

  void shift() {
    const SimDuration first = trace_.requests.front().arrival.since_start();
    SimTime before(-1);
    for (RequestSpec& request : trace_.requests) {
      request.arrival = request.arrival - first;
      trace_.simultaneous += request.arrival == before ? 1 : 0;
      before = request.arrival;
    }
  }

  // Stamps since 1970 in another unit, and mean gaps that are 1000 times off the usual.
  void check_units() {
    if (!trace_.has_times || layout_.unit == StampUnit::calendar) {
      return;
    }
    constexpr std::array kUnits = {StampUnit::seconds, StampUnit::milliseconds,
                                   StampUnit::microseconds, StampUnit::nanoseconds};
    // Epoch stamps between 2001 and 2286, in any unit.
    double value = static_cast<double>(origin_) / 1e12;
    value *= layout_.unit == StampUnit::seconds        ? 1.0
             : layout_.unit == StampUnit::milliseconds ? 1e3
             : layout_.unit == StampUnit::microseconds ? 1e6
                                                       : 1e9;
    double low = 1e9;
    for (const StampUnit unit : kUnits) {
      if (unit != layout_.unit && value >= low && value < 10.0 * low) {
        trace_.warnings.push_back(
            fmt::format("the first stamp {} looks like {} since 1970, and {} are read: scale the "
                        "rate if they are",
                        trace_.first_stamp, name_of(unit), name_of(layout_.unit)));
        return;
      }
      low *= 1e3;
    }
    const double gap =
        in_seconds(trace_.span()) / static_cast<double>(std::max<std::int64_t>(size() - 1, 1));
    if (size() >= kEnoughForUnits && (gap > kLongGap_s || (gap > 0.0 && gap < kShortGap_s))) {
      trace_.warnings.push_back(fmt::format(
          "requests arrive {} apart on average: is the unit of {} really {}? (scale the rate by "
          "{} if it is 1000 times {})",
          to_text(Seconds(gap)), layout_.arrival, name_of(layout_.unit),
          gap > kLongGap_s ? "1000" : "0.001", gap > kLongGap_s ? "smaller" : "larger"));
    }
  }

  TraceRows& rows_;
  const TraceOptions& options_;
  const TraceLayout& layout_;
  RequestTrace trace_;
  WidePicoseconds origin_ = 0;
  std::int64_t previous_ = 0;
  std::int64_t images_ = 0;
};

}  // namespace

RequestTrace read_trace(const std::filesystem::path& path, const TraceOptions& options) {
  const std::unique_ptr<TraceRows> rows = TraceRows::open(path, options.format);
  return Builder(*rows, options, path.string()).build();
}

}  // namespace moeplan::sim
