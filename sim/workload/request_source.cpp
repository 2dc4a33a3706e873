#include "sim/workload/request_source.hpp"

#include <algorithm>
#include <cmath>

#include "models/units/require.hpp"
#include "sim/workload/request_trace.hpp"

namespace moeplan::sim {

RequestSource::RequestSource(const RequestMix& mix, std::uint64_t seed)
    : process_(Process::open),
      joint_lengths_(mix.joint_lengths),
      draws_prompt_(mix.joint_lengths || !std::holds_alternative<FixedLength>(mix.prompt)),
      draws_output_(!std::holds_alternative<FixedLength>(mix.output)),
      request_count_(mix.request_count),
      at_once_(mix.max_in_flight > 0 ? std::min(mix.max_in_flight, mix.request_count)
                                     : mix.request_count),
      prompt_(mix.prompt),
      output_(mix.output),
      prompt_lengths_(seed, "prompt lengths"),
      output_lengths_(seed, "output lengths") {
  require(mix.request_count >= 1, "a request source needs at least one request");
  require(mean_length(mix.prompt) >= 1.0 && mean_length(mix.output) >= 1.0,
          "prompts and outputs have at least one token");
  require(mix.max_in_flight >= 0, "a limit of requests in flight is not negative");
  if (const auto* poisson = std::get_if<PoissonArrivals>(&mix.arrivals)) {
    times_.emplace(ShapedArrivals{.rate = poisson->rate}, request_count_, seed);
  } else if (const auto* shaped = std::get_if<ShapedArrivals>(&mix.arrivals)) {
    times_.emplace(*shaped, request_count_, seed);
  } else if (const auto* replay = std::get_if<TraceArrivals>(&mix.arrivals)) {
    process_ = Process::trace;
    trace_ = replay->trace;
    speed_ = replay->speed;
    require(trace_ != nullptr && trace_->has_times, "a trace to replay has times");
    require(speed_ > 0.0 && std::isfinite(speed_), "a trace's speed must be positive and finite");
    require(request_count_ <= static_cast<std::int64_t>(trace_->requests.size()),
            "a trace cannot give more requests than it has");
  } else {
    const auto& loop = std::get<ClosedLoop>(mix.arrivals);
    process_ = Process::closed;
    think_time_ = loop.think_time;
    require(loop.concurrency >= 1, "a closed loop needs a concurrency of at least 1");
    require(loop.think_time >= Seconds(0.0), "users think for 0 s or longer");
    require(mix.max_in_flight == 0, "a closed loop has its own limit of requests in flight");
    at_once_ = std::min<std::int64_t>(loop.concurrency, request_count_);
  }
  known_in_advance_ = at_once_ == request_count_;
}

SimTime RequestSource::next_open_arrival() {
  if (process_ == Process::open) {
    return times_->next();
  }
  const SimTime recorded = trace_->requests[static_cast<std::size_t>(handed_out_)].arrival;
  return speed_ == 1.0
             ? recorded
             : SimTime{} + Seconds(static_cast<double>(recorded.picoseconds()) / 1e12 / speed_);
}

std::optional<RequestSpec> RequestSource::next() {
  if (handed_out_ >= at_once_) {
    return std::nullopt;
  }
  return make(process_ == Process::closed ? SimTime{} : next_open_arrival());
}

std::optional<RequestSpec> RequestSource::on_completion(SimTime now) {
  require(completed_ < handed_out_, "a request completed that was never handed out");
  ++completed_;
  if (known_in_advance_ || handed_out_ >= request_count_) {
    return std::nullopt;
  }
  return make(process_ == Process::closed ? now + think_time_ : std::max(now, next_open_arrival()));
}

RequestSpec RequestSource::make(SimTime arrival) {
  const auto i = static_cast<std::size_t>(handed_out_++);
  if (process_ == Process::trace) {
    return {arrival, trace_->requests[i].prompt_tokens, trace_->requests[i].output_tokens};
  }
  // Word i of each stream: next() draws two words at a time. Fixed lengths need none.
  const std::uint64_t prompt_word = draws_prompt_ ? prompt_lengths_.next() : 0;
  const std::uint64_t output_word =
      joint_lengths_ ? prompt_word : (draws_output_ ? output_lengths_.next() : 0);
  return {arrival, sample_length(prompt_, prompt_word), sample_length(output_, output_word)};
}

RequestArrays RequestSource::take_all() {
  RequestArrays all;
  const auto left = static_cast<std::size_t>(at_once_ - handed_out_);
  all.arrivals.reserve(left);
  all.prompt_tokens.reserve(left);
  all.output_tokens.reserve(left);
  while (const std::optional<RequestSpec> request = next()) {
    all.arrivals.push_back(request->arrival);
    all.prompt_tokens.push_back(request->prompt_tokens);
    all.output_tokens.push_back(request->output_tokens);
  }
  return all;
}

}  // namespace moeplan::sim
