// A room in which people see each other and hear each other.

import { Snorky } from "/snorky.mjs";
import { showConnection } from "./connection.js";
import { face, part, showPeople } from "./people.js";
import { bindForm, Visitor } from "./visitor.js";

const CHANNEL = "pier";
const MOST_SHOWN = 200;
const LONGEST = 500; // characters

const element = (id) => document.getElementById(id);
const snorky = new Snorky("/ws", { backoffCap: 5000 });
const me = new Visitor(snorky);
showConnection(snorky);

/* The room. It is joined again by itself whenever the connection comes back. */

let room;

async function join() {
  room = await snorky.chat().join(CHANNEL, {
    message: showMessage,
    presence: showPresence,
    members: showMembers,
    read: () => setUnread(0), // in another tab
  });
}

// Others know the visitor by the name under which the room was joined.
let turn = join().catch((problem) => showProblem("problem", problem));
me.onRename = () => {
  element("name").value = me.name;
  turn = turn
    .then(() => room?.leave())
    .then(join)
    .catch((problem) => showProblem("problem", problem));
};

snorky.on("error", (problem) => showProblem("problem", problem));
snorky.on("close", ({ final }) => final || showEvent("The connection was lost. What is said now is missing here."));

function showMembers(members) {
  showPeople(element("people"), members, me);
  element("count").textContent = `(${members.length})`;
}

/* What was said, and what has happened. */

function show(item) {
  const messages = element("messages");
  messages.append(item);
  while (messages.children.length > MOST_SHOWN) {
    messages.firstElementChild.remove();
  }
  element("empty").hidden = true;
}

function showEvent(text) {
  const item = part("li", "event", text);
  show(item);
  return item;
}

let last; // what was told of somebody's presence: { from, status, item }

/** Who has another name leaves under one and joins under the other, in the one order or the other. */
function showPresence({ from, status }) {
  if (me.is(from)) {
    return;
  }
  if (last?.from.id === from.id && last.status !== status && last.from.name !== from.name && !last.item.nextSibling) {
    const [before, after] = status === "joined" ? [last.from, from] : [from, last.from];
    last.item.textContent = `${before.name} is now ${after.name}`;
    last = undefined;
  } else {
    last = { from, status, item: showEvent(`${from.name} ${status}`) };
  }
}

function showMessage({ from, body, timestamp }) {
  const mine = me.is(from);
  const when = new Date(timestamp);
  const time = part("time", "", when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = timestamp;
  const meta = part("p", "meta");
  const name = part("b", "");
  name.append(part("bdi", "", from.name));
  meta.append(name, time);
  const item = part("li", mine ? "message mine" : "message");
  // The page sends texts, but others may send any JSON value.
  const text = typeof body === "string" ? body : JSON.stringify(body);
  item.append(face(from), meta, part("p", "words", text.slice(0, LONGEST)));

  if (!mine && !isLookedAt()) {
    setUnread(unread + 1);
  }
  show(item);
  if (!mine && isLookedAt()) {
    tellRead();
  }
}

/* What was not read yet: the number is in the title of the page, and a line is above the first of it. */

const title = document.title;
const line = part("li", "new", "New");
let unread = 0;

function isLookedAt() {
  return document.visibilityState === "visible" && document.hasFocus();
}

function setUnread(number) {
  if (number === 0) {
    line.remove();
  } else if (unread === 0) {
    show(line);
  }
  unread = number;
  document.title = unread ? `(${unread}) ${title}` : title;
}

/** Tells the other tabs of the visitor. It does no harm if one is not told. */
function tellRead() {
  room?.read().catch(() => {});
}

/** The visitor is back. The line stays, to show where to go on. */
function look() {
  if (unread && isLookedAt()) {
    unread = 0;
    document.title = title;
    tellRead();
  }
}

window.addEventListener("focus", look);
document.addEventListener("visibilitychange", look);

/* The forms. */

function showProblem(id, problem) {
  const lost = problem?.code === "lost" || problem?.code === "timeout";
  element(id).textContent = lost
    ? "There was no answer. It may not have arrived; try again in a moment."
    : String(problem?.message ?? problem ?? "");
}

let sending = false;

element("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = element("text");
  const text = field.value.trim();
  field.setAttribute("aria-invalid", String(text === ""));
  field.focus();
  if (text === "") {
    showProblem("problem", "Write a message first.");
    return;
  }
  if (sending) {
    return;
  }
  sending = true;
  showProblem("problem");
  element("send").setAttribute("aria-disabled", "true");
  try {
    await turn;
    await room.send(text, { timeout: 20_000 }); // while the page reconnects, it waits
    if (field.value.trim() === text) {
      field.value = ""; // and not what was written meanwhile
    }
    line.remove();
  } catch (problem) {
    showProblem("problem", problem);
  } finally {
    sending = false;
    element("send").setAttribute("aria-disabled", "false");
  }
});

// Enter sends, also in Japanese: there, it ends the composition first.
element("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    element("form").requestSubmit();
  }
});

bindForm(element("who"), me, (problem) => showProblem("name-problem", problem));
