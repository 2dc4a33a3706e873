#include "tests/calibrate/all2all/netbox.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "calibrate/all2all/exchange_grid.hpp"
#include "calibrate/all2all/exchange_law.hpp"
#include "calibrate/all2all/launcher.hpp"
#include "calibrate/measurement/journal.hpp"
#include "calibrate/measurement/summary.hpp"
#include "tests/calibrate/all2all/ranks.hpp"

namespace moeplan::tests {
namespace {

using calibrate::ExchangeCase;

constexpr double kRate = 50e6 / 8.0;         // B/s, of the links
constexpr const char* kRateText = "50mbit";  //
constexpr double kFrame = 1538.0 / 1448.0;   // on the wire for a byte of payload: Ethernet, IP, TCP
constexpr int kHosts = 4;

}  // namespace

Netbox::Netbox(int hosts, const std::string& rate, const std::string& uplink)
    : prefix_(fmt::format("mp{}x", ::getpid() % 10000)), hosts_(hosts) {
  const std::string out = (directory_ / "up.txt").string();
  const int code = run_into(
      calibrate::launcher_arguments(script(fmt::format("up {} {} {}", hosts, rate, uplink))), out);
  if (code != 0) {
    down();
    throw std::runtime_error("no namespaces: " + read_bytes(out));
  }
}

Netbox::~Netbox() { down(); }

void Netbox::down() {
  run_into(calibrate::launcher_arguments(script("down")), (directory_ / "down.txt").string());
}

std::string Netbox::script(const std::string& command) const {
  return fmt::format("env NETBOX_DIR={} NETBOX_PREFIX={} {} {}", directory_.path().string(),
                     prefix_, MOEPLAN_NETBOX, command);
}

std::map<std::string, double> Netbox::measure(const std::string& program) {
  const std::string journal = (directory_ / "journal").string();
  const std::string out = (directory_ / "out.txt").string();
  const int code = run_into({program,      "all2all",
                             "--launcher", script(fmt::format("run {}", hosts_)),
                             "--launches", "3",
                             "--visits",   "1",
                             "--budget",   "45 s",
                             "--kinds",    "all2allv,pingpong",
                             "--patterns", "uniform,hot_receiver_x2",
                             "--smallest", "64 KiB",
                             "--largest",  "256 KiB",
                             "--start",    "barrier",
                             "--journal",  journal},
                            out);
  if (code != 0) {
    throw std::runtime_error("moeplan-measure failed: " + read_bytes(out));
  }
  std::map<std::string, double> best;
  for (const calibrate::PointRecord& record : calibrate::read_journal(journal).records) {
    if (!record.outcome.samples.empty()) {
      const double median = calibrate::summarize(record.outcome.samples).p50;
      const auto [found, fresh] = best.emplace(record.id, median);
      found->second = std::min(found->second, median);
    }
  }
  return best;
}

namespace {

// Larger ones no longer fit what the kernel takes at once: the rounds of a pairwise exchange then
// wait for each other, and a hot receiver behind an uplink takes 13 % more than its volume says.
constexpr std::int64_t kLargestMessage = 64 * 1024;

std::int64_t largest_message(const calibrate::ByteMatrix& matrix) {
  std::int64_t largest = 0;
  for (int source = 0; source < matrix.ranks(); ++source) {
    for (int destination = 0; destination < matrix.ranks(); ++destination) {
      if (source != destination) {
        largest = std::max(largest, matrix.at(source, destination));
      }
    }
  }
  return largest;
}

}  // namespace

NetboxFigures netbox_figures(const std::string& program) {
  NetboxFigures out{.lowest = 1e300};
  const calibrate::RankWorld world{.node_of_rank = {0, 1, 2, 3}};
  const calibrate::ExchangeGrid grid =
      calibrate::exchange_grid(world, {.smallest = 64 * 1024, .largest = 256 * 1024});
  calibrate::ExchangeLaw law;
  for (const bool two_tiers : {false, true}) {
    const std::map<std::string, double> seconds =
        Netbox(kHosts, kRateText, two_tiers ? kRateText : "").measure(program);
    if (!two_tiers) {
      std::vector<calibrate::TimedBytes> messages;
      for (const auto& [id, time] : seconds) {
        const ExchangeCase& exchange = grid.cases.at(id);
        if (exchange.operation == ExchangeCase::Operation::ping_pong) {
          messages.push_back({static_cast<double>(exchange.bytes), time});
        }
      }
      law = calibrate::fit_exchange_law(messages);
      out.bandwidth_ratio = law.rate * kFrame / kRate;
    } else {
      law.uplinks = {{.ranks = {0, 1}, .rate = law.rate}};  // configured alike
    }
    for (const auto& [id, time] : seconds) {
      const ExchangeCase& exchange = grid.cases.at(id);
      const bool wanted = exchange.bytes == 64 * 1024 || exchange.bytes == 256 * 1024;
      if (exchange.operation == ExchangeCase::Operation::all2allv && wanted) {
        const double ratio = time / law.seconds(exchange.matrix);
        const bool counts = largest_message(exchange.matrix) <= kLargestMessage;
        if (counts) {
          out.lowest = std::min(out.lowest, ratio);
          out.highest = std::max(out.highest, ratio);
        }
        out.rows += fmt::format("{} {}: {:.3f} ms, {:.3f} of the law{}\n",
                                two_tiers ? "two tiers" : "one switch", id, 1e3 * time, ratio,
                                counts ? "" : " (messages above 64 KiB)");
      }
    }
  }
  return out;
}

}  // namespace moeplan::tests
