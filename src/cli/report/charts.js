// Draws each figure of the page from the points in #charts. The tables behind the figures hold the same numbers and do not need this.
"use strict";
(() => {
  const charts = new Map(JSON.parse(document.getElementById("charts").textContent).map((chart) => [chart.id, chart]));
  const day = (text) => new Date(text + "T00:00:00Z");
  const shown = (point) => point.y !== null;
  const ink = { stroke: "var(--accent)", strokeWidth: 2 };
  const small = { width: 360, height: 190, marginLeft: 44, marginRight: 12 };
  const months = { type: "utc", label: null, ticks: 5 };

  // A dot a period, hollow while the period is still running.
  const dots = (points) => Plot.dot(points.filter(shown), {
    x: "x", y: "y", r: 3, stroke: "var(--accent)", fill: (point) => point.complete ? 1 : 0,
  });
  const filled = { type: "ordinal", domain: [0, 1], range: ["var(--page)", "var(--accent)"] };

  const draw = {
    trend(chart) {
      const points = chart.points.map((point) => ({ ...point, x: day(point.x) }));
      const edge = chart.direction === "down" ? chart.target + chart.tolerance : chart.target - chart.tolerance;
      return Plot.plot({
        ...small, x: months, color: filled,
        y: { label: null, grid: true, zero: true, nice: true, tickFormat: chart.share ? ".0%" : undefined, ticks: 5 },
        marks: [
          Plot.rect([0], { y1: Math.min(edge, chart.target), y2: Math.max(edge, chart.target), fill: "var(--band)" }),
          Plot.ruleY([chart.target], { stroke: "var(--mark)", strokeWidth: 2, strokeDasharray: "6 4" }),
          Plot.line(points, { x: "x", y: "y", ...ink }),
          dots(points),
        ],
      });
    },
    rate(chart) {
      const points = chart.points.map((point) => ({ ...point, x: day(point.x) }));
      return Plot.plot({
        ...small, x: months, color: filled,
        y: { label: null, grid: true, domain: [0, 1], tickFormat: ".0%", ticks: 5 },
        marks: [
          Plot.area(points, { x1: "x", y1: "low", y2: "high", fill: "var(--band)" }),
          Plot.ruleX(points.filter(shown), { x: "x", y1: "low", y2: "high", stroke: "var(--accent)", strokeOpacity: 0.5 }),
          Plot.line(points, { x: "x", y: "y", ...ink }),
          dots(points),
        ],
      });
    },
    event_study(chart) {
      const points = chart.points;
      return Plot.plot({
        width: 720, height: 320, marginLeft: 50,
        x: { label: chart.since, labelAnchor: "center", tickFormat: "d" },
        y: { label: "Difference", grid: true },
        marks: [
          Plot.areaY(points, { x: "x", y1: "band_low", y2: "band_high", fill: "var(--band)" }),
          Plot.ruleY([chart.null], { stroke: "var(--ink)", strokeWidth: 1.5 }),
          Plot.ruleX([-0.5], { stroke: "var(--soft)", strokeDasharray: "4 4" }),
          Plot.ruleX(points.filter(shown), { x: "x", y1: "low", y2: "high", ...ink }),
          Plot.dot(points.filter(shown), { x: "x", y: "y", r: 4, fill: "var(--accent)" }),
        ],
      });
    },
    shares(chart) {
      const marks = ["1 to below 2", "2 to below 3", "3 to below 4", "4"];
      const points = chart.points.filter(shown).map((point) => ({ ...point, score: marks[point.mark - 1] }));
      return Plot.plot({
        width: 720, height: 60 + 44 * new Set(chart.points.map((point) => point.dimension)).size, marginLeft: 90,
        x: { label: "Share of items", labelAnchor: "center", tickFormat: ".0%", domain: [0, 1] },
        y: { label: null, domain: [...new Set(chart.points.map((point) => point.dimension))] },
        color: { type: "ordinal", domain: marks, range: ["var(--s1)", "var(--s2)", "var(--s3)", "var(--s4)"], legend: true },
        marks: [
          Plot.barX(points, { x: "y", y: "dimension", fill: "score", order: "mark", stroke: "var(--page)", strokeWidth: 1.5 }),
        ],
      });
    },
  };

  for (const figure of document.querySelectorAll("figure[data-chart]")) {
    const chart = charts.get(figure.dataset.chart);
    if (!chart) continue;
    const picture = draw[chart.kind](chart);
    // With a legend, the picture is a figure that holds both.
    const svg = picture.matches("svg") ? picture : [...picture.children].filter((child) => child.matches("svg")).pop();
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", chart.label);
    figure.querySelector(".plot").append(picture);
  }
})();
