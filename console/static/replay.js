// The replay: what was really attacked beside the verdict; where it is allowed, an attack started and stopped by hand.

import { byId, eventTime, h, icon, inWords, named, s, say, WORDS } from "/static/dom.js";
import { connect } from "/static/live.js";

let devices = [];
let labels = {};
const LABELS = { found: "found", missed: "missed", open: "under way", ahead: "not begun", before: "excluded before" };

function lane(attack, ...shapes) {
  const [from, to] = attack.shown;
  return s("svg", { viewBox: `0 0 ${to - from} 10`, preserveAspectRatio: "none", "aria-hidden": "true" }, shapes);
}

function bar(attack, name, from, to, standing = null) {
  const [first, last] = attack.shown;
  const start = Math.max(from, first) - first;
  return s("rect", { class: name, "data-standing": standing, x: start, y: 0, width: Math.max(0, Math.min(to, last) - first - start), height: 10 });
}

function card(attack) {
  const [from, to] = attack.shown;
  const nowLine = attack.now >= from && attack.now < to ? s("line", { x1: attack.now - from, x2: attack.now - from, y1: 0, y2: 10 }) : null;
  return h("article", { class: "card attack", "data-standing": attack.outcome },
    h("header", {}, icon(attack.outcome), h("h2", {}, h("a", { href: `/device/${attack.device}` }, ...named(attack.device, labels[attack.device]))),
      h("span", { class: "what" }, `${attack.attack}, ${attack.level}`), h("span", { class: "words" }, inWords(attack.words))),
    h("div", { class: "lanes" },
      h("span", {}, "Truth"), lane(attack, bar(attack, "truth", attack.from, attack.to), nowLine?.cloneNode()),
      h("span", {}, "Verdict"), lane(attack, ...attack.states.map(([state, start, end]) => bar(attack, "run", start, end, state)), nowLine),
      h("span"), h("div", { class: "scale" }, h("time", {}, eventTime(from)), h("time", {}, `attacked ${eventTime(attack.from, false)} to ${eventTime(attack.to, false)}`), h("time", {}, eventTime(to)))),
    h("ul", { class: "legend" }, [...new Set(attack.states.map(([state]) => state))].map((state) => h("li", { "data-standing": state }, icon(state), " ", WORDS[state] ?? state))));
}

function show({ attacks = [], unexplained = [] }) {
  const counts = Object.entries(LABELS).map(([outcome, word]) => [attacks.filter((one) => one.outcome === outcome).length, word]).filter(([count]) => count);
  byId("attacks").replaceChildren(...(attacks.length ? [h("h2", {}, "Attacks", h("span", { class: "count" }, counts.map(([count, word]) => `${count} ${word}`).join(", "))), ...attacks.map(card)]
    : [h("p", { class: "empty" }, "The truth topic tells of no attack: nothing is replayed with ", h("code", {}, "--attack"), ", or this is no replay.")]));
  byId("unexplained").replaceChildren(...(attacks.length && unexplained.length ? [h("h2", {}, "Quarantined, with no attack told"), ...unexplained.map((one) => h("article", { class: "card attack", "data-standing": "suspect" },
    h("header", {}, icon("suspect"), h("h2", {}, h("a", { href: `/device/${one.device}` }, ...named(one.device, labels[one.device]))), h("span", { class: "what" }, `since ${eventTime(one.since)}: ${inWords(one.reason)}`))))] : []));
}

async function ask(command) {
  const answer = await fetch("/api/inject", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(command) });
  const words = command.action === "start" ? `${command.attack} on ${command.device_id} was asked for. It shows below once the replay carries it out.` : `The attacks on ${command.device_id} were asked to end.`;
  say(byId("asked"), answer.ok ? words : await answer.text());
}

function options(select, names, describe = (name) => name) {
  const chosen = select.value;
  select.replaceChildren(...names.map((name) => h("option", { value: name }, describe(name))));
  if (names.includes(chosen)) select.value = chosen;
}

async function offer() {
  const { attacks } = await (await fetch("/api/inject")).json();
  if (!attacks) return;
  const field = (id, words, element) => h("label", {}, words, (element.id = id, element));
  const device = h("select", { required: true });
  const attack = h("select");
  const level = h("select");
  const duration = h("input", { type: "number", min: 1, max: 10000, value: 240 });
  const fillLevels = () => {
    const { levels } = attacks.find((one) => one.name === attack.value);
    options(level, Object.keys(levels), (name) => `${name}: ${levels[name]}`);
    level.value = "strong";
  };
  const start = (event) => {
    event.preventDefault();
    ask({ action: "start", device_id: device.value, attack: attack.value, level: level.value, duration_min: Number(duration.value) });
  };
  byId("inject").append(h("h2", {}, "Start an attack on the running replay"), h("form", { onsubmit: start },
    field("device", "Device", device), field("attack", "Attack", attack), field("level", "Level", level), field("duration", "Minutes", duration),
    h("button", { type: "submit" }, "Start"), h("button", { type: "button", onclick: () => ask({ action: "stop", device_id: device.value }) }, "Stop all on this device")), h("p", { id: "asked", role: "status" }));
  options(attack, attacks.map((one) => one.name), (name) => `${name}: ${attacks.find((one) => one.name === name).summary}`);
  fillLevels();
  attack.addEventListener("change", fillLevels);
  byId("inject").hidden = false;
  setDevices();
}

function setDevices() {
  if (byId("device")) options(byId("device"), devices, (id) => (labels[id] ? `${labels[id]} (${id})` : id));
}

function take(page) {
  devices = page.devices ?? devices;
  labels = page.labels ?? labels;
  show(page);
  setDevices();
}

connect("/api/stream/replay", {
  snapshot: take,
  changes: take,
});
offer();
