#include "app/inspect_profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "models/catalog/catalog.hpp"
#include "models/latency/cost_laws.hpp"
#include "models/latency/fabric_law.hpp"

namespace moeplan::app {
namespace {

using models::FittedLaw;
using models::Profile;
using text::Json;

const std::vector<std::string>& family_ids() {
  static const std::vector<std::string> ids = {
      "expert",  "dense",   "attention_prefill", "attention_decode", "mla",           "router",
      "permute", "all2all", "allreduce",         "allgather",        "reducescatter", "host"};
  return ids;
}

std::string loso_text(const models::FitErrors& errors) {
  return errors.leave_one_shape_out
             ? fmt::format("{:.1f} % / {:.1f} %", 100 * errors.leave_one_shape_out->median,
                           100 * errors.leave_one_shape_out->p90)
             : fmt::format("- ({} shape{})", errors.shapes, errors.shapes == 1 ? "" : "s");
}

// "5: expert bf16", as the other tables call a law.
std::string name_of(const Profile& profile, std::size_t index) {
  const FittedLaw& law = profile.laws[index];
  const auto ranks = law.constants.find("ranks");
  return fmt::format("{}: {} {}{}", index + 1, law.info.kernel, law.info.dtype,
                     ranks == law.constants.end() ? "" : fmt::format(" x {}", ranks->second));
}

PageTable law_table(const Profile& profile) {
  PageTable table{"Laws (errors: |law / measured - 1|)",
                  {{"law", "kernel source", "routing", "form", "points", "median", "p90", "max",
                    "bias", "held out median / p90", "sd of log"}}};
  for (std::size_t i = 0; i < profile.laws.size(); ++i) {
    const FittedLaw& law = profile.laws[i];
    const models::FitErrors& e = law.errors;
    table.rows.push_back({name_of(profile, i), law.info.kernel_source, law.distribution,
                          law.info.form, fmt::format("{}", e.points),
                          percent_text(e.median_abs_error), percent_text(e.p90_abs_error),
                          percent_text(e.max_abs_error), fmt::format("{:+.1f} %", 100 * e.bias),
                          loso_text(e), fmt::format("{:.3f}", law.info.discrepancy_sd_log)});
  }
  return table;
}

// Standard deviation of ln theta, which is the relative one; nothing for parameters that were held
// fixed.
std::optional<double> spread_of(const FittedLaw& law, const std::string& parameter) {
  for (std::size_t i = 0; i < law.covariance_of.size(); ++i) {
    if (law.covariance_of[i] == parameter) {
      return std::sqrt(law.covariance[i][i]);
    }
  }
  return std::nullopt;
}

PageTable parameter_table(const Profile& profile) {
  PageTable table{"Parameters (sd: of the fit, relative; constants were not fitted)",
                  {{"law", "parameter", "value", "unit", "sd"}}};
  for (std::size_t i = 0; i < profile.laws.size(); ++i) {
    const FittedLaw& law = profile.laws[i];
    for (const auto& [name, value] : law.theta) {
      table.rows.push_back({name_of(profile, i), name, fmt::format("{:.6g}", value),
                            unit_of_parameter(name), percent_text(spread_of(law, name))});
    }
    for (const auto& [name, value] : law.constants) {
      table.rows.push_back(
          {name_of(profile, i), name, number_text(value), unit_of_parameter(name), "constant"});
    }
  }
  return table;
}

PageTable domain_table(const Profile& profile) {
  PageTable table{"Measured range (outside, results are marked extrapolated)",
                  {{"law", "argument", "low", "high"}}};
  for (std::size_t i = 0; i < profile.laws.size(); ++i) {
    for (const auto& [axis, range] : profile.laws[i].info.domain) {
      table.rows.push_back(
          {name_of(profile, i), axis, number_text(range.low), number_text(range.high)});
    }
  }
  return table;
}

PageTable file_table(const Profile& profile) {
  PageTable table{"Measurement files", {{"file", "rows", "source", "sha256"}}};
  for (const models::ProfileFile& file : profile.provenance) {
    table.rows.push_back({file.file, fmt::format("{}", file.rows), file.source, file.sha256});
  }
  return table;
}

Json law_json(const FittedLaw& law) {
  const models::FitErrors& e = law.errors;
  Json parameters = Json::array();
  for (const auto& [name, value] : law.theta) {
    parameters.push(Json::object()
                        .set("name", name)
                        .set("value", value)
                        .set("unit", unit_of_parameter(name))
                        .set("sd_log", spread_of(law, name)));
  }
  Json constants = Json::object();
  for (const auto& [name, value] : law.constants) {
    constants.set(name, value);
  }
  Json domain = Json::object();
  for (const auto& [axis, range] : law.info.domain) {
    domain.set(axis, Json::array().push(range.low).push(range.high));
  }
  const auto& held_out = e.leave_one_shape_out;
  return Json::object()
      .set("kernel", law.info.kernel)
      .set("kernel_source", law.info.kernel_source)
      .set("dtype", law.info.dtype)
      .set("distribution", law.distribution)
      .set("form", law.info.form)
      .set("parameters", std::move(parameters))
      .set("constants", std::move(constants))
      .set("domain", std::move(domain))
      .set("points", e.points)
      .set("shapes", e.shapes)
      .set("median_abs_error", e.median_abs_error)
      .set("p90_abs_error", e.p90_abs_error)
      .set("max_abs_error", e.max_abs_error)
      .set("bias", e.bias)
      .set("leave_one_shape_out",
           held_out ? Json::object().set("median", held_out->median).set("p90", held_out->p90)
                    : Json())
      .set("discrepancy_sd_log", law.info.discrepancy_sd_log)
      .set("source", law.info.source)
      .set("files", law.files);
}

std::vector<Row> csv_rows(const Profile& profile) {
  std::vector<Row> rows = {{"kernel", "kernel_source", "dtype", "distribution", "form", "ranks",
                            "points", "shapes", "median_abs_error", "p90_abs_error",
                            "max_abs_error", "bias", "loso_median", "loso_p90",
                            "discrepancy_sd_log"}};
  for (const FittedLaw& law : profile.laws) {
    const models::FitErrors& e = law.errors;
    const auto& held_out = e.leave_one_shape_out;
    const auto ranks = law.constants.find("ranks");
    rows.push_back(
        {law.info.kernel, law.info.kernel_source, law.info.dtype, law.distribution, law.info.form,
         ranks == law.constants.end() ? "" : number_text(ranks->second),
         fmt::format("{}", e.points), fmt::format("{}", e.shapes), number_text(e.median_abs_error),
         number_text(e.p90_abs_error), number_text(e.max_abs_error), number_text(e.bias),
         held_out ? number_text(held_out->median) : "", held_out ? number_text(held_out->p90) : "",
         number_text(law.info.discrepancy_sd_log)});
  }
  return rows;
}

// The families that the profile lacks, and what is used for them.
void add_missing(const Profile& profile, Page& page) {
  Json missing = Json::array();
  const std::vector<std::string> gpus = models::catalog_ids("gpus");
  if (std::find(gpus.begin(), gpus.end(), profile.hardware) == gpus.end()) {
    page.notes.push_back(
        fmt::format("'{}' is not in the catalog: what would stand in for missing families is not "
                    "known.",
                    profile.hardware));
    page.json.set("missing_families", Json());
    return;
  }
  PageTable table{"Families without measurements", {{"family", "used instead"}}};
  for (const FamilyUse& use : families(models::load_gpu(profile.hardware), &profile)) {
    if (use.measured.empty()) {
      table.rows.push_back({use.kernel, use.otherwise});
      missing.push(Json::object().set("kernel", use.kernel).set("used_instead", use.otherwise));
    }
  }
  page.json.set("missing_families", std::move(missing));
  if (table.rows.size() > 1) {
    page.tables.push_back(std::move(table));
  }
}

}  // namespace

std::string unit_of_parameter(const std::string& name) {
  if (name.ends_with("_elements_per_s")) {
    return "elements/s";
  }
  if (name.ends_with("_Bps")) {
    return "B/s";
  }
  if (name.ends_with("_flops")) {
    return "FLOP/s";
  }
  return name.ends_with("_s") ? "s" : "";
}

std::string percent_text(const std::optional<double>& fraction) {
  return fraction ? fmt::format("{:.1f} %", 100 * *fraction) : "-";
}

std::vector<FamilyUse> families(const models::Gpu& gpu, const models::Profile* profile) {
  const models::Fabric fabric = models::load_fabric(gpu.fabric);
  const models::CostLaws laws = models::make_cost_laws(gpu, fabric, nullptr, profile, {});
  const models::FabricLaw links(fabric, std::max(1, gpu.gpus_per_node), nullptr);
  std::vector<FamilyUse> uses;
  for (const std::string& kernel : family_ids()) {
    FamilyUse use{.kernel = kernel, .measured = {}, .otherwise = {}};
    if (profile != nullptr) {
      for (const FittedLaw& law : profile->laws) {
        if (law.info.kernel == kernel) {
          use.measured.push_back(&law);
        }
      }
    }
    if (use.measured.empty()) {
      use.otherwise = "no law of its own: priced by the dense and permute laws";
      for (const models::LawInfo& info : laws.all()) {
        use.otherwise = info.kernel == kernel ? info.source : use.otherwise;
      }
      if (kernel.starts_with("all") || kernel == "reducescatter") {
        use.otherwise = links.info().source;
      }
    }
    uses.push_back(std::move(use));
  }
  return uses;
}

Page inspect_profile(const std::string& id_or_path) {
  const Profile profile = models::load_profile(models::profile_path(id_or_path));
  std::int64_t rows = 0;
  Json files = Json::array();
  for (const models::ProfileFile& file : profile.provenance) {
    rows += file.rows;
    files.push(Json::object()
                   .set("file", file.file)
                   .set("sha256", file.sha256)
                   .set("source", file.source)
                   .set("rows", file.rows));
  }
  Page page;
  page.title = fmt::format("{}: {} laws of {}, fitted to {} rows of {} files", profile.id,
                           profile.laws.size(), profile.hardware, rows, profile.provenance.size());
  page.tables = {law_table(profile), parameter_table(profile), domain_table(profile),
                 file_table(profile)};
  Json laws = Json::array();
  for (const FittedLaw& law : profile.laws) {
    laws.push(law_json(law));
  }
  page.json.set("schema_version", 1)
      .set("profile", profile.id)
      .set("hardware", profile.hardware)
      .set("laws", std::move(laws))
      .set("files", std::move(files));
  page.csv = csv_rows(profile);
  add_missing(profile, page);
  return page;
}

}  // namespace moeplan::app
