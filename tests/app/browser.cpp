#include "tests/app/browser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "models/text/load.hpp"
#include "models/units/parse.hpp"
#include "sim/report/html/page.hpp"
#include "tests/app/json_values.hpp"
#include "tests/app/process.hpp"

namespace moeplan::tests {
namespace {

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
      const double wanted = number_if(at(*mark, "datum"), at(channel, "field").scalar).value();
      const bool bar = type == "bar";
      const bool ranged = encoding.find(axis + "2") != nullptr;
      if (bar && ranged) {
        continue;  // from one value to another: its width is checked by the caller
      }
      const auto drawn =
          number_if(*mark, bar ? (axis == "x" ? "width" : "height") : std::string(axis));
      ASSERT_TRUE(drawn.has_value()) << name << " " << axis;
      EXPECT_NEAR(*drawn, wanted, 1e-6 * std::max(1e-3, std::abs(wanted))) << name << " " << axis;
    }
  }
}

}  // namespace

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

std::optional<double> number_if(const Node& node, const std::string& key) {
  const Node* found = node.find(key);
  return found != nullptr && found->kind == Kind::number ? parse_number(found->scalar)
                                                         : std::nullopt;
}

void Browser::SetUp() {
  if (!sim::can_draw()) {
    GTEST_SKIP() << "built without npm: nothing draws here";
  }
  if (chromium_.empty()) {
    GTEST_SKIP() << "no chromium here (Debian: apt-get install chromium)";
  }
}

text::Document Browser::open(std::string page) const {
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

}  // namespace moeplan::tests
