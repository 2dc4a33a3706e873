#include "sim/timeline/recorder.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "models/units/parse.hpp"

namespace moeplan::sim {
namespace {

using text::Json;

constexpr std::int64_t kRequests = 1;      // process
constexpr std::int64_t kFirstEngine = 2;   // process
constexpr std::int64_t kSteps = 1;         // track of an engine
constexpr std::int64_t kFirstDevice = 2;   // track of an engine
constexpr std::size_t kCounterEvents = 3;  // of an engine at one instant
constexpr std::size_t kMoveEvents = 3;     // a stage ends, a mark, the next begins

Track track(std::int32_t replica, std::int64_t thread) { return {kFirstEngine + replica, thread}; }

const char* name_of_stage(int stage) {
  constexpr const char* kNames[] = {"none", "queued", "prefill", "decode", "preempted", "done"};
  return kNames[stage];
}

const char* text_of(RequestStatus status) {
  switch (status) {
    case RequestStatus::completed:
      return "completed";
    case RequestStatus::rejected_too_long:
      return "rejected: longer than the model allows";
    case RequestStatus::rejected_too_large:
      return "rejected: larger than the KV cache";
    case RequestStatus::unfinished:
      break;
  }
  return "unfinished when the run ended";
}

std::string seconds_text(SimTime at) { return fmt::format("{:.6f} s", in_seconds(at)); }

std::size_t requests_in(std::span<const StepOutcome> outcomes) {
  std::size_t count = 0;
  for (const StepOutcome& o : outcomes) {
    count += o.first_scheduled.size() + o.resumed.size() + o.preempted.size() +
             o.first_token.size() + o.late_tokens.size() + o.completed.size();
  }
  return count;
}

}  // namespace

Recorder::Recorder(const Deployment& deployment, std::int32_t replicas,
                   const TimelineOptions& options)
    : d_(deployment),
      options_(options),
      link_bytes_(deployment),
      spans_nodes_(deployment.nodes() > 1),
      counters_(static_cast<std::size_t>(replicas), EngineState{-1, -1, -1}) {
  require(options.steps > 0, "a timeline shows at least one step");
  for (const ExpertLayers& layers : d_.experts) {
    moe_layers_ += std::llround(layers.count);
  }
  const Candidate& c = d_.candidate;
  const HardwareOption& hardware = d_.hardware();
  events_.name_process(kRequests, "requests");
  for (std::int32_t i = 0; i < replicas; ++i) {
    events_.name_process(kFirstEngine + i,
                         fmt::format("engine {}: {} on {}", i, c.layout_name(), hardware.label()));
    events_.name_track(track(i, kSteps), "steps");
    for (int device = 0; device < c.gpus; ++device) {
      events_.name_track(track(i, kFirstDevice + device),
                         fmt::format("device {} (attention rank {}, shard {})", device,
                                     device / c.tensor_parallel, device % c.tensor_parallel));
    }
    if (c.gpus > 1) {
      events_.name_track(track(i, kFirstDevice + c.gpus),
                         fmt::format("fabric inside a node ({})", hardware.fabric.id));
    }
    if (spans_nodes_) {
      events_.name_track(track(i, kFirstDevice + c.gpus + 1),
                         fmt::format("uplinks between nodes ({})", hardware.uplink.id));
    }
  }
}

std::int64_t Recorder::layers_of(Phase phase) const {
  const auto all = static_cast<std::int64_t>(d_.architecture.layers.size());
  switch (phase) {
    case Phase::host:
    case Phase::launch:
    case Phase::head:
      return 0;
    case Phase::router:
    case Phase::dispatch:
    case Phase::expert:
    case Phase::combine:
      return moe_layers_;
    case Phase::dense:
      return all - moe_layers_;
    default:
      return all;
  }
}

bool Recorder::shows(SimTime now) {
  if (window_ == Window::before && now >= options_.from) {
    open(options_.from);
  }
  if (window_ == Window::open && options_.until && now >= *options_.until) {
    close(*options_.until, "--until " + seconds_text(*options_.until));
  }
  return window_ == Window::open;
}

bool Recorder::has_room(std::size_t more, SimTime now) {
  // Every request that is shown needs two events to end, and closing adds a mark.
  if (window_ == Window::open && events_.size() + more + 2 * open_requests_ + 1 > options_.events) {
    close(now, fmt::format("the limit of {} events", options_.events));
  }
  return window_ == Window::open;
}

void Recorder::open(SimTime at) {
  window_ = Window::open;
  opened_ = at;
  if (options_.from > SimTime()) {
    cut_ = fmt::format("begins at --from {}", seconds_text(at));
  }
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    if (requests_[i].stage != Stage::done) {
      if (!has_room(4, at)) {
        return;
      }
      begin_request(static_cast<std::int32_t>(i), at);
      begin_stage(static_cast<std::int32_t>(i), at);
    }
  }
}

void Recorder::close(SimTime at, std::string why) {
  const Json open = Json::object().set("status", "open where the timeline ends");
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    if (requests_[i].shown) {
      end_request(static_cast<std::int32_t>(i), at, open);
    }
  }
  window_ = Window::closed;
  closed_ = at;
  cut_ += fmt::format("{}ends at {} by {}", cut_.empty() ? "" : ", ", seconds_text(at), why);
  events_.mark("the timeline ends here, the run goes on", at, Json::object().set("why", why));
}

void Recorder::begin_request(std::int32_t index, SimTime at) {
  Request& r = requests_[static_cast<std::size_t>(index)];
  r.shown = true;
  ++open_requests_;
  ++requests_shown_;
  events_.async('b', kRequests, index, "request", at,
                Json::object()
                    .set("request", index)
                    .set("input_tokens", r.prompt_tokens)
                    .set("output_tokens", r.output_tokens)
                    .set("arrival_s", in_seconds(r.arrival)));
}

void Recorder::begin_stage(std::int32_t index, SimTime at) {
  const Request& r = requests_[static_cast<std::size_t>(index)];
  Json args = Json::object();
  if (r.stage == Stage::prefill) {
    args.set("again", r.again);
  }
  events_.async('b', kRequests, index, name_of_stage(static_cast<int>(r.stage)), at, args);
}

void Recorder::move(std::int32_t index, Stage stage, SimTime at) {
  Request& r = requests_[static_cast<std::size_t>(index)];
  if (r.shown) {
    events_.async('e', kRequests, index, name_of_stage(static_cast<int>(r.stage)), at,
                  Json::object());
  }
  r.again = stage == Stage::prefill && r.stage == Stage::preempted;
  r.stage = stage;
  if (r.shown) {
    begin_stage(index, at);
  }
}

void Recorder::end_request(std::int32_t index, SimTime at, const Json& args) {
  Request& r = requests_[static_cast<std::size_t>(index)];
  if (r.stage != Stage::done) {
    events_.async('e', kRequests, index, name_of_stage(static_cast<int>(r.stage)), at,
                  Json::object());
  }
  events_.async('e', kRequests, index, "request", at, args);
  r.shown = false;
  --open_requests_;
}

void Recorder::arrived(std::int32_t index, const RequestRecord& record) {
  const SimTime now = record.arrival;
  shows(now);
  requests_.resize(static_cast<std::size_t>(index) + 1);
  Request& r = requests_.back();
  const bool rejected = record.status != RequestStatus::unfinished;
  r = {.stage = rejected ? Stage::done : Stage::queued,
       .prompt_tokens = record.prompt_tokens,
       .output_tokens = record.output_tokens,
       .arrival = record.arrival};
  // Room for its begin, its end and, should it be rejected, the mark between them.
  if (has_room(5, now)) {
    begin_request(index, now);
    if (rejected) {
      events_.async('n', kRequests, index, "rejected", now, Json::object());
      end_request(index, now, Json::object().set("status", text_of(record.status)));
    } else {
      begin_stage(index, now);
    }
  }
}

void Recorder::step_began(const StepBegin& step) {
  if (shows(step.begin) && steps_shown_ == options_.steps) {
    close(step.begin, fmt::format("the limit of {} steps (--steps)", options_.steps));
  }
  const auto devices = static_cast<std::size_t>(d_.candidate.gpus);
  const bool shown = has_room(
      1 + kPhaseCount * (devices + 2) + kCounterEvents + kMoveEvents * requests_in(step.outcomes),
      step.begin);
  if (window_ == Window::closed) {
    return;
  }
  for (const StepOutcome& outcome : step.outcomes) {
    // A step may preempt a request, and none that it admits.
    for (const std::int32_t index : outcome.preempted) {
      move(index, Stage::preempted, step.begin);
    }
    for (const auto* list : {&outcome.first_scheduled, &outcome.resumed}) {
      for (const std::int32_t index : *list) {
        move(index, Stage::prefill, step.begin);
      }
    }
  }
  if (shown) {
    add_step(step);
    add_counters(step.replica, step.begin, step.state);
  }
}

void Recorder::add_step(const StepBegin& step) {
  std::int64_t tokens = 0;
  std::int64_t prefill_tokens = 0;
  std::int64_t batch = 0;
  for (const RankBatch& rank : step.ranks) {
    tokens += rank.tokens();
    prefill_tokens += rank.prefill_tokens;
    batch += rank.sequences();
  }
  events_.span(track(step.replica, kSteps),
               prefill_tokens > 0 ? "step with prompts" : "decode step", step.begin,
               step.end - step.begin,
               Json::object()
                   .set("tokens", tokens)
                   .set("prefill_tokens", prefill_tokens)
                   .set("batch", batch)
                   .set("running", step.state.running)
                   .set("waiting", step.state.waiting));
  const int tensor_parallel = d_.candidate.tensor_parallel;
  for (int device = 0; device < d_.candidate.gpus; ++device) {
    const auto rank = static_cast<std::size_t>(device / tensor_parallel) % step.ranks.size();
    SimTime at = step.begin;
    for (std::size_t p = 0; p < kPhaseCount; ++p) {
      const auto phase = static_cast<Phase>(p);
      events_.span(track(step.replica, kFirstDevice + device), name_of(phase), at,
                   step.phases[phase],
                   Json::object()
                       .set("phase", std::string(name_of(phase)))
                       .set("layers", layers_of(phase))
                       .set("tokens", step.ranks[rank].tokens())
                       .set("batch", step.ranks[rank].sequences()));
      at += step.phases[phase];
    }
  }
  if (d_.candidate.gpus > 1) {
    add_links(step, link_bytes_.of(step.ranks));
  }
  busy_ += step.end - step.begin;
  ++steps_shown_;
}

void Recorder::add_links(const StepBegin& step, const PhaseBytes& bytes) {
  const std::int64_t inside = kFirstDevice + d_.candidate.gpus;
  SimTime at = step.begin;
  for (std::size_t p = 0; p < kPhaseCount; ++p) {
    const auto phase = static_cast<Phase>(p);
    const auto add = [&](std::int64_t thread, double sent) {
      if (sent > 0.0) {
        events_.span(track(step.replica, thread), name_of(phase), at, step.phases[phase],
                     Json::object()
                         .set("busiest_device_bytes", std::llround(sent))
                         .set("layers", layers_of(phase)));
      }
    };
    add(inside, bytes[p].near);
    if (spans_nodes_) {
      add(inside + 1, bytes[p].far);
    }
    at += step.phases[phase];
  }
}

void Recorder::add_counters(std::int32_t replica, SimTime at, const EngineState& state) {
  EngineState& last = counters_[static_cast<std::size_t>(replica)];
  const auto changed = [&](const char* name, std::int64_t& before, std::int64_t now) {
    if (before != now) {
      events_.counter(kFirstEngine + replica, name, at, now);
      before = now;
    }
  };
  changed("running", last.running, state.running);
  changed("waiting", last.waiting, state.waiting);
  changed("KV blocks used", last.used_blocks, state.used_blocks);
}

void Recorder::complete(std::int32_t index, const RequestRecord& record, SimTime at) {
  Request& r = requests_[static_cast<std::size_t>(index)];
  if (r.shown) {
    end_request(index, at,
                Json::object()
                    .set("status", text_of(record.status))
                    .set("ttft_s", in_seconds(record.first_token - record.arrival))
                    .set("e2e_s", in_seconds(record.completion - record.arrival))
                    .set("preemptions", static_cast<std::int64_t>(record.preemptions)));
  }
  r.stage = Stage::done;
}

void Recorder::step_ended(const StepEnd& step) {
  shows(step.end);
  const bool shown = has_room(kCounterEvents + kMoveEvents * requests_in(step.outcomes), step.end);
  if (window_ == Window::closed) {
    return;
  }
  for (const StepOutcome& outcome : step.outcomes) {
    for (const std::int32_t index : outcome.first_token) {
      if (shown) {
        events_.async('n', kRequests, index, "first token", step.end, Json::object());
      }
      move(index, Stage::decode, step.end);
    }
    for (const LateToken& late : outcome.late_tokens) {
      if (requests_[static_cast<std::size_t>(late.request)].stage == Stage::prefill) {
        move(late.request, Stage::decode, step.end);
      }
    }
    for (const std::int32_t index : outcome.completed) {
      complete(index, step.requests[static_cast<std::size_t>(index)], step.end);
    }
  }
  if (shown) {
    add_counters(step.replica, step.end, step.state);
  }
}

Timeline Recorder::finish(ServingTrace trace, Json about) {
  if (window_ == Window::before) {
    cut_ = fmt::format("the run ends at {}, before --from {}", seconds_text(trace.end),
                       seconds_text(options_.from));
  }
  if (window_ == Window::open) {
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      if (requests_[i].shown) {
        end_request(static_cast<std::int32_t>(i), trace.end,
                    Json::object().set("status", text_of(trace.requests[i].status)));
      }
    }
    closed_ = trace.end;
  }
  about.set("cut", cut_.empty() ? Json() : Json(cut_));
  return {.json = events_.json(about),
          .cut = cut_,
          .from = opened_,
          .until = closed_,
          .steps = steps_shown_,
          .requests = requests_shown_,
          .events = events_.size(),
          .busy = busy_,
          .trace = std::move(trace)};
}

}  // namespace moeplan::sim
