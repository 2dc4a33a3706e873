#include "sim/workload/request_trace.hpp"

#include <fmt/format.h>

#include <iterator>

#include "models/units/require.hpp"

namespace moeplan::sim {

std::span<const std::uint64_t> RequestTrace::blocks_of(std::size_t request) const {
  require(request < requests.size(), "this request is not in the trace");
  if (block_end.empty()) {
    return {};
  }
  const std::size_t begin = request == 0 ? 0 : block_end[request - 1];
  return std::span(block_hashes).subspan(begin, block_end[request] - begin);
}

Seconds RequestTrace::span() const {
  return requests.empty() ? Seconds(0.0)
                          : to_seconds(requests.back().arrival - requests.front().arrival);
}

PerSecond RequestTrace::rate() const {
  const Seconds all = span();
  return PerSecond(all > Seconds(0.0) ? static_cast<double>(requests.size() - 1) / all.value()
                                      : 0.0);
}

std::string trace_csv(const RequestTrace& trace) {
  std::string text = "arrived_at,num_prefill_tokens,num_decode_tokens";
  text += trace.block_end.empty() ? "\n" : ",block_hash_ids\n";
  for (std::size_t i = 0; i < trace.requests.size(); ++i) {
    const RequestSpec& request = trace.requests[i];
    fmt::format_to(std::back_inserter(text), "{},{},{}",
                   seconds_text(request.arrival.picoseconds()), request.prompt_tokens,
                   request.output_tokens);
    if (!trace.block_end.empty()) {
      fmt::format_to(std::back_inserter(text), ",{}", fmt::join(trace.blocks_of(i), "|"));
    }
    text += '\n';
  }
  return text;
}

}  // namespace moeplan::sim
