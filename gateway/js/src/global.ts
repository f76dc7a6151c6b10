// The script-tag bundle; works with importScripts in workers too.
import { Snorky } from "./snorky.js";

declare global {
  var Snorky: typeof import("./snorky.js").Snorky;
}

globalThis.Snorky = Snorky;
