// Draws the figures of the page from the specs that stand in it. No network: specs hold their data.
(function () {
  "use strict";
  // SVG resolves these when it is shown, so dark, light and print need no drawing anew; the second
  // value is for programs that do not know variables.
  const ink = "var(--ink, #1b1f24)";
  const second = "var(--ink-2, #57606a)";
  const grid = "var(--grid, #dde1e6)";
  const font = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";
  const config = {
    background: null,
    font: font,
    axis: {
      domainColor: second, tickColor: second, gridColor: grid, labelColor: second, titleColor: second,
      labelFontSize: 12, titleFontSize: 12, titleFontWeight: 400, titlePadding: 8, labelPadding: 4, labelSeparation: 8
    },
    axisX: { grid: false },
    legend: { labelColor: ink, titleColor: second, labelFontSize: 12, titleFontSize: 12,
      titleFontWeight: 400, symbolOpacity: 1, symbolStrokeWidth: 2.5 },
    view: { stroke: null },
    text: { fill: ink, fontSize: 12 },
    rule: { stroke: second },
    point: { color: ink },
    tick: { color: ink }
  };
  const specs = JSON.parse(document.getElementById("specs").textContent);
  function fail(id, error) {
    const notice = document.getElementById("problem");
    notice.hidden = false;
    notice.textContent = "A figure could not be drawn (" + id + ": " + error.message +
      "); its numbers stand in the table under it.";
    throw error;
  }
  // Views by figure, for those who look closer.
  window.moeplanViews = Promise.all(specs.map(function (each) {
    const target = document.getElementById("figure-" + each.id);
    const spec = Object.assign({ description: each.title }, each.spec);
    return vegaEmbed(target, spec, {
      mode: "vega-lite", renderer: "svg", actions: false, ast: true, config: config
    }).then(function (result) {
      return { id: each.id, view: result.view };
    }).catch(function (error) { fail(each.id, error); });
  }));
  // Paper has no summary to click on.
  let closed = [];
  window.addEventListener("beforeprint", function () {
    closed = Array.from(document.querySelectorAll("main details:not([open])"));
    closed.forEach(function (each) { each.open = true; });
  });
  window.addEventListener("afterprint", function () {
    closed.forEach(function (each) { each.open = false; });
  });
})();
