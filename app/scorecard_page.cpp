#include "app/scorecard_page.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/text/input_error.hpp"

namespace moeplan::app {
namespace {

using calibrate::ScorecardPoint;
using calibrate::ScorecardWorkload;
using text::Json;

// Three digits: "812", "12.3k", "4.56M".
std::string rate_text(double value) {
  const double scale = value >= 1e6 ? 1e6 : value >= 1e3 ? 1e3 : 1.0;
  return fmt::format("{:.3g}{}", value / scale, value >= 1e6 ? "M" : value >= 1e3 ? "k" : "");
}

// Laws that carry less of a layer's time than this need no mark: a router is a small product.
constexpr double kMarkedShare = 0.1;

// The share of the layer's time that rests on the families listed.
double share_of(const std::vector<std::string>& families, const ScorecardPoint& point) {
  const auto has = [&](const char* family) {
    return std::find(families.begin(), families.end(), family) != families.end();
  };
  const Seconds time = (has("router") ? point.router : Seconds(0.0)) +
                       (has("expert") || has("dense") ? point.experts : Seconds(0.0)) +
                       (has("all2all") ? point.exchange : Seconds(0.0));
  return time / point.layer();
}

std::string mark(const ScorecardPoint& point) {
  return share_of(point.datasheet, point) > kMarkedShare      ? " d"
         : share_of(point.extrapolated, point) > kMarkedShare ? " e"
                                                              : "";
}

// A table with the batch sizes across; cell(point) fills it.
template <class Cell>
PageTable by_batch(const std::string& title, const ScorecardWorkload& workload,
                   const calibrate::Scorecard& card, Cell cell) {
  PageTable table{title, {{"layer", "experts in", "EP"}}};
  for (const std::int64_t tokens : workload.tokens_per_rank) {
    table.rows.front().push_back(fmt::format("{}", tokens));
  }
  // Points come group by group, each with every batch.
  for (std::size_t i = 0; i < card.points.size(); ++i) {
    const ScorecardPoint& point = card.points[i];
    if (i % workload.tokens_per_rank.size() == 0) {
      table.rows.push_back({point.architecture, std::string(models::name_of(point.precision)),
                            fmt::format("{}", point.expert_parallel)});
    }
    table.rows.back().push_back(cell(point));
  }
  return table;
}

void show_one(const ScorecardWorkload& workload, const ScoredMachine& machine, Page& page) {
  page.tables.push_back(by_batch(
      "Tokens/s per GPU through one layer, by tokens per rank", workload, machine.card,
      [](const ScorecardPoint& p) { return rate_text(p.tokens_per_s_per_gpu()) + mark(p); }));
  if (machine.rent_per_gpu) {
    page.tables.push_back(by_batch("USD per million tokens through one layer, by tokens per rank",
                                   workload, machine.card, [&](const ScorecardPoint& p) {
                                     return fmt::format(
                                         "{:.3g}", p.usd_per_million_tokens(*machine.rent_per_gpu));
                                   }));
  }
}

bool same_place(const ScorecardPoint& a, const ScorecardPoint& b) {
  return a.architecture == b.architecture && a.expert_parallel == b.expert_parallel &&
         a.tokens_per_rank == b.tokens_per_rank;
}

// For every machine its points at the places that all machines have, in the same order.
std::vector<std::vector<ScorecardPoint>> common_points(const std::vector<ScoredMachine>& machines) {
  std::vector<std::vector<ScorecardPoint>> common(machines.size());
  for (const ScorecardPoint& place : machines.front().card.points) {
    std::vector<const ScorecardPoint*> found;
    for (const ScoredMachine& machine : machines) {
      const auto& points = machine.card.points;
      const auto at = std::find_if(points.begin(), points.end(), [&](const ScorecardPoint& point) {
        return same_place(point, place);
      });
      if (at != points.end()) {
        found.push_back(&*at);
      }
    }
    for (std::size_t m = 0; found.size() == machines.size() && m < found.size(); ++m) {
      common[m].push_back(*found[m]);
    }
  }
  return common;
}

struct Means {
  std::string what;                  // "mixtral-8x7b, EP 4"
  std::vector<double> tokens_per_s;  // [machines]
};

// Of the points that `keep`; nothing when there are none.
template <class Keep>
void add_means(const std::vector<std::vector<ScorecardPoint>>& common, const std::string& what,
               Keep keep, std::vector<Means>& all) {
  Means means{what, {}};
  for (const std::vector<ScorecardPoint>& points : common) {
    std::vector<ScorecardPoint> kept;
    std::copy_if(points.begin(), points.end(), std::back_inserter(kept), keep);
    if (kept.empty()) {
      return;
    }
    means.tokens_per_s.push_back(calibrate::geometric_mean_tokens_per_s(kept));
  }
  all.push_back(std::move(means));
}

std::vector<Means> summary(const ScorecardWorkload& workload,
                           const std::vector<ScoredMachine>& machines) {
  const auto common = common_points(machines);
  std::vector<Means> all;
  for (const calibrate::ScorecardLayer& layer : workload.layers) {
    for (const std::int64_t ranks : workload.expert_parallel) {
      add_means(
          common, fmt::format("{}, EP {}", layer.architecture, ranks),
          [&](const ScorecardPoint& p) {
            return p.architecture == layer.architecture && p.expert_parallel == ranks;
          },
          all);
    }
  }
  for (const std::int64_t tokens : workload.tokens_per_rank) {
    add_means(
        common, fmt::format("all layers, {} tokens per rank", tokens),
        [&](const ScorecardPoint& p) { return p.tokens_per_rank == tokens; }, all);
  }
  add_means(
      common, "all", [](const ScorecardPoint&) { return true; }, all);
  return all;
}

double usd_per_million(UsdPerSecond rent, double tokens_per_s) {
  return rent.value() / tokens_per_s * 1e6;
}

void show_several(const std::vector<Means>& means, const std::vector<ScoredMachine>& machines,
                  Page& page) {
  const auto table = [&](const std::string& title, auto value, auto text) {
    PageTable result{title, {{"points in common"}}};
    for (std::size_t m = 0; m < machines.size(); ++m) {
      result.rows.front().push_back(machines[m].name);
      if (m > 0) {
        result.rows.front().push_back("/ " + machines.front().name);
      }
    }
    for (const Means& row : means) {
      result.rows.push_back({row.what});
      for (std::size_t m = 0; m < machines.size(); ++m) {
        result.rows.back().push_back(text(value(row, m)));
        if (m > 0) {
          result.rows.back().push_back(fmt::format("{:.2f}", value(row, m) / value(row, 0)));
        }
      }
    }
    page.tables.push_back(std::move(result));
  };
  table(
      "Tokens/s per GPU through one layer, geometric mean",
      [](const Means& row, std::size_t m) { return row.tokens_per_s[m]; }, rate_text);
  if (std::all_of(machines.begin(), machines.end(),
                  [](const ScoredMachine& m) { return m.rent_per_gpu.has_value(); })) {
    table(
        "USD per million tokens through one layer, geometric mean",
        [&](const Means& row, std::size_t m) {
          return usd_per_million(*machines[m].rent_per_gpu, row.tokens_per_s[m]);
        },
        [](double value) { return fmt::format("{:.3g}", value); });
  }
}

Json point_json(const ScorecardPoint& p, const std::optional<UsdPerSecond>& rent) {
  return Json::object()
      .set("layer", p.architecture)
      .set("precision", std::string(models::name_of(p.precision)))
      .set("expert_parallel", p.expert_parallel)
      .set("tokens_per_rank", p.tokens_per_rank)
      .set("layer_s", p.layer().value())
      .set("router_s", p.router.value())
      .set("experts_s", p.experts.value())
      .set("exchange_s", p.exchange.value())
      .set("throughput_tokens_per_s_per_gpu", p.tokens_per_s_per_gpu())
      .set("cost_usd_per_million_tokens", rent ? Json(p.usd_per_million_tokens(*rent)) : Json())
      .set("extrapolated", p.extrapolated)
      .set("datasheet", p.datasheet);
}

Json machine_json(const ScoredMachine& machine) {
  Json points = Json::array();
  for (const ScorecardPoint& point : machine.card.points) {
    points.push(point_json(point, machine.rent_per_gpu));
  }
  Json gaps = Json::array();
  for (const calibrate::ScorecardGap& gap : machine.card.gaps) {
    gaps.push(Json::object().set("layer", gap.architecture).set("reason", gap.reason));
  }
  const std::optional<UsdPerSecond>& rent = machine.rent_per_gpu;
  return Json::object()
      .set("name", machine.name)
      .set("hardware", machine.hardware)
      .set("measured", machine.measured)
      .set("rent_usd_per_gpu_h", rent ? Json(in_usd_per_hour(*rent)) : Json())
      .set("price", machine.price)
      .set("points", std::move(points))
      .set("not_run", std::move(gaps));
}

Json summary_json(const std::vector<Means>& means, const std::vector<ScoredMachine>& machines) {
  Json all = Json::array();
  for (const Means& row : means) {
    Json of_machines = Json::array();
    for (std::size_t m = 0; m < machines.size(); ++m) {
      const std::optional<UsdPerSecond>& rent = machines[m].rent_per_gpu;
      of_machines.push(Json::object()
                           .set("name", machines[m].name)
                           .set("throughput_tokens_per_s_per_gpu", row.tokens_per_s[m])
                           .set("cost_usd_per_million_tokens",
                                rent ? Json(usd_per_million(*rent, row.tokens_per_s[m])) : Json()));
    }
    all.push(Json::object().set("points", row.what).set("machines", std::move(of_machines)));
  }
  return all;
}

void add_csv(const std::vector<ScoredMachine>& machines, Page& page) {
  page.csv = {{"machine", "layer", "precision", "expert_parallel", "tokens_per_rank", "router_s",
               "experts_s", "exchange_s", "throughput_tokens_per_s_per_gpu",
               "cost_usd_per_million_tokens", "extrapolated", "datasheet"}};
  for (const ScoredMachine& machine : machines) {
    for (const ScorecardPoint& p : machine.card.points) {
      page.csv.push_back(
          {machine.name, p.architecture, std::string(models::name_of(p.precision)),
           fmt::format("{}", p.expert_parallel), fmt::format("{}", p.tokens_per_rank),
           number_text(p.router.value()), number_text(p.experts.value()),
           number_text(p.exchange.value()), number_text(p.tokens_per_s_per_gpu()),
           machine.rent_per_gpu ? number_text(p.usd_per_million_tokens(*machine.rent_per_gpu)) : "",
           joined(p.extrapolated), joined(p.datasheet)});
    }
  }
}

void add_notes(const ScorecardWorkload& workload, const std::vector<ScoredMachine>& machines,
               Page& page) {
  for (const ScoredMachine& machine : machines) {
    page.notes.push_back(fmt::format("{}: {}; {}.", machine.name,
                                     machine.measured
                                         ? "laws fitted to measurements"
                                         : "laws from the data sheet, nothing measured",
                                     machine.price));
    std::vector<std::string> datasheet;
    std::vector<std::string> extrapolated;
    const auto note = [](const std::vector<std::string>& from, std::vector<std::string>& to) {
      for (const std::string& family : from) {
        if (std::find(to.begin(), to.end(), family) == to.end()) {
          to.push_back(family);
        }
      }
    };
    std::size_t outside = 0;
    for (const ScorecardPoint& point : machine.card.points) {
      note(point.datasheet, datasheet);
      note(point.extrapolated, extrapolated);
      outside += mark(point).empty() ? 0 : 1;
    }
    if (!datasheet.empty()) {
      page.notes.push_back(fmt::format("{}: no measured law, so the data sheet's (d): {}.",
                                       machine.name, joined(datasheet)));
    }
    if (!extrapolated.empty()) {
      page.notes.push_back(fmt::format("{}: outside the measured range at some points (e): {}.",
                                       machine.name, joined(extrapolated)));
    }
    page.notes.push_back(fmt::format(
        "{}: of {} points {} rest on laws inside their measured ranges for 90 % of the time or "
        "more; the others are marked.",
        machine.name, machine.card.points.size(), machine.card.points.size() - outside));
    for (const calibrate::ScorecardGap& gap : machine.card.gaps) {
      page.notes.push_back(
          fmt::format("{} does not run {}: {}.", machine.name, gap.architecture, gap.reason));
    }
  }
  page.notes.push_back(
      "A layer: router, experts of the busiest rank under uniform routing, shared experts, and, "
      "for EP > 1, dispatch and combine; every rank (a GPU) brings its own tokens. Nothing of "
      "attention, host or scheduling. Money: this one layer's time at the rent of its GPUs, all "
      "busy. Workload " +
      workload.id + "; why these sizes: its file.");
}

}  // namespace

Page scorecard_page(const ScorecardWorkload& workload, const std::vector<ScoredMachine>& machines) {
  Page page;
  std::vector<std::string> names;
  Json list = Json::array();
  for (const ScoredMachine& machine : machines) {
    names.push_back(machine.name);
    list.push(machine_json(machine));
  }
  page.title = fmt::format("Scorecard {}: {}", workload.id, joined(names));
  const std::vector<Means> means = summary(workload, machines);
  if (machines.size() == 1) {
    show_one(workload, machines.front(), page);
  } else {
    show_several(means, machines, page);
  }
  page.json.set("schema_version", 1)
      .set("workload", workload.id)
      .set("workload_version", workload.version)
      .set("machines", std::move(list))
      .set("geometric_means", summary_json(means, machines));
  add_csv(machines, page);
  add_notes(workload, machines, page);
  return page;
}

}  // namespace moeplan::app
