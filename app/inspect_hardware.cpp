#include "app/inspect_hardware.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "app/inspect_profile.hpp"
#include "models/catalog/catalog.hpp"
#include "models/text/input_error.hpp"
#include "models/units/parse.hpp"

namespace moeplan::app {
namespace {

using text::Json;

// One field: its JSON key carries the unit, its text for people too.
struct Fact {
  std::string key;
  std::string shown;
  Json value;
  std::string source;
};

bool has(const std::vector<std::string>& ids, const std::string& id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

std::string source_of(const std::map<std::string, std::string>& sources, const std::string& key) {
  const auto found = sources.find(key);
  return found == sources.end() ? "" : found->second;
}

// The page that all three kinds share: a table of facts, and the same facts as JSON and CSV.
Page fact_page(const std::string& kind, const std::string& id, const std::string& name,
               const std::vector<Fact>& facts) {
  Page page;
  page.title = fmt::format("{}: {} ({})", id, name, kind);
  PageTable table{"", {{"field", "value", "source"}}};
  page.csv = {{"field", "value", "source"}};
  Json sources = Json::object();
  page.json.set("schema_version", 1).set("kind", kind).set("id", id).set("name", name);
  for (const Fact& fact : facts) {
    table.rows.push_back({fact.key, fact.shown, fact.source});
    std::string value = fact.value.line();
    if (value.starts_with('"')) {
      value = value.substr(1, value.size() - 2);  // ids: nothing in them is escaped
    }
    page.csv.push_back({fact.key, value == "null" ? "" : value, fact.source});
    page.json.set(fact.key, fact.value);
    sources.set(fact.key, fact.source);
  }
  page.json.set("sources", std::move(sources));
  page.tables.push_back(std::move(table));
  return page;
}

Fact fact(std::string key, std::string shown, Json value, std::string source) {
  return {std::move(key), std::move(shown), std::move(value), std::move(source)};
}

void add_peaks(const models::Gpu& gpu, Page& page) {
  PageTable table{"Dense peak rates and machine balance (peak / memory bandwidth)",
                  {{"weights", "computes in", "dense peak", "balance", "source"}}};
  Json peaks = Json::array();
  for (const std::string& name : gpu.supported()) {
    const models::Precision weights = *models::precision_from(name);
    const std::string arithmetic(models::name_of(gpu.arithmetic(weights)));
    const FlopsPerSecond peak = gpu.peak_for(weights);
    const double balance = peak.value() / gpu.bandwidth.value();
    std::string source = source_of(gpu.sources, "peak/" + arithmetic);
    if (arithmetic != name) {
      source = source_of(gpu.sources, "computes_in/" + name) + "; rate: " + source;
    }
    table.rows.push_back(
        {name, arithmetic, to_text(peak), fmt::format("{:.0f} FLOP/B", balance), source});
    page.csv.push_back({"dense_peak_flop_per_s/" + name, number_text(peak.value()), source});
    page.csv.push_back(
        {"machine_balance_flop_per_byte/" + name, number_text(balance), "peak / bandwidth"});
    peaks.push(Json::object()
                   .set("precision", name)
                   .set("computes_in", arithmetic)
                   .set("dense_peak_flop_per_s", peak.value())
                   .set("machine_balance_flop_per_byte", balance)
                   .set("source", source));
  }
  page.json.set("peaks", std::move(peaks));
  page.tables.push_back(std::move(table));
}

void add_links(const models::Gpu& gpu, Page& page) {
  PageTable table{"Fabrics and nodes",
                  {{"what", "id", "per GPU, one direction", "latency", "network cards"}}};
  Json fabrics = Json::array();
  for (const auto& [what, id] :
       {std::pair{"inside a node", gpu.fabric}, std::pair{"between nodes", gpu.uplink}}) {
    const models::Fabric fabric = models::load_fabric(id);
    table.rows.push_back({what, id, to_text(fabric.bandwidth), to_text(fabric.latency), ""});
    fabrics.push(Json::object()
                     .set("role", what)
                     .set("id", id)
                     .set("bandwidth_bytes_per_s", fabric.bandwidth.value())
                     .set("latency_s", in_seconds(fabric.latency)));
  }
  Json nodes = Json::array();
  for (const std::string& id : models::catalog_ids("nodes")) {
    const models::Node node = models::load_node(id);
    if (node.gpu != gpu.id) {
      continue;
    }
    const BytesPerSecond share = node.network / static_cast<double>(node.gpus);
    table.rows.push_back({fmt::format("node of {}", node.gpus), id,
                          to_text(share) + " to other nodes", "", fmt::format("{}", node.nics)});
    nodes.push(Json::object()
                   .set("id", id)
                   .set("gpus", node.gpus)
                   .set("nics", node.nics)
                   .set("network_bytes_per_s", node.network.value())
                   .set("network_bytes_per_s_per_gpu", share.value()));
  }
  page.json.set("fabrics", std::move(fabrics)).set("nodes", std::move(nodes));
  page.tables.push_back(std::move(table));
}

// Which families the committed profile covers.
void add_profile(const models::Gpu& gpu, Page& page) {
  std::optional<models::Profile> profile;
  if (has(models::catalog_ids("profiles"), gpu.id)) {
    profile = models::load_profile(models::profile_path(gpu.id));
  }
  PageTable table{
      profile ? "Committed profile: " + profile->id : "No committed profile: data-sheet laws",
      {{"family", "measured", "laws", "held out / in sample (median)", "else"}}};
  Json list = Json::array();
  for (const FamilyUse& use : families(gpu, profile ? &*profile : nullptr)) {
    std::set<std::string> dtypes;
    double low = 1.0;
    double high = 0.0;
    for (const models::FittedLaw* law : use.measured) {
      dtypes.insert(law->info.dtype);
      const auto& held_out = law->errors.leave_one_shape_out;
      const double error = held_out ? held_out->median : law->errors.median_abs_error;
      low = std::min(low, error);
      high = std::max(high, error);
    }
    const std::vector<std::string> names(dtypes.begin(), dtypes.end());
    table.rows.push_back(
        {use.kernel, use.measured.empty() ? "no" : joined(names),
         fmt::format("{}", use.measured.size()),
         use.measured.empty() ? "-" : fmt::format("{:.1f} to {:.1f} %", 100 * low, 100 * high),
         use.otherwise});
    list.push(Json::object()
                  .set("kernel", use.kernel)
                  .set("measured", !use.measured.empty())
                  .set("dtypes", names)
                  .set("laws", use.measured.size())
                  .set("used_instead", use.measured.empty() ? Json(use.otherwise) : Json()));
  }
  page.json.set("profile", profile ? Json(profile->id) : Json()).set("families", std::move(list));
  page.tables.push_back(std::move(table));
}

Page gpu_page(const std::string& id) {
  const models::Gpu gpu = models::load_gpu(id);
  const auto source = [&](const char* key) { return source_of(gpu.sources, key); };
  Page page = fact_page(
      gpu.is_cpu() ? "CPU" : "GPU", id, gpu.name,
      {fact("memory_bytes", to_text(gpu.memory), in_bytes(gpu.memory), source("memory")),
       fact("bandwidth_bytes_per_s", to_text(gpu.bandwidth), gpu.bandwidth.value(),
            source("bandwidth")),
       fact("multiprocessors", fmt::format("{}", gpu.multiprocessors), gpu.multiprocessors,
            source("multiprocessors")),
       fact("l2_cache_bytes", to_text(gpu.l2_cache), in_bytes(gpu.l2_cache), source("l2_cache")),
       fact("power_w", fmt::format("{:.0f} W", gpu.power.value()), gpu.power.value(),
            source("power")),
       fact("fabric", gpu.fabric, gpu.fabric, source("fabric")),
       fact("uplink", gpu.uplink, gpu.uplink, source("uplink")),
       fact("gpus_per_node", fmt::format("{}", gpu.gpus_per_node), gpu.gpus_per_node,
            source("gpus_per_node"))});
  add_peaks(gpu, page);
  add_links(gpu, page);
  add_profile(gpu, page);
  return page;
}

Page node_page(const std::string& id) {
  const models::Node node = models::load_node(id);
  const auto source = [&](const char* key) { return source_of(node.sources, key); };
  const BytesPerSecond share = node.network / static_cast<double>(node.gpus);
  const double cards = static_cast<double>(node.nics) / static_cast<double>(node.gpus);
  return fact_page(
      "node", id, node.name,
      {fact("gpu", node.gpu, node.gpu, source("gpu")),
       fact("gpus", fmt::format("{}", node.gpus), node.gpus, source("gpus")),
       fact("fabric", node.fabric, node.fabric, source("fabric")),
       fact("uplink", node.uplink, node.uplink, source("uplink")),
       fact("nics", fmt::format("{}", node.nics), node.nics, source("nics")),
       fact("network_bytes_per_s", to_text(node.network) + " (all cards, one direction)",
            node.network.value(), source("network")),
       fact("network_bytes_per_s_per_gpu", to_text(share), share.value(), "network / gpus"),
       fact("nics_per_gpu", fmt::format("{:.3g}", cards), cards, "nics / gpus")});
}

Page fabric_page(const std::string& id) {
  const models::Fabric fabric = models::load_fabric(id);
  const auto source = [&](const char* key) { return source_of(fabric.sources, key); };
  const std::string kind(models::name_of(fabric.kind));
  Page page = fact_page(
      "fabric", id, fabric.name,
      {fact("fabric_kind", kind + (fabric.inside_node() ? ", inside a node" : ", between nodes"),
            kind, "the file's kind"),
       fact("bandwidth_bytes_per_s", to_text(fabric.bandwidth) + " (per GPU, one direction)",
            fabric.bandwidth.value(), source("bandwidth")),
       fact("latency_s", to_text(fabric.latency), in_seconds(fabric.latency), source("latency")),
       fact("max_gpus",
            fabric.max_gpus == 0 ? "no limit stated" : fmt::format("{}", fabric.max_gpus),
            fabric.max_gpus == 0 ? Json() : Json(fabric.max_gpus), source("max_gpus"))});
  PageTable table{"Used by", {{"kind", "id"}}};
  Json users = Json::array();
  const auto add = [&](const char* what, const std::string& user) {
    table.rows.push_back({what, user});
    users.push(user);
  };
  for (const std::string& gpu : models::catalog_ids("gpus")) {
    const models::Gpu found = models::load_gpu(gpu);
    if (found.fabric == id || found.uplink == id) {
      add("GPU", gpu);
    }
  }
  for (const std::string& node : models::catalog_ids("nodes")) {
    const models::Node found = models::load_node(node);
    if (found.fabric == id || found.uplink == id) {
      add("node", node);
    }
  }
  page.json.set("used_by", std::move(users));
  page.tables.push_back(std::move(table));
  return page;
}

}  // namespace

Page inspect_hardware(const std::string& id) {
  const std::vector<std::string> gpus = models::catalog_ids("gpus");
  const std::vector<std::string> nodes = models::catalog_ids("nodes");
  const std::vector<std::string> fabrics = models::catalog_ids("fabrics");
  if (has(gpus, id)) {
    return gpu_page(id);
  }
  if (has(nodes, id)) {
    return node_page(id);
  }
  if (has(fabrics, id)) {
    return fabric_page(id);
  }
  std::vector<std::string> all = gpus;
  all.insert(all.end(), nodes.begin(), nodes.end());
  all.insert(all.end(), fabrics.begin(), fabrics.end());
  throw InputError({.code = "E_VALUE",
                    .what = "unknown hardware",
                    .got = id,
                    .expected = fmt::format("a GPU ({}), a node ({}) or a fabric ({})",
                                            joined(gpus), joined(nodes), joined(fabrics)),
                    .fix = did_you_mean(id, all)});
}

}  // namespace moeplan::app
