// moeplan doctor: what this machine and this build can do, and what to install for the rest.

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <thread>
#include <vector>

#include "app/subcommand.hpp"
#include "models/catalog/catalog.hpp"
#include "models/latency/profile.hpp"
#include "models/text/json.hpp"
#include "sim/report/html/page.hpp"

namespace moeplan::app {
namespace {

struct Finding {
  std::string what;
  bool there = false;
  std::string about;  // where, or what it is needed for and how to get it
};

// The first executable of that name in PATH; nothing is run.
std::string in_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  const std::string all = path == nullptr ? "" : path;
  for (std::size_t begin = 0; begin <= all.size();) {
    const std::size_t end = std::min(all.find(':', begin), all.size());
    std::string file = all.substr(begin, end - begin) + "/" + name;
    if (end > begin && ::access(file.c_str(), X_OK) == 0) {
      return file;
    }
    begin = end + 1;
  }
  return "";
}

Finding program(const std::string& name, const std::string& needed_for) {
  const std::string found = in_path(name);
  return {name, !found.empty(), found.empty() ? "not found; needed for " + needed_for : found};
}

std::vector<Finding> findings() {
  std::vector<Finding> all;
  const std::filesystem::path data = models::data_dir();
  const bool catalog = std::filesystem::is_directory(data);
  all.push_back({"catalog", catalog, data.string()});
  all.push_back({"processors", true,
                 fmt::format("{} (--threads)", std::max(1U, std::thread::hardware_concurrency()))});
  const double memory = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) *
                        static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1073741824.0;
  all.push_back({"memory", true, fmt::format("{:.1f} GiB", memory)});
  all.push_back(
      {"pictures of report", sim::can_draw(),
       sim::can_draw() ? "built in" : "not built in; install npm, then run ./moeplan report"});
  all.push_back(program("moeplan-mpi", "sweeps over ranks; built where MPI is found"));
  all.push_back(program("mpirun", "moeplan-mpi and moeplan-measure all2all (openmpi-bin)"));
  all.push_back(program("nvidia-smi", "measuring an NVIDIA GPU (its driver)"));
  all.push_back(program("nvcc", "building the CUDA kernels of moeplan-measure"));
  return all;
}

}  // namespace

void add_doctor(CLI::App& app, int& exit_code) {
  auto format = std::make_shared<std::string>("table");
  CLI::App* sub = app.add_subcommand("doctor", "What this machine and this build can do");
  sub->add_option("--format", *format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  sub->footer(
      "Examples:\n"
      "  moeplan doctor\n"
      "  moeplan doctor --format json\n");
  sub->callback([format, &exit_code] {
    const std::vector<Finding> all = findings();
    if (*format == "json") {
      text::Json list = text::Json::array();
      for (const Finding& finding : all) {
        list.push(text::Json::object()
                      .set("what", finding.what)
                      .set("available", finding.there)
                      .set("about", finding.about));
      }
      std::cout << text::Json::object()
                       .set("schema_version", 1)
                       .set("version", kVersion)
                       .set("findings", std::move(list))
                       .pretty();
    } else {
      std::cout << "moeplan " << kVersion << "\n";
      for (const Finding& finding : all) {
        std::cout << fmt::format("  {:<4} {:<20} {}\n", finding.there ? "yes" : "no", finding.what,
                                 finding.about);
      }
    }
    // A program without its catalog can answer nothing.
    exit_code = all.front().there ? kOk : kDeviceOrIo;
  });
}

}  // namespace moeplan::app
