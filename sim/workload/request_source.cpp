#include "sim/workload/request_source.hpp"

#include <cmath>

#include "models/units/require.hpp"

namespace moeplan::sim {

RequestSource::RequestSource(const RequestMix& mix, std::uint64_t seed)
    : mix_(mix),
      gaps_(seed, "arrival gaps"),
      prompt_lengths_(seed, "prompt lengths"),
      output_lengths_(seed, "output lengths") {
  require(mix.request_count >= 1, "a request source needs at least one request");
  require(mean_length(mix.prompt) >= 1.0 && mean_length(mix.output) >= 1.0,
          "prompts and outputs have at least one token");
  if (const auto* poisson = std::get_if<PoissonArrivals>(&mix.arrivals)) {
    require(poisson->rate.value() > 0.0 && std::isfinite(poisson->rate.value()),
            "an arrival rate must be positive and finite");
  } else {
    const auto& loop = std::get<ClosedLoop>(mix.arrivals);
    require(loop.concurrency >= 1, "a closed loop needs a concurrency of at least 1");
    require(loop.think_time >= Seconds(0.0), "users think for 0 s or longer");
  }
}

std::optional<RequestSpec> RequestSource::next() {
  if (handed_out_ >= mix_.request_count) {
    return std::nullopt;
  }
  if (const auto* poisson = std::get_if<PoissonArrivals>(&mix_.arrivals)) {
    last_arrival_ += Seconds(gaps_.exponential(1.0 / poisson->rate.value()));
    return make(last_arrival_);
  }
  if (handed_out_ >= std::get<ClosedLoop>(mix_.arrivals).concurrency) {
    return std::nullopt;
  }
  return make(SimTime{});
}

std::optional<RequestSpec> RequestSource::on_completion(SimTime now) {
  require(completed_ < handed_out_, "a request completed that was never handed out");
  ++completed_;
  if (!is_closed_loop() || handed_out_ >= mix_.request_count) {
    return std::nullopt;
  }
  return make(now + std::get<ClosedLoop>(mix_.arrivals).think_time);
}

RequestSpec RequestSource::make(SimTime arrival) {
  const auto i = static_cast<std::uint64_t>(handed_out_++);
  return {arrival, sample_length(mix_.prompt, prompt_lengths_.at(i)),
          sample_length(mix_.output, output_lengths_.at(i))};
}

}  // namespace moeplan::sim
