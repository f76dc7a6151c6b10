// A pen that is led by a mouse, a finger, a stylus or the keyboard.

import { HEIGHT, WIDTH } from "./board.js";

const MOST_POINTS = 200; // of a stroke
const NEAREST = 4; // units between two points
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP = 20; // units

/**
 * Follows what happens on the element of a board. `moved` is called after each change of `position` and `line`,
 * `finished` with the points of each stroke.
 */
export class Pen {
  /** [x, y], or null while it is not on the board. */
  position = null;
  /** The points of the line that is being drawn, x, y, x, y and so on. */
  line = [];
  /** It is led by the keyboard, where there is no pointer to be seen. */
  isByKeys = false;

  #board;
  #does;
  #pointer; // the id of the one that draws

  constructor(element, board, does) {
    this.#board = board;
    this.#does = does;
    element.addEventListener("pointerdown", (event) => this.#down(event));
    element.addEventListener("pointermove", (event) => this.#move(event));
    element.addEventListener("pointerup", (event) => this.#up(event));
    element.addEventListener("pointercancel", (event) => this.#up(event));
    element.addEventListener("pointerleave", (event) => this.#leave(event));
    element.addEventListener("keydown", (event) => this.#key(event));
    element.addEventListener("blur", () => this.isByKeys && this.#away());
  }

  #down(event) {
    if (event.button !== 0 || this.#pointer !== undefined) {
      return; // a second finger
    }
    event.currentTarget.setPointerCapture(event.pointerId);
    this.#finish();
    this.#pointer = event.pointerId;
    this.#lead(event);
    this.#begin();
  }

  #move(event) {
    if (this.#pointer === undefined || this.#pointer === event.pointerId) {
      this.#lead(event);
    }
  }

  #up(event) {
    if (this.#pointer === event.pointerId) {
      this.#pointer = undefined;
      this.#finish();
      if (event.pointerType === "touch") {
        this.#away(); // a finger that is lifted is nowhere
      }
    }
  }

  #leave(event) {
    if (this.#pointer === undefined && event.pointerType !== "touch") {
      this.#away();
    }
  }

  #lead(event) {
    this.isByKeys = false;
    this.#go(this.#board.at(event));
  }

  #key(event) {
    const direction = KEYS[event.key];
    if (direction) {
      const [x, y] = this.position ?? [WIDTH / 2, HEIGHT / 2];
      const step = event.shiftKey ? 5 * STEP : STEP;
      this.isByKeys = true;
      this.#go([within(x + direction[0] * step, WIDTH), within(y + direction[1] * step, HEIGHT)]);
    } else if (event.key === " ") {
      this.isByKeys = true;
      this.position ??= [WIDTH / 2, HEIGHT / 2];
      if (this.line.length) {
        this.#finish();
      } else {
        this.#begin();
      }
    } else if (event.key === "Escape") {
      this.#away();
    } else {
      return;
    }
    event.preventDefault();
  }

  #begin() {
    this.line = [...this.position];
    this.#does.moved();
  }

  /** Moves, and draws if the pen is down. A line that is long enough ends, and another one goes on from there. */
  #go(to) {
    this.position = to;
    if (this.line.length) {
      const [x, y] = this.line.slice(-2);
      if (Math.hypot(to[0] - x, to[1] - y) >= NEAREST) {
        this.line = [...this.line, ...to];
      }
      if (this.line.length >= 2 * MOST_POINTS) {
        this.#finish();
        this.line = [...to];
      }
    }
    this.#does.moved();
  }

  #finish() {
    if (this.line.length) {
      const points = this.line;
      this.line = [];
      this.#does.finished(points);
      this.#does.moved();
    }
  }

  #away() {
    this.#finish();
    this.isByKeys = false;
    this.position = null;
    this.#does.moved();
  }
}

function within(value, most) {
  return Math.min(Math.max(value, 0), most);
}
