"use strict";

// The page listens to two channels of one service: what is announced, and how many listen to that.
const CHANNEL = "news";
const COUNT_CHANNEL = "news/listeners";
const MOST_SHOWN = 50;

const element = (id) => document.getElementById(id);
const client = new Snorky("/ws", { backoffCap: 5000 });
const announcements = client.pubsub("announcements");

/* The connection. */

const STATES = { connecting: "Connecting", open: "Connected", waiting: "Reconnecting", closed: "Disconnected" };
let countdown;

function showState(state) {
  clearInterval(countdown);
  element("countdown").textContent = "";
  element("line").dataset.state = state;
  element("state").textContent = STATES[state];
  element("retry").hidden = state !== "waiting" && state !== "closed";
  element("audience").hidden = true; // until it is known
}

// Screen readers are told once that the page reconnects, not every second when.
function showWait({ delay }) {
  const due = Date.now() + delay;
  const show = () => {
    const seconds = Math.max(0, Math.ceil((due - Date.now()) / 1000));
    element("countdown").textContent = ` in ${seconds} s`;
  };
  clearInterval(countdown);
  countdown = setInterval(show, 250);
  show();
}

client.on("state", showState);
client.on("reconnecting", showWait);
element("retry").addEventListener("click", () => client.connect());

// A page that somebody left may be kept for the way back, with its connection. Nobody listens there meanwhile.
window.addEventListener("pagehide", () => client.close());
window.addEventListener("pageshow", ({ persisted }) => persisted && client.connect());

/* What arrives. */

function showListeners(number) {
  element("listeners").textContent = Number(number).toLocaleString();
  element("audience").hidden = false;
}

function isObject(value) {
  return typeof value === "object" && value !== null;
}

// Whoever has the key may publish any JSON value. Those of the form are objects with text and from.
function read(message) {
  if (typeof message === "string") {
    return { from: "", words: message };
  }
  if (isObject(message) && typeof message.text === "string") {
    return { from: typeof message.from === "string" ? message.from.trim() : "", words: message.text };
  }
  return { from: "", words: JSON.stringify(message, null, 1), data: true };
}

function part(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}

function face(from) {
  const shown = part("span", "face", [...from][0] ?? "");
  let sum = 0;
  for (const character of from) {
    sum += character.codePointAt(0);
  }
  shown.dataset.tint = String(sum % 5);
  shown.setAttribute("aria-hidden", "true");
  return shown;
}

function showAnnouncement(message) {
  const { from, words, data } = read(message);
  const now = new Date();
  const time = part("time", "", now.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" }));
  time.dateTime = now.toISOString();
  const meta = part("p", "meta", "");
  meta.append(part("b", "", from || "Somebody"), time);
  const item = part("li", "new", "");
  item.append(face(from || "?"), meta, part("p", data ? "words data" : "words", words));

  const feed = element("feed");
  feed.prepend(item);
  while (feed.children.length > MOST_SHOWN) {
    feed.lastElementChild.remove();
  }
  element("empty").hidden = true;
}

// In this order, so that the count, which changes with the second subscription, finds the first in place.
announcements.subscribe(COUNT_CHANNEL, showListeners).catch(showProblem);
announcements.subscribe(CHANNEL, showAnnouncement).catch(showProblem);

/* The form. */

function showProblem(problem) {
  element("problem").textContent = problem ? String(problem.message ?? problem) : "";
}

async function announce(text, from) {
  const response = await fetch("/demo/announce", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(from ? { text, from } : { text }),
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) {
    const said = await response.json().catch(() => ({}));
    throw new Error(said.error ?? `The backend answered ${response.status}.`);
  }
}

let sending = false;

element("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = element("text");
  const text = field.value.trim();
  field.setAttribute("aria-invalid", String(text === ""));
  if (text === "") {
    showProblem("Write a message first.");
    field.focus();
    return;
  }
  if (sending) {
    return;
  }
  sending = true;
  showProblem();
  element("send").setAttribute("aria-disabled", "true");
  try {
    await announce(text, element("from").value.trim());
    field.value = "";
    field.focus();
  } catch (problem) {
    const lost = problem instanceof TypeError || problem.name === "TimeoutError";
    showProblem(lost ? "The backend cannot be reached. Try again in a moment." : problem);
  } finally {
    sending = false;
    element("send").setAttribute("aria-disabled", "false");
  }
});

element("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    element("form").requestSubmit();
  }
});
