// The stream of a page: keeps it open, says when what is shown is old, and comes back by itself.

import { byId, clockTime, h, icon, s, say, span } from "/static/dom.js";

const SILENT_AFTER_MS = 6000;
const RETRY_MS = 2000;

let offsetMs = 0;
let lastWord = 0;
let lostSince = null;
let sources = [];
let extra = null;
let announced = "";

/** Wall time as the console's own machine has it, epoch seconds. */
export const now = () => (Date.now() + offsetMs) / 1000;

/** A page's own reason why what it shows is old, or null. */
export function sayOld(reason) {
  extra = reason;
  showHealth();
}

export function connect(path, handlers) {
  let source = null;
  const hear = (kind, handle) =>
    source.addEventListener(kind, (event) => {
      lastWord = performance.now();
      if (lostSince !== null) {
        lostSince = null;
        showHealth();
      }
      handle?.(JSON.parse(event.data));
    });
  const open = () => {
    source?.close();
    lastWord = performance.now();
    source = new EventSource(path);
    hear("snapshot", handlers.snapshot);
    hear("changes", handlers.changes);
    hear("health", (health) => {
      offsetMs = health.now * 1000 - Date.now();
      sources = health.sources;
      showHealth();
    });
    source.addEventListener("error", () => lose());
  };
  const lose = () => {
    lostSince ??= now();
    showHealth();
    // Refused for good (a new token, too many screens): the browser does not try again, so we do.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => document.hidden || open(), RETRY_MS);
  };
  // A tab that nobody sees holds no connection: browsers give a site six of them in all.
  document.addEventListener("visibilitychange", () => (document.hidden ? source.close() : open()));
  setInterval(() => {
    if (!document.hidden && performance.now() - lastWord > SILENT_AFTER_MS) {
      lostSince ??= now() - SILENT_AFTER_MS / 1000;
      showHealth();
      open();
    }
  }, 1000);
  setInterval(() => {
    say(byId("clock"), clockTime(now(), false));
    showHealth();
  }, 1000);
  open();
}

function worst() {
  if (lostSince !== null) return ["No word from the console", lostSince, "What you see is from then. It tries again by itself."];
  const redis = sources.find((one) => one.name === "Redis" && one.answers === false);
  // It answers, and says why it shows nothing: a wrong password, still loading, a replica without its primary.
  const refuses = redis && redis.reason.startsWith("Redis does not show") && !redis.reason.includes("it does not answer");
  if (redis) return [refuses ? redis.reason : "Redis does not answer", redis.since, "States are from then, and no device may train."];
  const kafka = sources.find((one) => one.name === "Kafka" && one.answers === false);
  if (kafka) return ["Kafka does not answer", kafka.since, "Scores, vital signs and rounds stand still."];
  return extra ? [extra.what, extra.since, extra.means] : null;
}

function showHealth() {
  const found = worst();
  const banner = byId("banner");
  document.body.classList.toggle("is-old", found !== null);
  banner.hidden = found === null;
  if (found !== null) {
    const [what, since, means] = found;
    if (announced !== what + since) {
      announced = what + since;
      banner.replaceChildren(h("p", {}, icon("suspect"), h("span", {}, h("strong", {}, what), h("span", { id: "for", "aria-hidden": "true" }), `. ${means}`)));
    }
    const at = since ? ` since ${clockTime(since)} (${span(now() - since)})` : "";
    say(byId("for"), at);
  } else announced = "";
  showSources();
}

let shownSources = "";
function showSources() {
  const key = JSON.stringify(sources.map((one) => [one.name, one.answers]));
  if (key === shownSources) return;
  shownSources = key;
  byId("sources").replaceChildren(
    ...sources.map((one) => {
      const down = one.answers === false;
      const mark = one.answers ? "benign" : down ? "quarantined" : "enrolling";
      const text = one.answers ? one.name : down ? `${one.name} is gone` : `${one.name} …`;
      return h("li", { class: down ? "down" : null }, icon(mark), text);
    }),
  );
}

// Light, dark, or as the system has it.
const THEMES = ["auto", "light", "dark"];
const button = byId("theme");
function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  button.textContent = `Theme: ${theme}`;
  localStorage.setItem("theme", theme);
  dispatchEvent(new Event("themechange"));
}
button.addEventListener("click", () => setTheme(THEMES[(THEMES.indexOf(localStorage.getItem("theme") ?? "auto") + 1) % 3]));
setTheme(localStorage.getItem("theme") ?? "auto");
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("themechange")));
