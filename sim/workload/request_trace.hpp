#pragma once
// RequestTrace: recorded traffic in one normal form, whatever format it was read from
// (read_trace.hpp). Immutable once read; shared by all runs that replay it.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "models/units/quantity.hpp"
#include "sim/workload/request.hpp"
#include "sim/workload/trace_layout.hpp"

namespace moeplan::sim {

struct RequestTrace {
  std::string file;
  TraceFormat format = TraceFormat::vidur;
  bool has_times = true;              // false: lengths only, every arrival is 0
  std::vector<RequestSpec> requests;  // in order of arrival, equal instants in the file's order;
                                      // the first arrives at 0
  // Hashes of the prompts' blocks of block_tokens tokens, request after request; empty without.
  std::vector<std::uint64_t> block_hashes;
  std::vector<std::size_t> block_end;  // [requests]: where the hashes of each end
  std::int64_t block_tokens = 512;     // Source: kvcache-ai/Mooncake, FAST25-release

  // How the file was read.
  std::string first_stamp;        // as written; what time 0 stands for
  std::int64_t rows = 0;          // read
  std::int64_t failed = 0;        // dropped: no output, or a status that says so
  std::int64_t out_of_order = 0;  // rows earlier than the row before (sorted since)
  std::int64_t simultaneous = 0;  // requests at the instant of the one before
  bool cut = false;               // max_requests left rows unread
  std::vector<std::string> warnings;

  std::span<const std::uint64_t> blocks_of(std::size_t request) const;
  // First to last arrival.
  Seconds span() const;
  // (requests - 1) / span; 0 when all arrive at once or there are no times.
  PerSecond rate() const;
};

// The trace as CSV in the normal form: arrived_at,num_prefill_tokens,num_decode_tokens with exact
// decimal seconds, and block_hash_ids ("1|2|3") where there are any. Reads back equal.
std::string trace_csv(const RequestTrace& trace);

}  // namespace moeplan::sim
