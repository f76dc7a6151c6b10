// A board that many draw on. Pointers, and lines that are being drawn, are cursors: only what they are at last counts.
// Finished strokes are published, and kept for those who come later.

import { Snorky } from "/snorky.mjs";
import { Board, readCursor } from "./board.js";
import { showConnection } from "./connection.js";
import { Pen } from "./pen.js";
import { showPeople, tint } from "./people.js";
import { bindForm, Visitor } from "./visitor.js";

const DOCUMENT = "board";
const TIMEOUT = 10_000;

const element = (id) => document.getElementById(id);
const snorky = new Snorky("/ws", { backoffCap: 5000 });
const me = new Visitor(snorky);
showConnection(snorky);

const board = new Board(element("board"));
const pen = new Pen(element("board"), board, { moved: showOwn, finished: publish });

/* The strokes: a service of the demo, which tells on each connection what there is, and from then on what is new. */

const drawing = snorky.service("drawing");

snorky.on("open", async () => {
  try {
    const { strokes } = await drawing.call("look", {}, { timeout: TIMEOUT });
    board.clear();
    strokes.forEach((stroke) => board.add(stroke));
    showNumber();
  } catch (problem) {
    if (problem.code !== "lost") {
      showProblem("problem", problem); // otherwise the next connection looks
    }
  }
});

drawing.on("notification", ({ type, stroke, oldest }) => {
  if (type === "stroke") {
    board.add(stroke);
    board.forget(oldest);
  } else if (type === "cleared") {
    board.clear();
    element("news").textContent = "The board was cleared.";
  }
  showNumber();
});

async function change(command, params) {
  showProblem("problem");
  try {
    await drawing.call(command, params, { timeout: TIMEOUT }); // while the page reconnects, it waits
  } catch (problem) {
    showProblem("problem", problem);
  }
}

/** Publishes a stroke. It comes back like everybody's, before the call ends; until then it is shown as a preview. */
async function publish(points) {
  const remove = board.preview(ink(), points);
  await change("draw", { pen: ink(), points });
  remove();
}

element("clear").addEventListener("click", () => change("clear", {}));

/* The pens. The first one has the colour by which the visitor is known. */

let chosen;

function ink() {
  return chosen ?? (me.id ? tint(me) : 0);
}

function showPens() {
  for (const input of element("pens").querySelectorAll("input")) {
    input.checked = Number(input.value) === ink();
  }
}

element("pens").addEventListener("change", ({ target }) => {
  chosen = Number(target.value);
  showOwn();
});

/* The cursors. Those of others, and the own one, come back by themselves when the connection does. */

let shared; // the document
let own; // the cursor

function state() {
  return { position: pen.position, status: { pen: ink(), line: pen.line } };
}

async function join() {
  shared = await snorky.cursors().join(DOCUMENT);
  shared.on("cursors", showOthers);
  showPens();
  showOthers();
  own = await shared.create(state());
  own.update(state()); // it may have moved meanwhile
}

let turn = join().catch((problem) => showProblem("problem", problem));
me.onRename = () => {
  element("name").value = me.name;
  turn = turn
    .then(() => shared?.leave())
    .then(join)
    .catch((problem) => showProblem("problem", problem));
};

/** The own line is shown at once; the own cursor only where there is no other pointer. */
function showOwn() {
  own?.update(state());
  show();
}

let others = [];

function showOthers() {
  const { cursors } = shared;
  const before = new Set(others.map(({ owner }) => owner.id));
  const names = cursors.filter(({ owner }) => !before.has(owner.id)).map(({ owner }) => owner.name);
  if (names.length) {
    element("news").textContent = `Here: ${names.join(", ")}`;
  }
  others = cursors;
  // Somebody may be here with several tabs, each of which has a cursor.
  const people = new Map(cursors.map(({ owner }) => [owner.id, owner]));
  people.set(me.id, { id: me.id, name: me.name });
  showPeople(element("people"), people.values(), me);
  element("count").textContent = `(${people.size})`;
  show();
}

function show() {
  const mine = { key: "own", name: me.name, position: pen.isByKeys ? pen.position : null, pen: ink(), line: pen.line };
  board.show([...others.map(readCursor), mine]);
}

/* The rest. */

function showNumber() {
  const { size } = board;
  element("drawn").textContent = size === 0 ? "Nothing is drawn yet." : size === 1 ? "1 line." : `${size} lines.`;
}

function showProblem(id, problem) {
  const lost = problem?.code === "lost" || problem?.code === "timeout";
  element(id).textContent = lost
    ? "There was no answer. It may not have arrived; try again in a moment."
    : String(problem?.message ?? problem ?? "");
}

snorky.on("error", (problem) => showProblem("problem", problem));
bindForm(element("who"), me, (problem) => showProblem("name-problem", problem));
