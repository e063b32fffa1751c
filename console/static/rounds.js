// Rounds: how the last one went, loss and devices over time, who sat out and why, and the models' line of descent.

import uPlot from "/static/vendor/uplot/uPlot.esm.js";
import { byId, clockTime, h, icon, named, number, plural, span } from "/static/dom.js";
import { axis, colour } from "/static/charts.js";
import { connect, now } from "/static/live.js";

const PHASES = { proposed: "proposed", collecting: "waiting for answers", aggregating: "aggregating", validating: "being measured by the devices", committed: "committed", rejected: "rejected", skipped: "skipped", failed: "failed", rolled_back: "took the model back" };
const rounds = new Map();
let models = [];
let chosen = null;
let plot = null;
const percent = (share) => `${(100 * Math.abs(share)).toFixed(1)} %`;
const short = (sha) => sha?.slice(0, 12) ?? "–";
const newestFirst = () => [...rounds.values()].sort((a, b) => b.round - a.round);

function drawLatest() {
  const [latest] = newestFirst();
  if (!latest) {
    byId("latest").replaceChildren(h("p", { class: "empty" }, "No round yet. Start ", h("code", {}, "fedsecure coordinator"), " and ", h("code", {}, "fedsecure device --all"), "."));
    return;
  }
  const ended = latest.ended_at ? `${span(now() - latest.ended_at)} ago` : "under way";
  const fact = (name, value) => h("dl", {}, h("dt", {}, name), h("dd", {}, value));
  const losses = newestFirst().filter((one) => one.loss != null);
  byId("latest").replaceChildren(h("div", { class: "card", "data-standing": latest.phase },
    icon(latest.phase),
    h("div", {}, h("h2", {}, `Round ${latest.round} ${PHASES[latest.phase]}`), h("p", {}, [ended, latest.reason].filter(Boolean).join(" · "))),
    fact("Took part", `${latest.accepted} of ${latest.cohort}`), fact("Sat out", String(latest.excluded)), fact("Loss", number(losses[0]?.loss, 4))));
}

function drawList() {
  const head = [["Round"], ["Outcome"], ["Took part", "n"], ["Sat out", "n"], ["Loss", "n"], ["Model"], ["When"]];
  const rows = newestFirst().map((one) => h("tr", { "data-standing": one.phase, "aria-selected": one.round === chosen },
    h("td", {}, h("button", { type: "button", "data-round": one.round, onclick: () => choose(one.round) }, String(one.round))),
    h("td", {}, h("span", { class: "tag" }, icon(one.phase), PHASES[one.phase])),
    h("td", { class: "n" }, `${one.accepted} of ${one.cohort}`), h("td", { class: "n" }, String(one.excluded)), h("td", { class: "n" }, number(one.loss, 4)),
    h("td", { class: "mono" }, short(one.model)), h("td", {}, clockTime(one.ended_at ?? one.gated_at))));
  const focused = document.activeElement?.dataset?.round;
  byId("list").replaceChildren(h("table", {}, h("thead", {}, h("tr", {}, head.map(([name, kind]) => h("th", { scope: "col", class: kind }, name)))), h("tbody", {}, rows)));
  if (focused) byId("list").querySelector(`button[data-round="${focused}"]`)?.focus({ preventScroll: true });
}

async function choose(number) {
  chosen = number;
  drawList();
  const answer = await fetch(`/api/rounds/${number}`);
  if (answer.ok && chosen === number) drawDetail(await answer.json());
}

function drawDetail(round) {
  const chips = (devices) => h("ul", { class: "chips" }, devices.map((id) => h("li", {}, h("a", { href: `/device/${id}` }, ...named(id, round.labels[id])))));
  const missing = round.devices.filter((id) => !round.accepted_devices.includes(id));
  byId("detail-title").textContent = `Round ${round.round}`;
  byId("detail").replaceChildren(
    h("p", { "data-standing": round.phase }, h("span", { class: "tag" }, icon(round.phase), PHASES[round.phase]), round.reason ? ` — ${round.reason}` : ""),
    h("h3", {}, `Took part (${round.accepted_devices.length})`), round.accepted_devices.length ? chips(round.accepted_devices) : h("p", { class: "soft" }, "nobody"),
    ...(round.change == null ? [] : [h("h3", {}, "Measured"), h("p", { class: "soft" }, `${plural(round.measured, "device")}: the loss on hours not trained on is ${percent(round.change)} ${round.change > 0 ? "higher" : "lower"} than the former model's (median); ${percent(round.tolerance)} more is tolerated`)]),
    ...(missing.length ? [h("h3", {}, `Asked, no part in the model (${missing.length})`), chips(missing)] : []),
    ...round.sat_out.flatMap((group) => [h("h3", {}, `Sat out: ${group.reason} (${group.devices.length})`), chips(group.devices)]),
    h("h3", {}, "Model"), h("p", { class: "soft" }, h("code", {}, short(round.base)), " → ", h("code", {}, short(round.model)), `, ${round.aggregation}, ${round.task}`),
  );
}

function drawModels() {
  byId("models").replaceChildren(...(models.length ? models.map((one) => h("li", { "data-standing": one.standing === "current" ? "committed" : "idle" },
    h("code", {}, short(one.sha256)), h("strong", {}, one.round ? `round ${one.round}` : "what federation began with"),
    one.standing === "current" ? h("span", { class: "tag", "data-standing": "committed" }, "current") : null,
    one.devices ? h("span", { class: "soft" }, `${plural(one.devices, "device")}, ${one.aggregation}`) : null,
    one.loss == null ? null : h("span", { class: "soft" }, `loss ${number(one.loss, 4)}`),
    one.made_at ? h("time", { class: "soft" }, clockTime(one.made_at)) : null)) : [h("li", { class: "soft" }, "No model yet")]));
}

function drawChart() {
  const all = newestFirst().reverse();
  const data = [all.map((one) => one.round), all.map((one) => one.loss), all.map((one) => one.accepted)];
  byId("chart").setAttribute("aria-label", `Loss and devices of ${plural(all.length, "round")}; the table below holds the numbers`);
  if (plot) {
    plot.setData(data);
    return;
  }
  byId("chart").setAttribute("role", "img");
  byId("chart").append(h("h3", {}, "Loss of the global model (line, left) and devices that took part (bars, right)"));
  plot = new uPlot({
    width: byId("chart").clientWidth, height: 230, legend: { show: false }, cursor: { drag: { x: false, y: false } },
    scales: { x: { time: false }, devices: { range: (u, low, high) => [0, (high ?? 1) * 1.15 + 1] } },
    axes: [axis(), axis({ size: 62, values: (u, values) => values.map((one) => one.toFixed(2)) }), axis({ scale: "devices", side: 1, size: 40, grid: { show: false } })],
    series: [{}, { stroke: () => colour("expected"), width: 2.5, spanGaps: true, points: { show: true, size: 6, fill: () => colour("expected") } },
      { scale: "devices", stroke: () => colour("benign"), width: 0, fill: () => `${colour("benign")}40`, paths: uPlot.paths.bars({ size: [0.55, 40] }), points: { show: false } }],
  }, data, byId("chart"));
  new ResizeObserver(() => plot.setSize({ width: byId("chart").clientWidth, height: 230 })).observe(byId("chart"));
  addEventListener("themechange", () => plot.redraw(false));
}

function take(page, all) {
  if (all) rounds.clear();
  for (const one of page.rounds) rounds.set(one.round, one);
  models = page.models;
  drawLatest();
  drawList();
  drawModels();
  if (rounds.size) drawChart();
  const [latest] = newestFirst();
  if (latest && chosen === null) choose(latest.round);
  else if (page.rounds.some((one) => one.round === chosen)) choose(chosen);
}

setInterval(drawLatest, 5000);
connect("/api/stream/rounds", { snapshot: (page) => take(page, true), changes: (page) => take(page, false) });
