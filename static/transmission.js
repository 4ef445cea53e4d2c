// Draws a large graph at the positions that the server computed; only moves and zooms.
(() => {
  "use strict";
  const place = document.getElementById("graph");
  if (!place || !window.cytoscape) return;
  const colour = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const circle = (fill, size, line) => ({
    "background-color": fill, width: size, height: size, "border-width": 1.8,
    "border-color": colour("chart"), "border-style": line,
  });
  const look = [
    { selector: ".case", style: circle(colour("chart"), 14, "solid") },
    { selector: ".contact", style: circle(colour("page"), 10, "solid") },
    { selector: ".untold", style: circle(colour("page"), 10, "dashed") },
    { selector: ".event", style: {
      ...circle(colour("due-tint"), 16, "solid"), shape: "round-rectangle",
      "border-color": colour("due"),
    } },
    { selector: "edge", style: {
      width: 1.2, "line-color": colour("edge"), "curve-style": "haystack",
    } },
    { selector: ".guessed, .other", style: { "line-style": "dashed" } },
    { selector: ".lit", style: {
      "line-color": colour("action"), "border-color": colour("action"), width: 2.5,
    } },
    { selector: "node.lit", style: { width: 16, height: 16, "border-width": 3 } },
    { selector: ".band", style: {
      shape: "rectangle", "background-color": colour("side"), width: "data(width)",
      height: "data(height)", label: "data(label)", color: colour("muted"),
      "text-halign": "left", "text-margin-x": -8, "font-size": 12, events: "no",
      "z-index-compare": "manual", "z-index": -1,
    } },
  ];
  fetch(place.dataset.elements, { headers: { accept: "application/json" } })
    .then((answer) => answer.json())
    .then(({ nodes, links, bands, width, left }) => {
      const elements = bands.map(([label, top, height], number) => ({
        group: "nodes", classes: "band", selectable: false, grabbable: false,
        data: { id: `b${number}`, label, width: width - left, height },
        position: { x: (width + left) / 2, y: top + height / 2 },
      }));
      for (const { id, x, y, kind, name, way } of nodes) {
        elements.push({
          group: "nodes", classes: kind, position: { x, y },
          data: { id: String(id), name, way },
        });
      }
      links.forEach(([source, target, strength], number) => elements.push({
        group: "edges", classes: strength,
        data: { id: `l${number}`, source: String(source), target: String(target) },
      }));
      const graph = window.cytoscape({
        container: place, elements, style: look, layout: { name: "preset" },
        autoungrabify: true, boxSelectionEnabled: false, maxZoom: 4, minZoom: 0.05,
        hideEdgesOnViewport: true, textureOnViewport: true, pixelRatio: 1,
      });
      graph.fit(undefined, 12);
      graph.on("mouseover", "node", (event) => {
        graph.elements(".lit").removeClass("lit");
        const node = event.target;
        node.union(node.successors()).union(node.predecessors()).addClass("lit");
        place.title = node.data("name") || "";
      });
      graph.on("tap", "node", (event) => {
        const way = event.target.data("way");
        if (way) window.location.assign(way);
      });
      window.requestAnimationFrame(() => { place.dataset.drawn = "yes"; });
    });
})();
