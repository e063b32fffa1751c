// The course of a tile's last hour of scores against its limit, as two paths: below the limit, and (bolder) above it.

import { s } from "/static/dom.js";

const HOLDS_MIN = 45;
const POINTS = 60;
const WIDTH = 120;
const HEIGHT = 40;

export function spark() {
  return s(
    "svg",
    { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    s("line", { class: "limit", x1: 0, x2: WIDTH }),
    s("path", { class: "below" }),
    s("path", { class: "above" }),
  );
}

/** A score a minute of scores that fall every fifteen: each holds until the next, for 45 minutes at most. */
export function held(scores) {
  let last = null;
  let age = 0;
  return scores.map((score) => {
    if (score != null) [last, age] = [score, 0];
    else age += 1;
    return age <= HOLDS_MIN ? last : null;
  });
}

export function drawSpark(element, found, limit) {
  const scores = held(found);
  const [line, below, above] = element.children;
  const known = scores.filter((score) => score != null);
  const hasLimit = limit != null;
  const top = Math.max(hasLimit ? limit * 2 : 1, ...known.map((score) => Math.min(score, hasLimit ? limit * 6 : score)));
  const bottom = Math.min(0, ...known.map((score) => Math.max(score, -top / 3)));
  const y = (score) => HEIGHT - 1 - ((Math.min(Math.max(score, bottom), top) - bottom) / (top - bottom || 1)) * (HEIGHT - 2);
  line.setAttribute("visibility", hasLimit ? "visible" : "hidden");
  if (hasLimit) for (const end of ["y1", "y2"]) line.setAttribute(end, y(limit).toFixed(1));
  const at = (index) => `${(((index + POINTS - scores.length) / (POINTS - 1)) * WIDTH).toFixed(1)} ${y(scores[index]).toFixed(1)}`;
  let [calm, high] = ["", ""];
  for (let i = 0; i < scores.length; i += 1) {
    if (scores[i] == null) continue;
    const starts = i === 0 || scores[i - 1] == null;
    const step = starts ? `M${at(i)}` : `M${at(i - 1)}L${at(i)}`;
    if (hasLimit && (scores[i] > limit || (!starts && scores[i - 1] > limit))) high += step;
    else calm += starts ? step : calm ? `L${at(i)}` : step;
    if (hasLimit && scores[i] > limit && !starts && scores[i - 1] <= limit) calm += "";
    if (hasLimit && scores[i] <= limit && !starts && scores[i - 1] > limit) calm += `M${at(i)}`;
  }
  below.setAttribute("d", calm);
  above.setAttribute("d", high);
}

export function extend(course, device) {
  if (device.course) return device.course;
  return [...course, ...(device.more ?? [])].slice(-POINTS);
}
