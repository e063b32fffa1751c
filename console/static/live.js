// The stream of a page: keeps it open, says when what is shown is old, and comes back by itself.

import { byId, clockTime, h, icon, s, say, span } from "/static/dom.js";

const SILENT_AFTER_MS = 6000;
const RETRY_MS = 2000;

let offsetMs = 0;
let lastWord = 0;
let lostSince = null;
let sources = [];
let certificates = [];
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
      certificates = health.certificates;
      showHealth();
    });
    source.addEventListener("error", () => lose());
  };
  const lose = () => {
    lostSince ??= now();
    showHealth();
    // Refused for good (a new token, too many screens): the browser does not try again, so we do.
    if (source.readyState !== EventSource.CLOSED) return;
    askForLogin();
    setTimeout(() => document.hidden || open(), RETRY_MS);
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

const DAY_S = 86400;
const WARN_DAYS = 14; // as the alert does

/** The certificate that expires first, or that cannot be read, in words; null without any. */
function firstToExpire() {
  if (!certificates.length) return null;
  const unreadable = certificates.find((one) => one.expires_at === null);
  if (unreadable) return { bad: true, text: `${unreadable.file} cannot be read`, title: unreadable.setting };
  const first = certificates.reduce((one, other) => (other.expires_at < one.expires_at ? other : one));
  const days = Math.floor((first.expires_at - now()) / DAY_S);
  const text = days < 0 ? `${first.file} has expired` : `Certificates: ${days} days`;
  const bad = days < WARN_DAYS;
  return { bad, text: bad && days >= 0 ? `${first.file} expires in ${days} days` : text, title: `${first.file} (${first.setting})` };
}

let shownSources = "";
function showSources() {
  const expiry = firstToExpire();
  const key = JSON.stringify([sources.map((one) => [one.name, one.answers]), expiry]);
  if (key === shownSources) return;
  shownSources = key;
  const services = sources.map((one) => {
    const down = one.answers === false;
    const mark = one.answers ? "benign" : down ? "quarantined" : "enrolling";
    const text = one.answers ? one.name : down ? `${one.name} is gone` : `${one.name} …`;
    return h("li", { class: down ? "down" : null }, icon(mark), text);
  });
  const dates = expiry && h("li", { class: expiry.bad ? "down" : null, title: expiry.title }, icon(expiry.bad ? "quarantined" : "benign"), expiry.text);
  byId("sources").replaceChildren(...services, ...(dates ? [dates] : []));
}

// Where the console asks for a token, a page can be left for good, and one whose session is over leads to the login.
async function askForLogin() {
  const answer = await fetch("/api/session", { cache: "no-store" }).catch(() => null);
  if (answer?.status === 401) location.assign(`/login?next=${location.pathname}`);
  return answer?.ok ? await answer.json() : {};
}

async function offerLogout() {
  const { ends_at: endsAt } = await askForLogin();
  if (!endsAt) return;
  const until = new Date(endsAt * 1000).toLocaleDateString([], { dateStyle: "medium" });
  const leave = h("button", { class: "plain", type: "submit", title: `logged in until ${until}` }, "Log out");
  byId("theme").after(h("form", { method: "post", action: "/logout" }, leave));
}
offerLogout();

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
