// uPlot charts that share one span of time: zoomed, moved and read together, by mouse, touch or keyboard.

import uPlot from "/static/vendor/uplot/uPlot.esm.js";
import { eventTime, h, s, say } from "/static/dom.js";

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const FONT = "13px system-ui, sans-serif";
export const axis = (more = {}) => ({
  stroke: () => colour("soft"), font: FONT, grid: { stroke: () => colour("faint"), width: 1 }, ticks: { stroke: () => colour("line"), width: 1 }, ...more,
});

const MINUTE = 60;
const INCREMENTS = [1, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440].map((minutes) => minutes * MINUTE);

/** Hours and minutes; the date under the first label and under each midnight. */
function times(_u, splits) {
  return splits.map((seconds, i) => {
    const time = eventTime(seconds / MINUTE, false);
    return i === 0 || time === "00:00" ? `${time}\n${eventTime(seconds / MINUTE).slice(0, 10)}` : time;
  });
}

function key(series) {
  const line = { x1: 1, x2: 23, y1: 5, y2: 5, stroke: `var(--${series.tone})`, "stroke-width": series.width ?? 2 };
  if (series.dash) line["stroke-dasharray"] = series.dash.join(" ");
  return h("span", { class: "key" }, s("svg", { viewBox: "0 0 24 10", "aria-hidden": "true" }, s("line", line)), series.label);
}

/** A group of charts over event minutes. `bands(u, context)` may draw behind each. */
export class Charts {
  constructor(place, bands) {
    this.place = place;
    this.bands = bands;
    this.charts = [];
    this.shown = null;
    this.full = [0, 1];
    addEventListener("themechange", () => this.charts.forEach(({ plot }) => plot.redraw(false)));
    new ResizeObserver(() => this.charts.forEach(({ plot, height }) => plot.setSize({ width: this.width(), height }))).observe(place);
  }

  width() {
    return Math.max(240, this.place.clientWidth);
  }

  add({ title, unit, height, series, range }) {
    const read = h("span", { class: "read", "aria-hidden": "true" });
    const box = h("div", { class: "chart", tabindex: 0, role: "img", "aria-label": title, onkeydown: (event) => this.press(event) },
      h("h3", {}, title, h("span", { class: "legend" }, series.map(key)), read));
    this.place.append(box);
    const plot = new uPlot(this.options(height, series, range, read, unit), [[0], ...series.map(() => [null])], box);
    plot.over.addEventListener("dblclick", () => this.show(null));
    this.charts.push({ plot, height, box, title });
    return this.charts.length - 1;
  }

  options(height, series, range, read, unit) {
    const group = this;
    return {
      width: this.width(), height, legend: { show: false },
      cursor: { sync: { key: "minutes" }, drag: { x: true, y: false, setScale: false }, points: { size: 7 } },
      scales: { x: { time: true, range: () => this.shown ?? this.full }, y: { range } },
      axes: [axis({ space: 90, incrs: INCREMENTS, values: times }), axis({ size: 56 })],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      series: [{}, ...series.map((one) => ({
        label: one.label, stroke: () => colour(one.tone), width: one.width ?? 2, dash: one.dash, spanGaps: false, points: { show: false },
      }))],
      hooks: {
        drawClear: [(u) => group.bands(u, u.ctx)],
        setSelect: [(u) => {
          if (u.select.width < 8) return;
          group.show([u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x")]);
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        }],
        setCursor: [(u) => {
          const at = u.cursor.idx;
          const values = at == null ? [] : series.map((one, i) => [one.label, u.data[i + 1][at]]).filter(([, value]) => value != null);
          say(read, values.length ? `${eventTime(u.data[0][at] / 60)} · ${values.map(([name, value]) => `${name} ${value.toFixed(one(value))}`).join(" · ")} ${unit}` : "");
        }],
      },
    };
  }

  /** Gives a chart its columns; the first holds event minutes. */
  set(index, columns, label) {
    const { plot, box, title } = this.charts[index];
    const [minutes, ...values] = columns;
    plot.setData([minutes.map((minute) => minute * 60), ...values], false);
    box.setAttribute("aria-label", `${title}. ${label}`);
  }

  /** Sets the whole span there is (event minutes) and shows it, unless somebody has zoomed in. */
  reach(first, last) {
    const follows = this.shown && Math.abs(this.shown[1] - this.full[1]) < 1;
    const moved = last * 60 - this.full[1];
    this.full = [first * 60, Math.max(last, first + 10) * 60];
    if (follows && moved > 0) this.shown = [this.shown[0] + moved, this.full[1]];
    this.redraw();
  }

  show(span) {
    this.shown = span;
    this.redraw();
    this.place.dispatchEvent(new CustomEvent("zoom"));
  }

  redraw() {
    const [min, max] = this.shown ?? this.full;
    for (const { plot } of this.charts) plot.setScale("x", { min, max });
  }

  press(event) {
    const [min, max] = this.shown ?? this.full;
    const width = max - min;
    const [low, high] = this.full;
    const within = (from, size) => {
      const start = Math.min(Math.max(from, low), Math.max(low, high - size));
      return size >= high - low ? null : [start, start + size];
    };
    const moves = {
      ArrowLeft: () => within(min - width / 4, width), ArrowRight: () => within(min + width / 4, width),
      "+": () => within(min + width / 4, width / 2), "=": () => within(min + width / 4, width / 2), "-": () => within(min - width / 2, width * 2),
      0: () => null,
    };
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.show(move());
  }
}

const one = (value) => (Math.abs(value) < 10 ? 2 : 0);
