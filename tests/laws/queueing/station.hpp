#pragma once
// A station of c equal servers and one first-in-first-out line, written on EventQueue alone: the
// smallest simulation whose answers are known in closed form. Statistics are kept per batch of
// customers, so that the scatter of the batches gives the standard error of the whole run.

#include <array>
#include <cmath>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "models/units/require.hpp"
#include "sim/engine/event_queue.hpp"

namespace moeplan::sim {

struct StationPlan {
  int servers = 1;
  std::int64_t warm_up = 0;    // customers before the first batch
  std::int64_t batches = 1;    //
  std::int64_t per_batch = 1;  // customers; the run ends at the arrival that would open one more
  bool keep_visits = false;
  std::function<Seconds()> gap;      // before each arrival
  std::function<Seconds()> service;  // of each customer, in order of arrival
};

// One customer; what had not happened when the run ended is nullopt.
struct Visit {
  SimTime arrival;
  SimDuration service;
  std::optional<SimTime> start;
  std::optional<SimTime> departure;
  friend bool operator==(const Visit&, const Visit&) = default;
};

struct Batch {
  std::int64_t customers = 0;  // that began service
  std::int64_t delayed = 0;    // of them: waited
  double wait_s = 0.0;         // sum of their waits
  SimDuration length;
  SimDuration busy;                       // sum over servers
  SimDuration customer_time;              // integral of the number in the station
  std::array<SimDuration, 16> time_with;  // n customers in the station, n < 16
};

struct StationRun {
  std::vector<Batch> batches;
  std::vector<Visit> visits;  // from the start of the run, if kept
  SimTime end;
  // From the start of the run, warm-up included.
  SimDuration busy;
  SimDuration customer_time;
};

class Station {
 public:
  explicit Station(StationPlan plan) : plan_(std::move(plan)) {}

  StationRun run() {
    const std::int64_t last = plan_.warm_up + plan_.batches * plan_.per_batch;
    queue_.push(SimTime{} + plan_.gap(), Event{Kind::kArrival, 0});
    while (true) {
      const auto [time, event] = queue_.pop();
      advance(time);
      if (event.kind == Kind::kDeparture) {
        depart(event.customer);
      } else {
        if (arrived_ >= plan_.warm_up && (arrived_ - plan_.warm_up) % plan_.per_batch == 0) {
          if (arrived_ == last) {
            break;
          }
          run_.batches.emplace_back();
        }
        queue_.push(time + plan_.gap(), Event{Kind::kArrival, 0});
        arrive();
      }
      require(line_.empty() || busy_servers_ == plan_.servers, "a server idles before a line");
    }
    run_.end = queue_.now();
    return std::move(run_);
  }

 private:
  enum class Kind { kArrival, kDeparture };
  struct Event {
    Kind kind;
    std::int64_t customer;
  };
  struct Waiting {
    std::int64_t customer;
    SimTime arrival;
    SimDuration service;
  };

  // Charges the time since the previous event to the state it was spent in.
  void advance(SimTime now) {
    const SimDuration span = now - previous_;
    require(span >= SimDuration{}, "time ran backwards");
    previous_ = now;
    const auto present = static_cast<std::size_t>(busy_servers_) + line_.size();
    run_.busy += span * busy_servers_;
    run_.customer_time += span * static_cast<std::int64_t>(present);
    if (!run_.batches.empty()) {
      Batch& batch = run_.batches.back();
      batch.length += span;
      batch.busy += span * busy_servers_;
      batch.customer_time += span * static_cast<std::int64_t>(present);
      if (present < batch.time_with.size()) {
        batch.time_with[present] += span;
      }
    }
  }

  void arrive() {
    line_.push_back({arrived_++, queue_.now(), duration_from(plan_.service())});
    if (plan_.keep_visits) {
      run_.visits.push_back({queue_.now(), line_.back().service, {}, {}});
    }
    serve();
  }

  void depart(std::int64_t customer) {
    if (plan_.keep_visits) {
      run_.visits[static_cast<std::size_t>(customer)].departure = queue_.now();
    }
    --busy_servers_;
    serve();
  }

  void serve() {
    if (line_.empty() || busy_servers_ == plan_.servers) {
      return;
    }
    const Waiting next = line_.front();
    line_.pop_front();
    ++busy_servers_;
    queue_.push(queue_.now() + next.service, Event{Kind::kDeparture, next.customer});
    if (plan_.keep_visits) {
      run_.visits[static_cast<std::size_t>(next.customer)].start = queue_.now();
    }
    if (!run_.batches.empty()) {
      const SimDuration wait = queue_.now() - next.arrival;
      Batch& batch = run_.batches.back();
      ++batch.customers;
      batch.delayed += wait > SimDuration{};
      batch.wait_s += in_seconds(wait);
    }
  }

  StationPlan plan_;
  StationRun run_;
  EventQueue<Event> queue_;
  std::deque<Waiting> line_;
  int busy_servers_ = 0;
  std::int64_t arrived_ = 0;
  SimTime previous_;
};

// Mean over batches and its standard error, s / sqrt(batches): valid where a batch is much longer
// than the memory of the station, about (1 - rho)^-2 customers.
struct Estimate {
  double mean = 0.0;
  double standard_error = 0.0;
};

inline Estimate estimate(const StationRun& run, const std::function<double(const Batch&)>& value) {
  const double n = static_cast<double>(run.batches.size());
  double sum = 0.0;
  for (const Batch& batch : run.batches) {
    sum += value(batch);
  }
  double squares = 0.0;
  for (const Batch& batch : run.batches) {
    squares += std::pow(value(batch) - sum / n, 2);
  }
  return {sum / n, std::sqrt(squares / (n - 1.0) / n)};
}

}  // namespace moeplan::sim
