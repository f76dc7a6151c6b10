// The page loads a view of the list with a subscription to it, and follows what changes. It never changes the list
// itself: it asks the application to, and shows what Snorky says then.

import { ArrayCollection, fetchSubscription, Snorky } from "./snorky.mjs";
import { Rows } from "./rows.js";

const element = (id) => document.getElementById(id);
const snorky = new Snorky(document.querySelector('meta[name="snorky"]').content, { backoffCap: 5000 });
const datasync = snorky.datasync();

let me = "";

/* The views. Each is a query that the application hands to a dealer; the page has to choose by the same rule. */

const VIEWS = {
  all: { shows: () => true, empty: "Nothing to do. Add something, or go for a dive." },
  open: { shows: (task) => !task.done, empty: "Everything is done." },
  mine: { shows: (task) => task.owner === me, empty: "Nothing here is yours." },
};

/**
 * Keeps old news from a collection. A change may come twice (from Snorky and in the answer to who made it, or because it
 * was published again), or be in the loaded data already. Each has a revision, which is later than all before it: what
 * is not later than what is known of its task is not told. Without this, a list would jump back for a moment.
 */
class News {
  constructor(collection) {
    this.collection = collection;
    this.loaded = 0; // the revision of the whole list
    this.known = new Map(); // later ones, by the task's id; also of tasks that are gone
  }

  reset(list, deltas) {
    this.loaded = list.revision;
    this.known.clear();
    me = list.me; // it may have been changed on another page
    this.collection.reset(list.tasks, this.fresh(deltas));
  }

  apply(deltas) {
    this.collection.apply(this.fresh(deltas));
  }

  fresh(deltas = []) {
    return deltas.filter((delta) => {
      const { id, revision } = delta.newData ?? delta.data;
      const isNews = revision > (this.known.get(id) ?? this.loaded);
      if (isNews) {
        this.known.set(id, revision);
      }
      return isNews;
    });
  }
}

/* The subscription to the view that is shown. */

let live; // the subscription
let news; // where it goes
let tasks = []; // what is shown
let turn = 0; // counts the views that were asked for

const rows = new Rows(element("tasks"), element("task"), { change, move, remove });

function chosen() {
  const name = location.hash.slice(1);
  return Object.hasOwn(VIEWS, name) ? name : "all";
}

function address(view) {
  return `tasks?view=${view}`;
}

async function show() {
  const mine = ++turn;
  const view = chosen();
  for (const link of element("views").querySelectorAll("a")) {
    link.ariaCurrent = link.hash === `#${view}` ? "true" : null;
  }
  // The last subscription has to be over: what came for it would pass for news of this one.
  await live?.stop().catch(() => {});
  if (mine !== turn) {
    return;
  }
  if (view === "mine" && me === "") {
    live = news = undefined;
    render([], view, true);
    showName();
    return;
  }
  const collection = new ArrayCollection({ where: VIEWS[view].shows, sort: byPosition });
  collection.onChange((snapshot) => {
    if (mine === turn) {
      render(snapshot, view, true);
    }
  });
  render([], view, false);
  news = new News(collection);
  live = datasync.subscribe("Task", news, (signal) => fetchSubscription(address(view), { signal }));
  live.on("state", showState);
  live.on("error", () => refresh());
  showState();
}

function byPosition(a, b) {
  return a.position - b.position || a.id - b.id;
}

function render(snapshot, view, loaded) {
  tasks = snapshot;
  rows.show(snapshot, me);
  const open = snapshot.filter((task) => !task.done).length;
  element("count").textContent = snapshot.length ? `${open} of ${snapshot.length} to do` : "";
  element("clear").hidden = open === snapshot.length;
  element("empty").textContent = VIEWS[view].empty;
  element("empty").hidden = snapshot.length > 0 || !loaded;
}

/** Without Snorky the list can be read all the same; it does not follow changes then. */
async function refresh() {
  const [mine, target] = [turn, news];
  if (!target) {
    return;
  }
  try {
    const list = await request("GET", address(chosen()));
    if (mine === turn && target === news && live.state !== "live") {
      target.reset(list);
    }
  } catch (problem) {
    showProblem("problem", problem);
  }
}

/* The state of the connection. */

const STATES = { connecting: "Connecting", open: "Loading", waiting: "Reconnecting", closed: "Disconnected" };

function showState() {
  const isLive = snorky.state === "open" && live?.state === "live";
  element("line").dataset.state = isLive ? "open" : snorky.state === "open" ? "connecting" : snorky.state;
  element("state").textContent = isLive ? "Connected" : STATES[snorky.state];
  element("retry").hidden = snorky.state !== "waiting" && snorky.state !== "closed";
}

snorky.on("state", showState);
element("retry").addEventListener("click", () => snorky.connect());
window.addEventListener("pagehide", () => snorky.close());
window.addEventListener("pageshow", ({ persisted }) => persisted && snorky.connect());

/* What the application is asked to do. */

async function request(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const said = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new Error(said.error ?? `The application answered ${response.status}.`);
  }
  return said;
}

function showProblem(id, problem) {
  const lost = problem instanceof TypeError || problem?.name === "TimeoutError";
  element(id).textContent = lost
    ? "The application cannot be reached. Try again in a moment."
    : String(problem?.message ?? problem ?? "");
}

let last = Promise.resolve(); // what was asked for last

/** Asks for something when what was asked for before is done, and tells whether it was done. */
function ask(method, path, body) {
  showProblem("problem"); // and not when its turn has come: there may be a new one by then
  const done = last.then(() => askNow(method, path, body));
  last = done.catch(() => {});
  return done;
}

/**
 * Asks without waiting. The answer has the tasks as they are now, or were when they were removed; they are shown at once,
 * and what Snorky says about them later is no news.
 */
async function askNow(method, path, body) {
  const target = news;
  let said;
  try {
    said = await request(method, path, body);
  } catch (problem) {
    showProblem("problem", problem);
    rows.show(tasks, me); // a box that was ticked is not
    return false;
  }
  const deltas = method === "DELETE" ? said.map((data) => ({ type: "delete", data })) : [{ type: "update", newData: said, oldData: said }];
  target?.apply(deltas);
  if (live?.state !== "live") {
    await refresh();
  }
  return true;
}

function showName() {
  showProblem("name-problem", "Say who you are first.");
  element("name").focus();
}

function change(task, patch) {
  if (patch.mine && me === "") {
    showName();
    return false;
  }
  return ask("PATCH", `tasks/${task.id}`, patch);
}

function remove(task) {
  return ask("DELETE", `tasks/${task.id}`);
}

/** Moves a task by one place among those that are shown, once what was asked for before is done. */
async function move(task, by) {
  await last;
  const others = tasks.filter((other) => other.id !== task.id);
  const place = tasks.findIndex((other) => other.id === task.id) + by;
  if (place >= 0 && place <= others.length) {
    await change(task, { after: place === 0 ? 0 : others[place - 1].id });
  }
}

element("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = element("title");
  const title = field.value.trim();
  field.setAttribute("aria-invalid", String(title === ""));
  field.focus();
  if (title === "") {
    showProblem("problem", "Write what is to be done first.");
    return;
  }
  field.value = ""; // the next one can be written meanwhile
  if (!(await ask("POST", "tasks", { title })) && field.value === "") {
    field.value = title;
  }
});

element("clear").addEventListener("click", async () => {
  if (await ask("DELETE", `tasks?done=true&view=${chosen() === "mine" ? "mine" : "all"}`)) {
    element("title").focus();
  }
});

element("who").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = element("name");
  const name = field.value.trim();
  field.setAttribute("aria-invalid", String(name === ""));
  showProblem("name-problem", name ? undefined : "Write your name first.");
  if (name === "") {
    field.focus();
    return;
  }
  try {
    me = (await request("PUT", "me", { name })).name;
    field.value = me;
    showProblem("problem");
    show();
  } catch (problem) {
    showProblem("name-problem", problem);
  }
});

window.addEventListener("hashchange", show);

request("GET", "me")
  .then(({ name }) => {
    me = name;
    element("name").value = name;
  })
  .catch((problem) => showProblem("problem", problem))
  .then(show);
