// moeplan scorecard: a machine on one page, the same layers and batches for every machine.

#include "calibrate/scorecard/scorecard.hpp"

#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "app/find_profile.hpp"
#include "app/scorecard_page.hpp"
#include "app/subcommand.hpp"
#include "models/catalog/catalog.hpp"
#include "models/text/load.hpp"

namespace moeplan::app {
namespace {

struct Options {
  CommonOptions common;
  std::vector<std::string> profiles;
  std::vector<double> usd_per_gpu_hour;  // empty, or one for each profile
  std::string book = "2026-11";
  std::string tier = "on_demand";
};

// The lowest rent of a GPU in the tier, whichever instance it comes in.
void set_price(const models::PriceBook& book, const std::string& tier, ScoredMachine& machine) {
  const models::Price* best = nullptr;
  for (const models::Price* price : book.matching(machine.hardware, tier)) {
    if (best == nullptr || price->rent_per_gpu() < best->rent_per_gpu()) {
      best = price;
    }
  }
  if (best == nullptr) {
    machine.price = fmt::format(
        "no {} offer of {} in price book {}, so no cost (--usd-per-gpu-hour states a rent)", tier,
        machine.hardware, book.id());
    return;
  }
  machine.rent_per_gpu = best->rent_per_gpu();
  machine.price = fmt::format("{:.3f} USD per GPU and hour: {}, seen {}{}",
                              in_usd_per_hour(*machine.rent_per_gpu), best->id, best->as_of.text(),
                              best->note.empty() ? "" : "; " + best->note);
}

ScoredMachine scored(const Options& options, std::size_t index,
                     const calibrate::ScorecardWorkload& workload) {
  const FoundProfile found = find_profile(options.profiles[index]);
  const models::Fabric inside = models::load_fabric(found.gpu.fabric);
  ScoredMachine machine;
  machine.name = found.profile ? found.profile->id : found.gpu.id;
  machine.hardware = found.gpu.id;
  machine.measured = found.profile.has_value();
  if (options.usd_per_gpu_hour.empty()) {
    set_price(models::load_price_book(options.book), options.tier, machine);
  } else {
    machine.rent_per_gpu = usd_per_hour(options.usd_per_gpu_hour[index]);
    machine.price =
        fmt::format("{:.3f} USD per GPU and hour, as stated", options.usd_per_gpu_hour[index]);
  }
  machine.card = calibrate::make_scorecard(
      workload,
      {.gpu = &found.gpu, .inside = &inside, .profile = found.profile ? &*found.profile : nullptr});
  return machine;
}

int run(const Options& options) {
  const calibrate::ScorecardWorkload workload = calibrate::load_scorecard_workload();
  std::vector<ScoredMachine> machines;
  for (std::size_t i = 0; i < options.profiles.size(); ++i) {
    machines.push_back(scored(options, i, workload));
  }
  const std::string output = render(scorecard_page(workload, machines), options.common.format);
  if (!options.common.output.empty()) {
    text::write_file(options.common.output, output);
  }
  std::cout << output << std::flush;
  return kOk;
}

}  // namespace

void add_scorecard(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "scorecard", "A machine on one page: fixed expert layers and batches, tokens/s and money");
  const auto options = std::make_shared<Options>();
  add_common_options(*command, options->common, page_formats());
  command
      ->add_option(
          "--profile", options->profiles,
          "Profiles: files, shipped ids, or GPUs of the catalog (data-sheet laws); several "
          "are compared with the first")
      ->required()
      ->expected(1, -1);
  command
      ->add_option("--usd-per-gpu-hour", options->usd_per_gpu_hour,
                   "Rent, one for each profile, instead of the price book's")
      ->check(CLI::PositiveNumber)
      ->expected(1, -1);
  command->add_option("--price-book", options->book, "Price book: an id or a file")
      ->capture_default_str();
  command->add_option("--price-tier", options->tier, "Its tier; the cheapest offer per GPU counts")
      ->check(CLI::IsMember(models::price_tiers()))
      ->capture_default_str();
  command->footer(
      "The workload (layers, tokens per rank, groups, with reasons) is\n"
      "models/data/scorecard/smoe-layers-1.yaml and never changes; nothing is simulated.\n"
      "\n"
      "Examples:\n"
      "  moeplan scorecard --profile h100-sxm\n"
      "  moeplan scorecard --profile a100-sxm h100-sxm --usd-per-gpu-hour 1.5 2.5\n");
  command->callback([options, &exit_code] {
    if (!options->usd_per_gpu_hour.empty() &&
        options->usd_per_gpu_hour.size() != options->profiles.size()) {
      throw CLI::ValidationError("--usd-per-gpu-hour", fmt::format("{} rents for {} profiles",
                                                                   options->usd_per_gpu_hour.size(),
                                                                   options->profiles.size()));
    }
    exit_code = run(*options);
  });
}

}  // namespace moeplan::app
