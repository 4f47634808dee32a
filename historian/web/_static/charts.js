// Both charts of a recorder, on one axis of time, drawn by uPlot: percentiles, and a heat map.

import { drawCells, drawRamp } from "./heat.js";
import { write } from "./table.js";
import { clock, mark, quantity, splits } from "./units.js";

const NAMES = ["median", "p90", "p99", "max"];
const DASHES = [[], [8, 4], [3, 3], [10, 3, 2, 3]];
const LEAST_SPAN = 30; // seconds that are shown, at least
const MOST_SPAN = 300;
const AXIS = 62; // pixels for the texts of the axis of values

const dark = matchMedia("(prefers-color-scheme: dark)");
const wide = matchMedia("(min-width: 44rem)");

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// Whether there is room for a text at a time: at the right edge, it would be cut.
function fits(plot, at) {
  return plot.valToPos(at, "x") < plot.width - AXIS - 36;
}

export class Charts {
  constructor(lines, heat, ramp, readout, at, counted) {
    this.boxes = [lines, heat];
    this.ramp = ramp;
    this.texts = NAMES.map((name, k) => this.begin(readout, name, k));
    this.at = at;
    this.counted = counted;
    this.pointed = null; // the place of the interval under the pointer
    this.plots = [];
    this.steps = [["", 1, 0]];
    this.columns = []; // intervals of time, oldest first
    this.until = 0;
    this.bin = 0.125;
    dark.addEventListener("change", () => this.build());
    wide.addEventListener("change", () => this.build());
    new ResizeObserver(() => this.resize()).observe(lines);
  }

  begin(readout, name, k) {
    const item = document.createElement("span");
    const swatch = document.createElement("i");
    const text = document.createElement("b");
    swatch.className = `line-${k + 1}`;
    item.append(swatch, ` ${name} `, text);
    readout.append(item);
    return text;
  }

  clear() {
    this.columns = [];
    this.pointed = null;
  }

  // Take what is new of a recorder, and draw.
  update(found) {
    const changed = JSON.stringify(found.steps) !== JSON.stringify(this.steps);
    this.steps = found.steps;
    this.bin = found.bin;
    this.until = found.time;
    this.columns = [...this.columns, ...found.columns].filter((one) => one.end > found.time - MOST_SPAN);
    if (changed || !this.plots.length) this.build();
    else this.draw();
  }

  build() {
    for (const plot of this.plots) plot.destroy();
    if (!this.until) return;
    this.ink = color("faint");
    this.colors = [1, 2, 3, 4].map((k) => color(`line-${k}`));
    this.stops = color("ramp").split(/\s+/);
    drawRamp(this.ramp, this.stops);
    this.plots = [this.plot(this.boxes[0], this.lineOptions()), this.plot(this.boxes[1], this.heatOptions())];
    this.draw();
  }

  plot(box, options) {
    return new uPlot({ ...this.size(box), ...options }, [[], ...options.series.slice(1).map(() => [])], box);
  }

  size(box) {
    return { width: box.clientWidth, height: Math.max(120, box.clientHeight) };
  }

  resize() {
    this.plots.forEach((plot, k) => plot.setSize(this.size(this.boxes[k])));
  }

  common() {
    const grid = { stroke: color("grid"), width: 1 };
    const axis = { stroke: this.ink, grid, ticks: { ...grid, size: 4 }, font: "12px system-ui, sans-serif" };
    return {
      legend: { show: false },
      padding: [8, 12, 0, 0],
      cursor: { sync: { key: "time" }, drag: { x: false, y: false }, points: { size: 7 } },
      axes: [
        { ...axis, size: 26, space: 74, values: (plot, at) => at.map((one) => (fits(plot, one) ? clock(one) : "")) },
        {
          ...axis, size: AXIS,
          splits: (plot, k, low, high) => splits(low, high, this.steps),
          filter: (plot, at) => at,
          values: (plot, at) => at.map((one) => mark(one, this.steps)),
        },
      ],
      hooks: { setCursor: [(plot) => this.point(plot.cursor.idx)] },
    };
  }

  // From the first interval on, but for at least a minute.
  time() {
    const first = this.columns.length ? this.columns[0].begin : this.until;
    return [Math.max(this.until - MOST_SPAN, Math.min(first, this.until - LEAST_SPAN)), this.until];
  }

  // The values that are shown, with some room, and at least a factor of 4.
  range() {
    let low = Infinity, high = 0;
    for (const { cells } of this.columns) {
      for (let k = 0; k < cells.length; k += 2) {
        low = Math.min(low, cells[k]);
        high = Math.max(high, cells[k] + 1);
      }
    }
    if (low > high) return [this.steps[0][2] || 1, 10 * (this.steps[0][2] || 1)];
    const room = Math.max(1, 8 - (high - low) / 2);
    return [2 ** ((low - room) * this.bin), 2 ** ((high + room) * this.bin)];
  }

  scales() {
    return { x: { time: false, range: () => this.time() }, y: { distr: 3, range: () => this.range() } };
  }

  lineOptions() {
    const shown = NAMES.map((label, k) => ({
      label, stroke: this.colors[k], dash: DASHES[k], width: k === 2 ? 2.5 : 1.75, points: { show: false },
    }));
    return { ...this.common(), scales: this.scales(), series: [{}, ...shown] };
  }

  heatOptions() {
    const common = this.common();
    const cells = (plot, k) => k === 1 && drawCells(plot, this.columns, this.stops, this.bin);
    return {
      ...common,
      scales: this.scales(),
      series: [{}, { paths: () => null, points: { show: false } }],
      hooks: { ...common.hooks, drawSeries: [cells] },
    };
  }

  // The numbers beside the charts: those under the pointer, or the last ones.
  point(place) {
    this.pointed = place === null || place === undefined ? null : place;
    const column = this.pointed === null ? this.columns[this.columns.length - 1] : this.shown[this.pointed];
    this.texts.forEach((text, k) => write(text, quantity(column ? column.values[k] : null, this.steps)));
    const { begin, end, count } = column || {};
    const isEmpty = !this.columns.some((one) => one.count);
    const when = isEmpty ? "no values since this page looks" : "latest second";
    write(this.at, this.pointed === null || !column ? when : clock((begin + end) / 2));
    const rate = column ? `${Math.round(count / (end - begin)).toLocaleString("en-US")}/s` : "";
    write(this.counted, column ? `${count.toLocaleString("en-US")} values, ${rate}` : "");
  }

  draw() {
    const at = [], values = NAMES.map(() => []);
    const shown = []; // the interval at each place; null where nobody looked
    let before = null;
    for (const column of this.columns) {
      if (before && column.begin - before.end > 0.5) add((before.end + column.begin) / 2, null); // nobody looked
      add((column.begin + column.end) / 2, column);
      before = column;
    }
    function add(time, column) {
      at.push(time);
      shown.push(column);
      values.forEach((line, k) => line.push(column ? column.values[k] : null));
    }
    this.shown = shown;
    this.plots[0].setData([at, ...values]);
    this.plots[1].setData([at, values[3]]);
    this.point(this.pointed);
  }
}
