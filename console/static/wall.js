// The device wall: what needs somebody first and large, all others calm below; a tile is touched only when it changed.

import { byId, h, icon, inWords, named, number, plural, say, span, WORDS } from "/static/dom.js";
import { connect, now, sayOld } from "/static/live.js";
import { drawSpark, extend, spark } from "/static/spark.js";
import { moveThrough } from "/static/keys.js";

const URGENCY = ["quarantined", "invalid_input", "suspect", "from_the_future", "unknown", "stale", "unscored", "probation", "enrolling", "benign"];
const CALM = new Set(["benign", "enrolling"]);
const CLOSE_FROM = 40;
const DENSE_FROM = 240;
const MOST_LARGE = 60;

const devices = new Map();
let only = null;
let wanted = "";

const sections = ["attention", "calm"].map((kind) => {
  const title = h("h2", {}, kind === "attention" ? "Needs a look" : "In good standing", h("span", { class: "count" }));
  const list = h("ul", { class: `tiles ${kind}`, "aria-label": title.firstChild.textContent });
  const section = h("section", { hidden: true }, title, list);
  byId("wall").append(section);
  moveThrough(list, "a.tile");
  return { section, list, count: title.lastChild };
});
const empty = h("p", { class: "empty", hidden: true }, "No device is known yet. Start ", h("code", {}, "fedsecure worker"), " and ", h("code", {}, "fedsecure replay"), ".");
byId("wall").append(empty);

const drawn = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const device = devices.get(target.dataset.id);
    if (!device) continue;
    device.visible = isIntersecting;
    if (isIntersecting) draw(device);
  }
}, { rootMargin: "200px" });

function make(id) {
  const parts = {
    icon: h("span"), name: h("span", { class: "name" }, id), age: h("span", { class: "age" }), state: h("span", { class: "state" }),
    spark: spark(), score: h("span", { class: "score" }), why: h("span", { class: "why" }),
  };
  const link = h("a", { class: "tile", href: `/device/${id}`, tabindex: -1 }, ...[parts.icon, parts.name, parts.state, parts.age, parts.score, parts.spark, parts.why].flatMap((part) => [part, " "]));
  const item = h("li", { "data-id": id }, link);
  const device = { id, link, item, parts, course: [], visible: false, tile: null, place: null, drawnStanding: null };
  devices.set(id, device);
  drawn.observe(item);
  return device;
}

function ageOf(tile) {
  if (tile.received_at == null) return "";
  return tile.finished ? "recording ended" : `${span(now() - tile.received_at)} ago`;
}

function whyOf(tile) {
  if (tile.standing === "stale") return `Last sample ${span(now() - tile.received_at)} ago. Before that: ${WORDS[tile.verdict].toLowerCase()}.`;
  if (tile.standing === "enrolling") return `${Math.round(tile.enrolment_share * 100)} % of its own normal learnt`;
  return inWords(tile.reason);
}

/** What a tile out of sight has too: its state in words, which a screen reader reads there. */
function drawStanding(device) {
  const { tile, parts, link } = device;
  if (device.drawnStanding !== tile.standing) {
    device.drawnStanding = tile.standing;
    link.dataset.standing = tile.standing;
    parts.icon.replaceWith((parts.icon = icon(tile.standing)));
    say(parts.state, WORDS[tile.standing] ?? tile.standing);
    drawAge(device);
  }
}

function draw(device) {
  const { tile, parts } = device;
  drawStanding(device);
  parts.score.replaceChildren(...(tile.score == null ? [] : [h("span", { class: "unseen" }, "score "), h("b", {}, number(tile.score)), h("span", { class: "of" }, ` limit ${number(tile.threshold)}`)]));
  drawSpark(parts.spark, device.course, tile.threshold);
  drawAge(device);
}

function drawAge(device) {
  const { tile, parts } = device;
  say(parts.age, ageOf(tile));
  say(parts.why, whyOf(tile));
}

const nameOf = ({ id, tile }) => tile.label ?? id;
const order = (a, b) => URGENCY.indexOf(a.tile.standing) - URGENCY.indexOf(b.tile.standing) || (nameOf(a) < nameOf(b) ? -1 : 1);

/** A name is found as it is written and as the id that it becomes: "icu_03" finds icu-03. */
function isWanted({ id, tile }) {
  const asId = wanted.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  return (tile.label ?? "").toLowerCase().includes(wanted) || id.includes(wanted) || (asId !== "" && /^[\x20-\x7e]+$/.test(wanted) && id.includes(asId));
}
const fits = (device) => (only === null || device.tile.standing === only) && isWanted(device);

let planned = false;
function plan() {
  if (planned) return;
  planned = true;
  requestAnimationFrame(() => {
    planned = false;
    arrange();
  });
}

/** Puts every tile where it belongs; a tile that is there already is not moved. */
function arrange() {
  const shown = [...devices.values()].filter(fits).sort(order);
  const groups = [shown.filter((one) => !CALM.has(one.tile.standing)), shown.filter((one) => CALM.has(one.tile.standing))];
  const focused = document.activeElement;
  sections.forEach(({ section, list, count }, which) => {
    const group = groups[which];
    section.hidden = group.length === 0;
    say(count, String(group.length));
    const dense = group.length > DENSE_FROM;
    list.classList.toggle("close", !dense && group.length > (which === 0 ? MOST_LARGE : CLOSE_FROM));
    list.classList.toggle("dense", dense);
    list.classList.toggle("attention", which === 0 && group.length <= MOST_LARGE);
    let at = list.firstElementChild;
    for (const device of group) {
      if (device.item === at) at = at.nextElementSibling;
      else list.insertBefore(device.item, at);
    }
    while (at) {
      const next = at.nextElementSibling;
      if (!group.some((one) => one.item === at)) at.remove();
      at = next;
    }
    if (!list.querySelector('a[tabindex="0"]')) list.querySelector("a.tile")?.setAttribute("tabindex", 0);
  });
  if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
  empty.hidden = devices.size > 0;
  say(byId("shown"), only || wanted ? `${plural(shown.length, "device")} of ${devices.size} shown` : plural(devices.size, "device"));
  count();
}

const buttons = new Map();
function count() {
  const found = new Map(["quarantined", "suspect", "stale", "enrolling", "benign"].map((standing) => [standing, 0]));
  for (const { tile } of devices.values()) found.set(tile.standing, (found.get(tile.standing) ?? 0) + 1);
  for (const standing of URGENCY) {
    if (found.has(standing) && !buttons.has(standing)) addButton(standing);
    const button = buttons.get(standing);
    if (!button) continue;
    const amount = found.get(standing) ?? 0;
    say(button.querySelector("b"), String(amount));
    button.classList.toggle("none", amount === 0);
    button.setAttribute("aria-pressed", only === standing);
  }
}

function addButton(standing) {
  const press = () => {
    only = only === standing ? null : standing;
    plan();
  };
  const button = h("button", { type: "button", "data-standing": standing, onclick: press }, h("b", {}, "0"), icon(standing), h("span", { class: "word" }, WORDS[standing]));
  buttons.set(standing, button);
  const places = [...buttons.keys()].sort((a, b) => URGENCY.indexOf(a) - URGENCY.indexOf(b));
  byId("counts").replaceChildren(...places.map((one) => buttons.get(one).parentElement ?? h("li", {}, buttons.get(one))));
}

function take(fresh, isNews) {
  for (const tile of fresh) {
    const device = devices.get(tile.id) ?? make(tile.id);
    const before = device.tile?.standing;
    const isRenamed = device.tile?.label !== tile.label;
    device.course = extend(device.course, tile);
    device.tile = tile;
    if (isRenamed) device.parts.name.replaceChildren(...named(tile.id, tile.label));
    if (isRenamed || before !== tile.standing) plan();
    const isNewsworthy = isNews && before && before !== tile.standing && !CALM.has(tile.standing);
    if (isNewsworthy) say(byId("news"), `${nameOf(device)}: ${WORDS[tile.standing]}. ${whyOf(tile)}`);
    if (device.visible || devices.size <= MOST_LARGE) draw(device);
    else drawStanding(device);
  }
}

function forget(id) {
  const device = devices.get(id);
  if (!device) return;
  drawn.unobserve(device.item);
  device.item.remove();
  devices.delete(id);
}

connect("/api/stream/wall", {
  snapshot({ devices: all }) {
    const there = new Set(all.map((tile) => tile.id));
    for (const id of [...devices.keys()]) if (!there.has(id)) forget(id);
    take(all, false);
    plan();
  },
  changes({ devices: changed, gone }) {
    gone.forEach(forget);
    take(changed, true);
    if (gone.length) plan();
  },
});

setInterval(() => {
  for (const device of devices.values()) if (device.visible) drawAge(device);
  const sending = [...devices.values()].filter(({ tile }) => tile.received_at != null && !tile.finished);
  const newest = Math.max(...sending.map(({ tile }) => tile.received_at));
  const silent = sending.length > 0 && sending.every(({ tile }) => tile.freshness === "stale");
  sayOld(silent ? { what: "No device sends", since: newest, means: "All states are old, and no device may train." } : null);
}, 1000);

byId("find").addEventListener("input", (event) => {
  wanted = event.target.value.trim().toLowerCase();
  plan();
});
addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== byId("find")) {
    event.preventDefault();
    byId("find").focus();
  } else if (event.key === "Escape" && (only || wanted)) {
    only = null;
    wanted = byId("find").value = "";
    plan();
  }
});
