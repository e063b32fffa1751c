// One device: where it stands and why, its day of vital signs and scores, and what happened to it.

import { held } from "/static/spark.js";
import { byId, clockTime, eventTime, h, icon, inWords, named, number, say, span, WORDS } from "/static/dom.js";
import { Charts, colour } from "/static/charts.js";
import { connect, now } from "/static/live.js";

const id = decodeURIComponent(location.pathname.split("/").pop());
const MOST = 1440;
const SPANS = [["1 h", 60], ["6 h", 360], ["24 h", 1440], ["All", null]];
document.title = `${id} · FedSecure`;

let device = null;
let truths = [];
const scores = { minute: [], score: [], threshold: [], error: [], flagged: [], state: [] };
const vitals = { minute: [], heart: [], breath: [], pulse: [] };
let expected = { minute: [], heart: [], breath: [] };

const charts = new Charts(byId("charts"), bands);
const padded = (least) => (u, low, high) => (low == null ? [0, 1] : [low - Math.max(least, (high - low) * 0.1), high + Math.max(least, (high - low) * 0.1)]);
const measured = { label: "measured", tone: "measured", width: 1.5 };
const modelled = { label: "expected by the model", tone: "expected", width: 2, dash: [7, 4] };
const HEART = charts.add({ title: "Heart rate", unit: "bpm", height: 210, series: [measured, modelled, { label: "pulse", tone: "probation", width: 1.2, dash: [2, 3] }], range: padded(4) });
const BREATH = charts.add({ title: "Respiratory rate", unit: "/min", height: 180, series: [measured, modelled], range: padded(2) });
const SCORE = charts.add({ title: "Score against limit", unit: "", height: 210, series: [{ label: "score", tone: "quarantined", width: 2 }, { label: "limit", tone: "limit", width: 1.5, dash: [6, 4] }], range: padded(0.5) });

/** Behind every chart: the states as bands of their colour, an attack that was told as a hatched band. */
function bands(u, context) {
  const { left, top, width, height } = u.bbox;
  const x = (minute) => Math.min(Math.max(u.valToPos(minute * 60, "x", true), left), left + width);
  context.save();
  context.globalAlpha = 0.5;
  for (const [state, from, to] of runs()) {
    if (state === "benign") continue;
    context.fillStyle = colour(`${colour(`${state}-bg`) ? state : "idle"}-bg`);
    context.fillRect(x(from), top, x(to) - x(from), height);
  }
  context.globalAlpha = 1;
  for (const { from, to } of truths) hatch(context, x(from), top, x(to) - x(from), height);
  context.restore();
}

function hatch(context, left, top, width, height) {
  if (width <= 0) return;
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.strokeStyle = colour("line");
  context.lineWidth = devicePixelRatio;
  for (let at = left - height; at < left + width; at += 12 * devicePixelRatio) {
    context.beginPath();
    context.moveTo(at, top + height);
    context.lineTo(at + height, top);
    context.stroke();
  }
  context.restore();
}

function runs() {
  const found = [];
  scores.minute.forEach((minute, i) => {
    const last = found.at(-1);
    if (last && last[0] === scores.state[i]) last[2] = minute + 1;
    else found.push([scores.state[i], minute, minute + 1]);
  });
  return found;
}

function append(columns, more) {
  for (const [name, values] of Object.entries(more)) columns[name] = [...columns[name], ...values].slice(-MOST);
}

/** A column laid over another's minutes, null where it has none. */
function aligned(minutes, source, name) {
  const at = new Map(source.minute.map((minute, i) => [minute, source[name][i]]));
  return minutes.map((minute) => at.get(minute) ?? null);
}

function drawCharts() {
  const { minute } = vitals;
  const latest = (values, unit) => (values.length ? `Latest ${number(values.at(-1))} ${unit}` : "No values yet");
  charts.set(HEART, [minute, vitals.heart, aligned(minute, expected, "heart"), vitals.pulse], latest(vitals.heart, "beats a minute"));
  charts.set(BREATH, [minute, vitals.breath, aligned(minute, expected, "breath")], latest(vitals.breath, "breaths a minute"));
  charts.set(SCORE, [scores.minute, held(scores.score), scores.threshold], device?.score == null ? "No score yet" : `Score ${number(device.score)} of limit ${number(device.threshold)}`);
  const ends = [minute, scores.minute].filter((one) => one.length);
  if (ends.length) charts.reach(Math.min(...ends.map((one) => one[0])), Math.max(...ends.map((one) => one.at(-1))) + 1);
  markZoom();
}

function drawTitle() {
  if (!device) {
    byId("title").replaceChildren(h("div", {}, h("h1", {}, id), h("p", { class: "state" }, "Redis knows no such device")));
    return;
  }
  document.title = `${device.label ?? id} · FedSecure`;
  const why = inWords(device.reason) || (device.may_train ? "May take part in rounds" : "");
  byId("title").dataset.standing = device.standing;
  byId("title").replaceChildren(icon(device.standing), h("div", {}, h("h1", {}, ...named(id, device.label)), h("p", { class: "state" }, WORDS[device.standing])), ...(why ? [h("p", { class: "why" }, why)] : []));
  const facts = [
    ["Score", number(device.score, 2), device.threshold == null ? "" : `limit ${number(device.threshold, 2)}`],
    ["Votes over the limit", `${Math.round((device.flagged_share ?? 0) * 4)} of 4`, "last decisions"],
    ["Last sample", h("b", { id: "age" }), ""],
    ["May train", device.may_train ? "Yes" : "No", device.why_not?.replaceAll("_", " ") ?? ""],
    ["Own normal", device.enrolled ? "Learnt" : `${Math.round((device.enrolment_share ?? 0) * 100)} %`, ""],
    ["Minutes judged", (device.minutes ?? 0).toLocaleString("en"), `by ${device.worker_id ?? "nobody"}`],
    ["Recorded time", eventTime(device.applied_through ?? 0, false), eventTime(device.applied_through ?? 0).slice(0, 10)],
  ];
  byId("facts").replaceChildren(...facts.map(([name, value, more]) => h("li", {}, h("span", {}, name), value instanceof Element ? value : h("b", {}, value), " ", h("small", {}, more))));
  drawAge();
}

function drawAge() {
  if (device?.received_at != null && byId("age")) say(byId("age"), device.finished ? "ended" : `${span(now() - device.received_at)} ago`);
}

function drawEvents({ changes, rounds }) {
  const none = (text) => [h("li", { class: "soft" }, text)];
  byId("changes").replaceChildren(...(changes.length ? changes.map((one) => h("li", { "data-standing": one.state },
    icon(one.state), h("strong", {}, WORDS[one.state] ?? one.state), h("time", {}, eventTime(one.minute)), inWords(one.reason) ? h("span", { class: "why" }, inWords(one.reason)) : null)) : none("Nothing told yet")));
  byId("rounds").replaceChildren(...(rounds.length ? rounds.map((one) => h("li", {},
    h("span", {}, `#${one.round}`), h("strong", {}, one.what), h("time", {}, clockTime(one.at)), one.why ? h("span", { class: "why" }, one.why) : null)) : none("In no round so far")));
}

function drawTable() {
  if (!byId("numbers").open) return;
  const rows = vitals.minute.slice(-60).map((minute, i, all) => {
    const at = vitals.minute.length - all.length + i;
    const judged = scores.minute.indexOf(minute);
    return [eventTime(minute), number(vitals.heart[at], 0), number(vitals.breath[at], 0), number(held(scores.score)[judged], 2), number(scores.threshold[judged], 2), WORDS[scores.state[judged]] ?? "–"];
  });
  const head = ["Recorded", "Heart rate", "Resp. rate", "Score", "Limit", "State"];
  byId("table").replaceChildren(h("table", {}, h("thead", {}, h("tr", {}, head.map((one) => h("th", { scope: "col" }, one)))), h("tbody", {}, rows.reverse().map((row) => h("tr", {}, row.map((cell) => h("td", {}, cell)))))));
}

function take(page) {
  if ("device" in page) device = page.device;
  if (page.scores) Object.assign(scores, page.scores);
  if (page.more_scores) append(scores, page.more_scores);
  if (page.vitals) Object.assign(vitals, page.vitals);
  if (page.more_vitals) append(vitals, page.more_vitals);
  if (page.expected) document.body.dataset.expected = page.expected.minute?.length ?? 0;
  if (page.expected) expected = page.expected.minute ? page.expected : { minute: [], heart: [], breath: [] };
  if (page.changes) {
    truths = page.truth;
    drawEvents(page);
  }
  drawTitle();
  drawCharts();
  drawTable();
}

byId("zoom").append(...SPANS.map(([name, minutes]) => h("button", { class: "plain", type: "button", "data-minutes": minutes ?? 0, onclick: () => charts.show(minutes && charts.full[1] - charts.full[0] > minutes * 60 ? [charts.full[1] - minutes * 60, charts.full[1]] : null) }, name)));
function markZoom() {
  const width = charts.shown ? (charts.shown[1] - charts.shown[0]) / 60 : 0;
  const [low, high] = charts.shown ?? charts.full;
  document.body.dataset.shownMinutes = Math.round((high - low) / 60);
  for (const button of byId("zoom").children) button.setAttribute("aria-pressed", Math.abs(Number(button.dataset.minutes) - width) < 1);
}
byId("charts").addEventListener("zoom", markZoom);
markZoom();
byId("numbers").addEventListener("toggle", drawTable);
setInterval(drawAge, 1000);
connect(`/api/stream/device/${encodeURIComponent(id)}`, { snapshot: take, changes: take });
