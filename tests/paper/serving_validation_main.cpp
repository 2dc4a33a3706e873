// bin/serving_validation: predictions of the open serving measurements, with the host time fitted
// on one half of the rows and errors taken from the other. --format table (default) or json.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "models/text/input_error.hpp"
#include "models/text/json.hpp"
#include "tests/paper/serving_validation.hpp"
#include "tests/support/locations.hpp"

namespace moeplan::tests {
namespace {

using Rows = std::vector<const Prediction*>;

// A line of the report: what, and which rows.
struct Line {
  std::string name;
  Rows rows;
};

std::string what(const Prediction& p) {
  return fmt::format("{} {}", p.row.group(), name_of(p.laws));
}

std::string engine(const Prediction& p) {
  return fmt::format("{} {} {} {}", p.row.model.substr(p.row.model.find('/') + 1), p.row.system,
                     p.row.backend, name_of(p.laws));
}

const char* regime(const Prediction& p) {
  return p.row.concurrency <= 4 ? "<= 4" : p.row.concurrency <= 32 ? "5-32" : "> 32";
}

// All held-out rows by group, then by engine and regime, then by laws.
std::vector<Line> lines_of(const std::vector<Prediction>& predictions) {
  const auto held = [&](auto name) {
    std::map<std::string, Rows> by_name;
    for (const Prediction& p : predictions) {
      if (p.held_out) {
        by_name[name(p)].push_back(&p);
      }
    }
    std::vector<Line> lines;
    for (auto& [key, rows] : by_name) {
      lines.push_back({key, std::move(rows)});
    }
    return lines;
  };
  std::vector<Line> lines = held(what);
  for (auto& more :
       {held([](const Prediction& p) { return fmt::format("{}, {} users", engine(p), regime(p)); }),
        held(engine),
        held([](const Prediction& p) { return fmt::format("all, laws {}", name_of(p.laws)); })}) {
    lines.insert(lines.end(), more.begin(), more.end());
  }
  return lines;
}

std::string errors_text(const Line& line) {
  const ServingErrors e = errors_of(line.rows);
  const auto text = [](const calibrate::ErrorSummary& s) {
    return fmt::format("{:5.1f} {:5.1f} {:+6.1f}", 100 * s.median_abs, 100 * s.p90_abs,
                       100 * s.bias);
  };
  return fmt::format("{:64} {:4}  {}  {}", line.name, line.rows.size(), text(e.tpot), text(e.ttft));
}

std::string phases_text(const Terms& terms, const HostTime& host) {
  std::string text = fmt::format(
      "host {:.2f}", 1e3 * (host.step_s * terms[kSteps] + host.sequence_s * terms[kSequences]));
  for (std::size_t i = 0; i < sim::kPhaseCount; ++i) {
    if (terms[i] > 0.0) {
      text += fmt::format(", {} {:.2f}", name_of(static_cast<sim::Phase>(i)), 1e3 * terms[i]);
    }
  }
  return text;
}

// The rows whose prediction is furthest off, with the time by phase.
void print_worst(const std::vector<Prediction>& predictions, bool tpot) {
  const auto ratio = [&](const Prediction& p) {
    return tpot ? p.tpot_s() / p.row.tpot_s : p.ttft_s() / p.row.ttft_s;
  };
  Rows rows = select(predictions, [](const Prediction& p) { return p.laws == Laws::measured; });
  std::sort(rows.begin(), rows.end(), [&](const Prediction* a, const Prediction* b) {
    return std::fabs(std::log(ratio(*a))) > std::fabs(std::log(ratio(*b)));
  });
  fmt::print("\nfurthest off in {}, measured laws (ms by phase)\n", tpot ? "TPOT" : "TTFT");
  for (std::size_t i = 0; i < std::min<std::size_t>(rows.size(), 6); ++i) {
    const Prediction& p = *rows[i];
    fmt::print("  {} {}+{} tokens, {} users: {:.2f} for {:.2f} ms: {}\n", p.row.group(),
               p.row.input_tokens, p.row.output_tokens, p.row.concurrency,
               1e3 * (tpot ? p.tpot_s() : p.ttft_s()), 1e3 * (tpot ? p.row.tpot_s : p.row.ttft_s),
               phases_text(tpot ? p.tpot : p.ttft, p.host));
  }
}

void print_table(const Validation& v) {
  fmt::print("host: {:.3f} ms a step + {:.1f} us a sequence, sd of its log {:.2f}\n",
             1e3 * v.host.step_s, 1e6 * v.host.sequence_s, v.host_sd_log);
  if (v.host_ahead) {
    fmt::print("host of engines that schedule ahead: {:.3f} ms a step + {:.1f} us a sequence\n",
               1e3 * v.host_ahead->step_s, 1e6 * v.host_ahead->sequence_s);
  }
  for (const auto& [kind, layer] : v.prompt_layer_s) {
    fmt::print("a step with prompts and without a graph, {}: {:.3f} ms a layer\n", kind,
               1e3 * layer);
  }
  for (const auto& [model, skew] : v.skews) {
    fmt::print("routing of {}: power law {} (mean |ln error| by exponent:", model, skew.alpha);
    for (const auto& [alpha, error] : skew.errors) {
      fmt::print(" {} {:.3f}", alpha, error);
    }
    fmt::print("{})\n", skew.errors.empty() ? " not fitted" : "");
  }
  fmt::print("skipped:");
  for (const auto& [reason, rows] : v.skipped) {
    fmt::print(" {} rows: {};", rows, reason);
  }
  fmt::print("\nrows held out; errors in %: |TPOT| median, p90, bias; |TTFT| median, p90, bias\n");
  for (const Line& line : lines_of(v.predictions)) {
    fmt::print("{}\n", errors_text(line));
  }
  fmt::print("MoE rows with uniform routing\n");
  for (const Line& line : lines_of(v.uniform)) {
    fmt::print("{}\n", errors_text(line));
  }
  print_worst(v.predictions, true);
  print_worst(v.predictions, false);
}

text::Json json_of(const calibrate::ErrorSummary& s) {
  return text::Json::object()
      .set("median_abs", s.median_abs)
      .set("p90_abs", s.p90_abs)
      .set("bias", s.bias);
}

void print_json(const Validation& v) {
  text::Json skipped = text::Json::object();
  for (const auto& [reason, rows] : v.skipped) {
    skipped.set(reason, rows);
  }
  text::Json skews = text::Json::object();
  for (const auto& [model, skew] : v.skews) {
    skews.set(model, skew.alpha);
  }
  text::Json prompts = text::Json::object();
  for (const auto& [kind, layer] : v.prompt_layer_s) {
    prompts.set(kind, layer);
  }
  const auto errors = [&](const std::vector<Prediction>& predictions) {
    text::Json list = text::Json::array();
    for (const Line& line : lines_of(predictions)) {
      const ServingErrors e = errors_of(line.rows);
      list.push(text::Json::object()
                    .set("rows_of", line.name)
                    .set("rows", line.rows.size())
                    .set("tpot", json_of(e.tpot))
                    .set("ttft", json_of(e.ttft)));
    }
    return list;
  };
  fmt::print("{}", text::Json::object()
                       .set("host_step_s", v.host.step_s)
                       .set("host_sequence_s", v.host.sequence_s)
                       .set("host_sd_log", v.host_sd_log)
                       .set("host_ahead_step_s", v.host_ahead ? v.host_ahead->step_s : 0.0)
                       .set("host_ahead_sequence_s", v.host_ahead ? v.host_ahead->sequence_s : 0.0)
                       .set("prompt_layer_s", prompts)
                       .set("routing_alpha", skews)
                       .set("skipped_rows", skipped)
                       .set("held_out", errors(v.predictions))
                       .set("held_out_uniform_routing", errors(v.uniform))
                       .pretty());
}

int run(const std::string& format) {
  const auto shared = shared_dir();
  if (!shared) {
    fmt::print(stderr, "{}\n", kNoShared);
    return 6;
  }
  const Validation v = validate(*shared / "data/open/e2e");
  format == "json" ? print_json(v) : print_table(v);
  return 0;
}

}  // namespace
}  // namespace moeplan::tests

int main(int argc, char** argv) {
  const std::string format = argc > 2 && std::string(argv[1]) == "--format" ? argv[2] : "table";
  if (argc != 1 && (argc != 3 || (format != "table" && format != "json"))) {
    fmt::print(stderr, "usage: serving_validation [--format table|json]\n");
    return 2;
  }
  try {
    return moeplan::tests::run(format);
  } catch (const moeplan::InputError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 3;
  }
}
