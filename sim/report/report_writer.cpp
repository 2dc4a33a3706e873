#include "sim/report/report_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "sim/report/routing_report.hpp"

namespace moeplan::sim {
namespace {

// One line per kernel: how many laws, how well they fit, where from.
void add_laws(const HardwareOption& option, ReportWriter& out) {
  struct Kernel {
    int laws = 0;
    double low = 1.0;
    double high = 0.0;
    double p90 = 0.0;
    double discrepancy = 0.0;
    bool datasheet = false;
    std::vector<std::string> sources;
  };
  std::vector<std::string> order;
  std::map<std::string, Kernel> kernels;
  for (const models::LawInfo& law : option.laws.all()) {
    const std::string name = law.kernel + (law.datasheet ? ", DATA SHEET" : "");
    if (kernels.count(name) == 0) {
      order.push_back(name);
    }
    Kernel& kernel = kernels[name];
    ++kernel.laws;
    kernel.low = std::min(kernel.low, law.median_abs_error);
    kernel.high = std::max(kernel.high, law.median_abs_error);
    kernel.p90 = std::max(kernel.p90, law.p90_abs_error);
    kernel.discrepancy = std::max(kernel.discrepancy, law.discrepancy_sd_log);
    kernel.datasheet = law.datasheet;
    if (std::find(kernel.sources.begin(), kernel.sources.end(), law.source) ==
        kernel.sources.end()) {
      kernel.sources.push_back(law.source);
    }
  }
  for (const std::string& name : order) {
    const Kernel& kernel = kernels[name];
    std::string error;
    if (!kernel.datasheet && kernel.p90 == 0.0) {
      error = fmt::format("no residuals of its own, sd {:.2f} of the log; ", kernel.discrepancy);
    } else if (!kernel.datasheet) {
      error =
          kernel.laws == 1
              ? fmt::format("fit error {:.1f} % median, {:.1f} % p90; ", 100 * kernel.high,
                            100 * kernel.p90)
              : fmt::format("{} laws, fit error {:.1f} to {:.1f} % median, at most {:.1f} % p90; ",
                            kernel.laws, 100 * kernel.low, 100 * kernel.high, 100 * kernel.p90);
    }
    out.item(fmt::format("{} {}: {}{}", option.gpu.id, name, error, joined(kernel.sources)));
  }
}

}  // namespace

void ReportWriter::title(const std::string& text) {
  out_ += markdown_ ? "# " + text + "\n" : text + "\n";
}

void ReportWriter::heading(const std::string& title) {
  out_ += out_.empty() ? "" : "\n";
  out_ += markdown_ ? "## " + title + "\n\n" : title + "\n";
}

void ReportWriter::item(const std::string& text) {
  out_ += (markdown_ ? "- " : "  * ") + text + "\n";
}

void ReportWriter::table(const TextTable& table) {
  const std::string text = markdown_ ? table.markdown() : table.aligned();
  if (markdown_) {
    out_ += text;
    return;
  }
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin);
    out_ += "  " + text.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
}

void add_provenance(const Scenario& scenario, const ReportContext& context, ReportWriter& out) {
  out.heading("What this rests on");
  out.item(fmt::format("moeplan {}, scenario {} (sha256 {}), seed {}", context.version,
                       std::filesystem::path(scenario.file).filename().string(),
                       scenario.sha256.substr(0, 12), scenario.seed));
  out.item("traffic: " + (scenario.workload.source.empty() ? std::string("as the scenario says")
                                                           : scenario.workload.source));
  if (const std::string routing = routing_text(scenario); !routing.empty()) {
    out.item(routing);
  }
  if (scenario.network.flows) {
    out.item("network: " + scenario.network.text());
  }
  for (const HardwareOption& option : scenario.hardware) {
    add_laws(option, out);
  }
}

}  // namespace moeplan::sim
