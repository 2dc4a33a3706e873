#include "sim/sweep/rank_sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "models/text/load.hpp"
#include "models/units/require.hpp"
#include "sim/sweep/workers.hpp"

namespace moeplan::sim {
namespace {

using Clock = std::chrono::steady_clock;

// First byte of a message: what it is.
constexpr char kAsk = 'A';   // a rank wants points
constexpr char kTake = 'T';  // rank 0: take these, "3 17 20"; none: there are no more
constexpr char kRow = 'R';   // a finished row, as JSON

constexpr std::size_t kMostOfAChunk = 64;
constexpr std::chrono::milliseconds kListenEvery{2};

std::vector<std::int64_t> numbers_in(const std::string& text) {
  std::vector<std::int64_t> out;
  const char* at = text.data() + 1;
  const char* end = text.data() + text.size();
  while (at < end) {
    std::int64_t value = 0;
    const auto [stop, error] = std::from_chars(at, end, value);
    require(error == std::errc{}, "a rank was told tasks that are no numbers");
    out.push_back(value);
    at = stop + 1;  // the space
  }
  return out;
}

bool asked_to_stop(const RunSweepOptions& options) { return options.stop && options.stop(); }

// Keeps threads busy while the answer to a request is on its way, which can be long: rank 0 may be
// waiting for its disk. So the next points are asked for when half of the last ones are left.
bool runs_dry(const Workers& workers, std::size_t last_given) {
  return workers.waiting() < std::max(static_cast<std::size_t>(workers.threads()), last_given / 2);
}

class Leader {
 public:
  Leader(RankLink& link, const TaskList& tasks, const std::vector<std::int64_t>& which,
         const RunSweepOptions& options)
      : link_(link),
        tasks_(tasks),
        which_(which),
        options_(options),
        work_(predicted_work(tasks)),
        begin_(Clock::now()),
        own_(tasks, options.threads, {.threads = 1, .skip_invalid = options.skip_invalid}) {
    progress_.total = static_cast<std::int64_t>(which.size());
    for (const std::int64_t task : which) {
      work_left_ += work_[static_cast<std::size_t>(task)];
    }
    progress_.work_total = work_left_;
  }

  std::int64_t run() {
    while (progress_.done < progress_.total || ended_ < link_.ranks() - 1) {
      if (asked_to_stop(options_)) {
        return progress_.done;
      }
      while (const std::optional<RankMessage> message = link_.poll()) {
        answer(*message);
      }
      if (runs_dry(own_, last_given_)) {
        const std::vector<std::int64_t> tasks = chunk();
        last_given_ = tasks.size();
        own_.give(tasks);
      }
      for (const Row& row : own_.take(kListenEvery)) {
        finish(row);
      }
      progress_.seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
      if (options_.progress) {
        options_.progress(progress_);
      }
    }
    link_.flush();
    return progress_.done;
  }

 private:
  std::vector<std::int64_t> chunk() {
    return next_chunk(which_, next_, work_, work_left_, link_.ranks() * options_.threads);
  }

  void answer(const RankMessage& message) {
    require(!message.text.empty(), "a rank said nothing");
    if (message.text.front() == kRow) {
      const std::string from = fmt::format("rank {}", message.from);
      finish(row_from(text::parse_json(message.text.substr(1), from), tasks_.info()));
      return;
    }
    require(message.text.front() == kAsk, "a rank said something else than it should");
    const std::vector<std::int64_t> tasks = chunk();
    ended_ += tasks.empty() ? 1 : 0;
    link_.send(message.from, fmt::format("{}{}", kTake, fmt::join(tasks, " ")));
  }

  void finish(const Row& row) {
    options_.finished(row);
    ++progress_.done;
    progress_.work_done += work_[static_cast<std::size_t>(row.task)];
  }

  RankLink& link_;
  const TaskList& tasks_;
  const std::vector<std::int64_t>& which_;
  const RunSweepOptions& options_;
  std::vector<double> work_;
  double work_left_ = 0.0;
  std::size_t next_ = 0;
  std::size_t last_given_ = 0;  // to the own threads
  int ended_ = 0;               // ranks that know there is no more
  SweepProgress progress_;
  Clock::time_point begin_;
  Workers own_;
};

}  // namespace

std::vector<std::int64_t> next_chunk(const std::vector<std::int64_t>& todo, std::size_t& next,
                                     const std::vector<double>& work, double& work_left,
                                     int threads) {
  const double share = work_left / (2.0 * threads);
  std::vector<std::int64_t> chunk;
  double taken = 0.0;
  while (next < todo.size() && chunk.size() < kMostOfAChunk) {
    const double more = work[static_cast<std::size_t>(todo[next])];
    if (!chunk.empty() && taken + more > share) {
      break;
    }
    taken += more;
    chunk.push_back(todo[next++]);
  }
  work_left -= taken;
  return chunk;
}

std::int64_t lead_sweep(RankLink& link, const TaskList& tasks,
                        const std::vector<std::int64_t>& which, const RunSweepOptions& options) {
  require(link.rank() == 0, "rank 0 leads a sweep");
  return Leader(link, tasks, which, options).run();
}

void follow_sweep(RankLink& link, const TaskList& tasks, const RunSweepOptions& options) {
  Workers own(tasks, options.threads, {.threads = 1, .skip_invalid = options.skip_invalid});
  bool asked = false;
  bool ended = false;
  std::size_t last_given = 0;
  while (!ended || own.unfinished() > 0) {
    if (asked_to_stop(options)) {
      return;
    }
    while (const std::optional<RankMessage> message = link.poll()) {
      require(!message->text.empty() && message->text.front() == kTake,
              "rank 0 said something else than it should");
      const std::vector<std::int64_t> given = numbers_in(message->text);
      ended = given.empty();
      asked = false;
      last_given = given.size();
      own.give(given);
    }
    if (!ended && !asked && runs_dry(own, last_given)) {
      link.send(0, std::string(1, kAsk));
      asked = true;
    }
    for (const Row& row : own.take(kListenEvery)) {
      link.send(0, kRow + to_json(row).line());
    }
  }
  link.flush();
}

}  // namespace moeplan::sim
