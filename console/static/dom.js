// Small pieces that every page uses: elements, icons, words, times.

const SVG = "http://www.w3.org/2000/svg";

export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null));
  return element;
}

/** A device as people call it: its name, kept apart from the text around it whatever it is written in, then the id. */
export function named(id, label) {
  return label ? [h("bdi", { class: "label" }, label), " ", h("small", { class: "id" }, id)] : [id];
}

export const byId = (id) => document.getElementById(id);

/** Sets an element's text only when it differs, so that nothing is laid out again for nothing. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// A filled outline and the sign inside it: each state has a shape of its own.
const CIRCLE = "M12 1.5a10.5 10.5 0 1 0 0 21a10.5 10.5 0 0 0 0-21z";
const OCTAGON = "M7.6 1.5h8.8l6.1 6.1v8.8l-6.1 6.1H7.6l-6.1-6.1V7.6z";
const TRIANGLE = "M12 1.6 23.3 21.7H.7z";
const DIAMOND = "M12 .8 23.2 12 12 23.2.8 12z";
const SQUARE = "M4.5 2h15A2.5 2.5 0 0 1 22 4.5v15a2.5 2.5 0 0 1-2.5 2.5h-15A2.5 2.5 0 0 1 2 19.5v-15A2.5 2.5 0 0 1 4.5 2z";
const SHAPES = {
  benign: [CIRCLE, "M7 12.3l3.5 3.5L17.2 8.7"],
  enrolling: [CIRCLE, "M7 12h.01M12 12h.01M17 12h.01"],
  suspect: [TRIANGLE, "M12 8.5v6M12 18h.01"],
  quarantined: [OCTAGON, "M8 8l8 8M16 8l-8 8"],
  probation: [CIRCLE, "M12 6.5V12l3.8 2.6"],
  unscored: [SQUARE, "M7.5 12h9"],
  invalid_input: [DIAMOND, "M12 7v6M12 16.8h.01"],
  stale: [SQUARE, "M5.5 12h4M14.5 12h4M12 7.5v.01M12 16.5v.01"],
  unknown: [DIAMOND, "M9.7 9.5a2.4 2.4 0 1 1 2.9 2.4c-.5.2-.6.5-.6 1.3M12 16.8h.01"],
};
SHAPES.from_the_future = SHAPES.finished = SHAPES.unknown;
SHAPES.committed = SHAPES.found = SHAPES.benign;
SHAPES.skipped = SHAPES.unscored;
SHAPES.failed = SHAPES.rejected = SHAPES.missed = SHAPES.quarantined;
SHAPES.proposed = SHAPES.collecting = SHAPES.aggregating = SHAPES.validating = SHAPES.ahead = SHAPES.enrolling;
SHAPES.open = SHAPES.suspect;
SHAPES.before = SHAPES.rolled_back = SHAPES.probation;

export function icon(standing) {
  const [shape, sign] = SHAPES[standing] ?? SHAPES.unknown;
  return s(
    "svg",
    { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" },
    s("path", { d: shape, fill: "currentColor" }),
    s("path", { d: sign, fill: "none", stroke: "var(--card)", "stroke-width": 2.6, "stroke-linecap": "round", "stroke-linejoin": "round" }),
  );
}

export const WORDS = {
  benign: "Benign", enrolling: "Learning", suspect: "Suspect", quarantined: "Quarantined", probation: "Probation",
  unscored: "Not judged", invalid_input: "Unreadable input", stale: "No fresh data", unknown: "Unknown",
  from_the_future: "Clock ahead", finished: "Ended",
};

export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) return `${whole} s`;
  if (whole < 5400) return `${Math.round(whole / 60)} min`;
  if (whole < 129600) return `${Math.round(whole / 3600)} h`;
  return `${Math.round(whole / 86400)} days`;
}

export function clockTime(epochSeconds, withSeconds = true) {
  const options = { hour: "2-digit", minute: "2-digit", hour12: false };
  if (withSeconds) options.second = "2-digit";
  return new Date(epochSeconds * 1000).toLocaleTimeString([], options);
}

/** Event minutes are the patient's recorded time, in UTC; MIMIC shifts the years. */
export function eventTime(minute, withDate = true) {
  const text = new Date(minute * 60000).toISOString();
  return withDate ? `${text.slice(0, 10)} ${text.slice(11, 16)}` : text.slice(11, 16);
}

export const number = (value, digits = 1) => (value == null ? "–" : value.toFixed(digits));
export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

const STANDING = /^(?:(?:below|close to|over) the limit|on probation)(?:, (\d+ of )(\d+ (?:clean|calm) minutes)(?: since)?)?(?:[:;] |$)/;

/** A worker's reason without the standing before it, which the page says otherwise: what a person wants to know first. */
export function inWords(reason) {
  const [standing, done, needed] = STANDING.exec(reason ?? "") ?? [""];
  const after = (reason ?? "").slice(standing.length);
  if (!after && done) return `${done}the ${needed} that it needs`;
  return after.charAt(0).toUpperCase() + after.slice(1);
}
