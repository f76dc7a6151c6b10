// The board as a picture: strokes, and the cursors above them. Where something is on it is said in units of its own,
// whatever size it is shown at.

import { part } from "./people.js";

export const WIDTH = 1600;
export const HEIGHT = 1000;
const PENS = 5;
const ARROW = "M2 1l14 7.5-6 1.5-3 6z";

export class Board {
  #element;
  #strokes;
  #unfinished;
  #cursors;
  #numbered = new Map(); // the strokes by their numbers, the oldest first
  #shown = new Map(); // the cursors and their lines by their keys: { cursor, line }

  constructor(element) {
    this.#element = element;
    this.#strokes = element.querySelector("#strokes");
    this.#unfinished = element.querySelector("#unfinished");
    this.#cursors = element.querySelector("#cursors");
  }

  /** Where a pointer is, on the board or at the nearest edge. */
  at({ clientX, clientY }) {
    const { left, top, width, height } = this.#element.querySelector("svg").getBoundingClientRect();
    return [clamp(((clientX - left) / width) * WIDTH, WIDTH), clamp(((clientY - top) / height) * HEIGHT, HEIGHT)];
  }

  get size() {
    return this.#numbered.size;
  }

  /** Adds a finished stroke. */
  add({ number, by, pen, points }) {
    const line = draw(svg("polyline"), pen, points);
    const title = svg("title");
    title.textContent = by.name;
    line.append(title);
    this.#strokes.append(line);
    this.#numbered.set(number, line);
  }

  /** Takes away what is older than a stroke. */
  forget(oldest) {
    for (const [number, line] of this.#numbered) {
      if (number >= oldest) {
        return;
      }
      line.remove();
      this.#numbered.delete(number);
    }
  }

  clear() {
    this.#strokes.replaceChildren();
    this.#numbered.clear();
  }

  /** Shows a line that is on its way to be a stroke, and returns what takes it away. */
  preview(pen, points) {
    const line = draw(svg("polyline"), pen, points);
    this.#unfinished.append(line);
    return () => line.remove();
  }

  /** Shows cursors, [{ key, name, position, pen, line }], in the place of those before. */
  show(cursors) {
    const gone = new Set(this.#shown.keys());
    for (const cursor of cursors) {
      this.#place(cursor);
      gone.delete(cursor.key);
    }
    for (const key of gone) {
      const { cursor, line } = this.#shown.get(key);
      cursor.remove();
      line.remove();
      this.#shown.delete(key);
    }
  }

  #place({ key, name, position, pen, line }) {
    let shown = this.#shown.get(key);
    if (!shown) {
      shown = { cursor: makeCursor(), line: svg("polyline") };
      this.#shown.set(key, shown);
      this.#cursors.append(shown.cursor);
      this.#unfinished.append(shown.line);
    }
    const { cursor } = shown;
    draw(shown.line, pen, line);
    cursor.dataset.pen = pen;
    cursor.querySelector(".name").textContent = name;
    cursor.hidden = !position;
    if (position) {
      const [x, y] = position;
      cursor.style.left = `${(x / WIDTH) * 100}%`;
      cursor.style.top = `${(y / HEIGHT) * 100}%`;
      // The name has no room at the other side.
      cursor.classList.toggle("left", x > WIDTH * 0.75);
      cursor.classList.toggle("up", y > HEIGHT * 0.85);
    }
  }
}

/** Makes an element of a picture. */
function svg(name) {
  return document.createElementNS(document.querySelector("svg").namespaceURI, name);
}

function makeCursor() {
  const made = part("div", "cursor");
  const arrow = svg("svg");
  arrow.setAttribute("viewBox", "0 0 20 20");
  const path = svg("path");
  path.setAttribute("d", ARROW);
  arrow.append(path);
  made.append(arrow, part("bdi", "name"));
  return made;
}

/** Has a line show points, x, y, x, y and so on. A single point is a dot. */
function draw(line, pen, points) {
  line.setAttribute("class", "stroke");
  line.dataset.pen = pen;
  line.setAttribute("points", (points.length === 2 ? [...points, ...points] : points).join(" "));
  return line;
}

function clamp(value, most) {
  return Math.round(Math.min(Math.max(value, 0), most));
}

/**
 * What a cursor of somebody else says, as far as it makes sense: the server looks at finished strokes, but passes on
 * cursors as they are.
 */
export function readCursor({ publicHandle, owner, position, status }) {
  const isPoint = (value) => Array.isArray(value) && value.every(Number.isFinite);
  return {
    key: publicHandle,
    name: owner.name,
    position: isPoint(position) && position.length === 2 ? position : null,
    pen: Number.isInteger(status?.pen) && status.pen >= 0 && status.pen < PENS ? status.pen : 0,
    line: isPoint(status?.line) ? status.line.slice(0, 400) : [],
  };
}
