// Does a browser draw every figure of a report, without a message on its console, at the places
// that the numbers ask for, and is a hostile result only shown? Needs Chromium; skipped where there
// is none, and in builds without npm.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>

#include "models/text/load.hpp"
#include "models/units/parse.hpp"
#include "sim/report/html/escape.hpp"
#include "sim/report/html/page.hpp"
#include "tests/app/process.hpp"
#include "tests/app/scenario_text.hpp"
#include "tests/support/locations.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

using testing::HasSubstr;
using text::Kind;
using text::Node;

// Stands first in the page: keeps every complaint.
constexpr const char* kListen = R"js(<script>
window.problems = [];
window.addEventListener("error", function (e) { problems.push("error: " + e.message); });
window.addEventListener("unhandledrejection", function (e) {
  problems.push("rejected: " + e.reason);
});
for (const kind of ["error", "warn"]) {
  const old = console[kind];
  console[kind] = function () {
    problems.push(kind + ": " + Array.from(arguments).join(" "));
    old.apply(console, arguments);
  };
}
</script>)js";

// Stands last: what was drawn, read back through the scales: x and y of every mark, widths and
// heights of bars, in units of the data.
constexpr const char* kReadBack = R"js(<script>
window.moeplanViews.then(function (views) {
  function marksOf(view) {
    const found = [];
    const invert = function (scale, at) {
      return scale && scale.invert ? Number(scale.invert(at)) : null;
    };
    const scaleOf = function (name) {
      try { return view.scale(name); } catch (e) { return null; }
    };
    const between = function (scale, from, size) {
      const inverts = scale && scale.invert;
      return inverts ? Math.abs(invert(scale, from + size) - invert(scale, from)) : null;
    };
    const x = scaleOf("x"), y = scaleOf("y");
    (function walk(mark, name) {
      const own = mark.name || name;
      (mark.items || []).forEach(function (item) {
        if (item.items) { item.items.forEach(function (below) { walk(below, own); }); }
        else if (mark.role === "mark") {
          const rect = mark.marktype === "rect";
          found.push({ layer: own, type: mark.marktype, datum: item.datum,
            x: invert(x, item.x + (rect ? item.width / 2 : 0)),
            y: invert(y, item.y + (rect ? item.height / 2 : 0)),
            width: rect ? between(x, item.x, item.width) : null,
            height: rect ? between(y, item.y, item.height) : null });
        }
      });
    })(view.scenegraph().root, "");
    return found;
  }
  const text = JSON.stringify({ problems: problems, title: document.title,
    images: document.images.length, shown: !document.getElementById("problem").hidden,
    drawings: document.querySelectorAll(".figure svg").length,
    figures: views.map(function (each) { return { id: each.id, marks: marksOf(each.view) }; }) });
  const pre = document.createElement("pre");
  pre.id = "check";
  pre.textContent = btoa(unescape(encodeURIComponent(text)));
  document.body.appendChild(pre);
});
</script>)js";

std::string find_chromium() {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  std::string folder;
  while (std::getline(folders, folder, ':')) {
    for (const char* name : {"chromium", "chromium-headless-shell", "google-chrome"}) {
      const std::filesystem::path program = std::filesystem::path(folder) / name;
      if (std::filesystem::exists(program)) {
        return program.string();
      }
    }
  }
  return "";
}

std::string decoded_base64(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0;
  int held = 0;
  for (const char c : text) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string::npos) {
      break;
    }
    bits = (bits << 6U) | static_cast<unsigned>(digit);
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes += static_cast<char>((bits >> static_cast<unsigned>(held)) & 0xFFU);
    }
  }
  return bytes;
}

const Node& at(const Node& node, const std::string& key) {
  const Node* found = node.find(key);
  if (found == nullptr) {
    throw std::runtime_error("no key " + key);
  }
  return *found;
}

std::optional<double> number(const Node& node, const std::string& key) {
  const Node* found = node.find(key);
  return found != nullptr && found->kind == Kind::number ? parse_number(found->scalar)
                                                         : std::nullopt;
}

class Browser : public testing::Test {
 protected:
  void SetUp() override {
    if (!sim::can_draw()) {
      GTEST_SKIP() << "built without npm: nothing draws here";
    }
    if (chromium_.empty()) {
      GTEST_SKIP() << "no chromium here (Debian: apt-get install chromium)";
    }
  }

  // What kReadBack says of the page as a browser shows it, without any network.
  text::Document open(std::string page) const {
    page.insert(page.find("<title>"), kListen);
    page.insert(page.rfind("</body>"), kReadBack);
    const std::filesystem::path file = folder_.write("page.html", page);
    const Finished run = run_program(
        "/usr/bin/timeout",
        {"120", chromium_, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--no-first-run", "--enable-logging=stderr", "--host-resolver-rules=MAP * ~NOTFOUND",
         "--window-size=1000,1400", "--user-data-dir=" + (folder_ / "profile").string(),
         "--virtual-time-budget=20000", "--dump-dom", "file://" + file.string()});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.err.find("CONSOLE"), std::string::npos) << run.err;
    const std::size_t begin = run.out.find("<pre id=\"check\">");
    if (begin == std::string::npos) {
      throw std::runtime_error("the page was not drawn: " + run.err);
    }
    return text::parse_json(decoded_base64(run.out.substr(begin + 16)), "check");
  }

  TemporaryDirectory folder_;
  std::string chromium_ = find_chromium();
};

bool is_quantitative(const Node& encoding, const std::string& name) {
  const Node* channel = encoding.find(name);
  return channel != nullptr && channel->find("field") != nullptr &&
         at(*channel, "type").scalar == "quantitative";
}

// Rows that a layer draws: its own data, or the figure's; nullopt where it filters them.
std::optional<std::size_t> rows_of(const Node& spec, const Node& layer) {
  if (layer.find("transform") != nullptr) {
    return std::nullopt;
  }
  const Node* data = layer.find("data") != nullptr ? layer.find("data") : spec.find("data");
  return at(*data, "values").items.size();
}

// Every mark of the layer stands where its datum says: a place along a scale, or, stacked, a size.
void expect_drawn(const Node& spec, const Node& layer, const std::string& name,
                  const std::vector<const Node*>& marks) {
  const Node& encoding = at(layer, "encoding");
  const std::string type = at(at(layer, "mark"), "type").scalar;
  if (const auto rows = rows_of(spec, layer)) {
    EXPECT_EQ(marks.size(), *rows) << name;
  }
  EXPECT_FALSE(marks.empty()) << name;
  for (const Node* mark : marks) {
    for (const std::string axis : {"x", "y"}) {
      if (!is_quantitative(encoding, axis)) {
        continue;
      }
      const Node& channel = at(encoding, axis);
      const double wanted = number(at(*mark, "datum"), at(channel, "field").scalar).value();
      const bool bar = type == "bar";
      const bool ranged = encoding.find(axis + "2") != nullptr;
      if (bar && ranged) {
        continue;  // from one value to another: its width is checked by the caller
      }
      const auto drawn =
          number(*mark, bar ? (axis == "x" ? "width" : "height") : std::string(axis));
      ASSERT_TRUE(drawn.has_value()) << name << " " << axis;
      EXPECT_NEAR(*drawn, wanted, 1e-6 * std::max(1e-3, std::abs(wanted))) << name << " " << axis;
    }
  }
}

// Every figure of the page is drawn, without a word on the console, where its saved spec says.
void expect_all_drawn(const text::Document& check, const std::filesystem::path& specs,
                      std::size_t figures_wanted) {
  EXPECT_TRUE(at(check.root, "problems").items.empty())
      << at(check.root, "problems").items.front().scalar;
  EXPECT_EQ(at(check.root, "shown").scalar, "false");
  const std::vector<Node>& figures = at(check.root, "figures").items;
  EXPECT_EQ(at(check.root, "drawings").scalar, fmt::format("{}", figures.size()));
  ASSERT_EQ(figures.size(), figures_wanted);
  for (const Node& figure : figures) {
    const std::string id = at(figure, "id").scalar;
    const text::Document spec = text::load_json(specs / (id + ".vl.json"));
    const std::vector<Node>& layers = at(spec.root, "layer").items;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      std::vector<const Node*> marks;
      for (const Node& mark : at(figure, "marks").items) {
        if (at(mark, "layer").scalar == fmt::format("layer_{}_marks", i)) {
          marks.push_back(&mark);
        }
      }
      if (at(at(layers[i], "mark"), "type").scalar == "area") {
        continue;  // one item a point, drawn between two values
      }
      expect_drawn(spec.root, layers[i], fmt::format("{} layer {}", id, i), marks);
    }
  }
}

TEST_F(Browser, DrawsEveryFigureWhereTheNumbersSay) {
  const std::string out = (folder_ / "out").string();
  const std::string scenario = folder_.write("s.yaml", kScenario).string();
  ASSERT_EQ(run_moeplan({"report", scenario, "-o", out}).exit_code, 0);
  const text::Document check = open(read_bytes(folder_ / "out/report.html"));
  EXPECT_EQ(at(check.root, "title").scalar, "test");
  expect_all_drawn(check, out, 9);
}

// The numbers that a figure draws in one of its layers, by hour.
std::vector<double> by_hour(const Node& figure, const std::string& layer, const std::string& kind) {
  std::vector<double> values;
  for (const Node& mark : at(figure, "marks").items) {
    const Node& datum = at(mark, "datum");
    if (at(mark, "layer").scalar == layer && (kind.empty() || at(datum, "kind").scalar == kind)) {
      values.push_back(number(mark, at(mark, "type").scalar == "rect" ? "height" : "y").value());
    }
  }
  return values;
}

// The committed day of office hours: what stands on the screen is what the JSON says of every hour
// and of every way to pay for it.
TEST_F(Browser, DrawsTheDayAsThePlanHasIt) {
  const std::string out = (folder_ / "out").string();
  const std::string scenario = (source_dir() / "scenarios/what_if/office_hours.yaml").string();
  const Finished run = run_moeplan({"report", scenario, "-o", out});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const std::string page = read_bytes(folder_ / "out/report.html");
  EXPECT_LT(page.size(), 2'000'000U);
  const text::Document check = open(page);
  expect_all_drawn(check, out, 12);
  const text::Document plan = text::load_json(folder_ / "out/plan.json");
  const Node& day = at(plan.root, "day").items.front();
  const double base = number(at(day, "mixed"), "base_engines").value();
  std::size_t seen = 0;
  for (const Node& figure : at(check.root, "figures").items) {
    const std::string id = at(figure, "id").scalar;
    if (id != "day_load" && id != "day_engines") {
      continue;
    }
    ++seen;
    const bool load = id == "day_load";
    const auto drawn = by_hour(figure, load ? "layer_0_marks" : "layer_1_marks", "");
    const auto rented =
        load ? drawn : by_hour(figure, "layer_0_marks", "base and peak: by the hour");
    ASSERT_EQ(drawn.size(), 24U);
    ASSERT_EQ(rented.size(), 24U);
    for (std::size_t h = 0; h < 24; ++h) {
      const Node& hour = at(day, "hours").items[h];
      const double engines = number(hour, "engines").value();
      EXPECT_NEAR(drawn[h], load ? number(hour, "requests_per_s").value() : engines, 1e-6) << h;
      if (!load) {
        EXPECT_NEAR(rented[h], std::max(0.0, engines - base), 1e-6) << h;
      }
    }
  }
  EXPECT_EQ(seen, 2U);
  // Money: a bar for each way to pay, a line for each tier and a dot for each break-even.
  std::multiset<long> bars;
  std::multiset<long> wanted;
  std::multiset<long> dots;  // minutes of use a day
  std::multiset<long> even;
  std::multiset<long> ends;  // USD a month of a fleet used all day
  std::multiset<long> tiers;
  for (const char* way : {"fixed", "following", "mixed"}) {
    wanted.insert(std::lround(number(at(day, way), "cost_usd_per_month").value()));
  }
  for (const Node& tier : at(plan.root, "rent_or_buy").items) {
    tiers.insert(std::lround(number(tier, "cost_usd_per_month").value()));
    const auto hours = number(tier, "break_even_hours_per_day");
    if (hours && *hours <= 24.0) {
      even.insert(std::lround(60.0 * *hours));
    }
  }
  for (const Node& figure : at(check.root, "figures").items) {
    for (const Node& mark : at(figure, "marks").items) {
      const std::string type = at(mark, "type").scalar;
      if (at(figure, "id").scalar == "day_cost" && type == "rect") {
        bars.insert(std::lround(number(mark, "width").value()));
      } else if (at(figure, "id").scalar == "rent_or_buy" && type == "symbol") {
        dots.insert(std::lround(60.0 * number(mark, "x").value()));
      } else if (at(figure, "id").scalar == "rent_or_buy" && type == "line" &&
                 number(mark, "x").value() > 23.9) {
        ends.insert(std::lround(number(mark, "y").value()));
      }
    }
  }
  EXPECT_EQ(bars, wanted);
  EXPECT_EQ(dots, even);
  EXPECT_EQ(ends, tiers);
}

// Of a plan with draws, and of a validation; the numbers are made up.
TEST_F(Browser, DrawsUncertaintyAndFits) {
  const std::string plan = folder_
                               .write("plan.json", R"({"schema_version": 1, "name": "drawn",
    "recommendation": {"ttft": {"p99_s": 0.3}}, "uncertainty": {"draws": 100,
    "designs": [{"figures": {"tpot_p99_s": {"p05": 0.03, "p50": 0.04, "p95": 0.06},
      "cost_usd_per_month": {"p05": 900, "p50": 1000, "p95": null}, "accuracy": null}}],
    "tornado_figure": "tpot_p99_s", "tornado_estimate": {"tpot_p99_s": 0.04}, "tornado": [
      {"input": "host", "unit": "us", "low": 20, "high": 60,
       "figures": {"tpot_p99_s": {"at_low": 0.035, "at_high": null}}},
      {"input": "skew", "unit": "", "low": 1, "high": 2,
       "figures": {"tpot_p99_s": {"at_low": 0.039, "at_high": 0.043}}}]}})")
                               .string();
  const std::string fits = folder_
                               .write("fits.json", R"({"schema_version": 1,
    "hardware": "h100-sxm", "profile": null, "skipped": [], "families": [
      {"kernel": "all2all", "kernel_source": "nccl", "dtype": "fp16", "axis": "bytes", "points": 3,
       "median_abs_error": 0.1, "p90_abs_error": 0.2, "measured_points": [
        {"series": "2 ranks", "work": 1024, "measured_s": 7e-6, "predicted_s": 8e-6},
        {"series": "2 ranks", "work": 1e8, "measured_s": 5e-4, "predicted_s": 4e-4},
        {"series": "4 ranks", "work": 1024, "measured_s": 9e-6, "predicted_s": 9e-6}]}]})")
                               .string();
  const std::string out = (folder_ / "out").string();
  const Finished run = run_moeplan({"report", plan, "--validation", fits, "-o", out});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const text::Document check = open(read_bytes(folder_ / "out/report.html"));
  expect_all_drawn(check, out, 3);  // intervals, tornado, fit_1
  for (const Node& figure : at(check.root, "figures").items) {
    if (at(figure, "id").scalar != "tornado") {
      continue;
    }
    // From 40 ms: 5 and 1 down, 3 up; overload is not drawn.
    std::multiset<long> widths;
    for (const Node& mark : at(figure, "marks").items) {
      if (at(mark, "type").scalar == "rect") {
        widths.insert(std::lround(1e3 * number(mark, "width").value()));
      }
    }
    EXPECT_EQ(widths, (std::multiset<long>{1000, 3000, 5000}));
  }
}

TEST_F(Browser, ShowsHostileStringsAndRunsNone) {
  const std::string hostile =
      "</script><img src=x onerror=\"document.title='taken'\"><!--'+alert(1)+'{{7*7}}";
  std::string quoted;
  for (const char c : hostile) {
    quoted += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  }
  const std::string scenario =
      folder_.write("s.yaml", with(kScenario, "name: test", "name: \"" + quoted + "\"")).string();
  Finished plan = run_moeplan({"plan", scenario, "--format", "json"});
  ASSERT_EQ(plan.exit_code, 0) << plan.err;
  // In labels of figures too: ids of GPUs are the user's own when a hardware file is named.
  for (std::size_t place = plan.out.find("\"gpu\": \"h100-sxm\""); place != std::string::npos;
       place = plan.out.find("\"gpu\": \"h100-sxm\"")) {
    plan.out.replace(place, 17, "\"gpu\": \"" + quoted + "\"");
  }
  const std::string result = folder_.write("plan.json", plan.out).string();
  const std::string out = (folder_ / "out").string();
  ASSERT_EQ(run_moeplan({"report", result, "-o", out}).exit_code, 0);
  const text::Document check = open(read_bytes(folder_ / "out/report.html"));
  EXPECT_TRUE(at(check.root, "problems").items.empty())
      << at(check.root, "problems").items.front().scalar;
  EXPECT_EQ(at(check.root, "title").scalar, hostile) << "shown as it was written";
  EXPECT_EQ(at(check.root, "images").scalar, "0");
  EXPECT_EQ(at(check.root, "figures").items.size(), 9U);
}

}  // namespace
}  // namespace moeplan::tests
