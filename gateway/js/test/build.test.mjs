// What is committed: up to date, small, and usable as it is.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import * as module from "../dist/snorky.mjs";
import { fakeWebSocket } from "./fake.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");

/** All files below a directory, by their path. */
function files(directory) {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(directory.length + 1));
  return new Map(names.sort().map((name) => [name, readFileSync(join(directory, name), "utf8")]));
}

test("a fresh build equals the committed files", (t) => {
  const fresh = mkdtempSync(join(tmpdir(), "snorky-js-"));
  t.after(() => rmSync(fresh, { recursive: true }));
  const build = spawnSync(process.execPath, [join(root, "build.mjs"), fresh], { encoding: "utf8" });
  assert.equal(build.status, 0, build.stderr);
  const [built, committed] = [files(fresh), files(dist)];
  assert.deepEqual([...built.keys()], [...committed.keys()], "run npm run build");
  for (const [name, text] of built) {
    assert.ok(text === committed.get(name), `${name} is out of date: run npm run build`);
  }
});

for (const name of ["snorky.js", "snorky.mjs"]) {
  test(`${name} is under 10 kB`, () => {
    const size = gzipSync(readFileSync(join(dist, name)), { level: 9 }).length;
    assert.ok(size < 10_000, `${size} bytes minified and gzipped`);
  });
}

test("the client depends on nothing", () => {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  assert.deepEqual([dependencies, peerDependencies], [undefined, undefined]);
  assert.doesNotMatch(readFileSync(join(dist, "snorky.mjs"), "utf8"), /\bimport\b|\brequire\b/);
});

test("the script-tag bundle gives one global, Snorky", () => {
  const WebSocket = fakeWebSocket();
  const window = { URL, TextEncoder, AbortController, setTimeout: () => {}, clearTimeout: () => {}, WebSocket };
  window.location = { href: "https://app.test/news" };
  const before = Object.keys(window);
  runInNewContext(readFileSync(join(dist, "snorky.js"), "utf8"), window);
  assert.deepEqual(
    Object.keys(window).filter((name) => !before.includes(name)),
    ["Snorky"],
  );
  const snorky = new window.Snorky();
  assert.equal(WebSocket.last.url, "wss://app.test/ws");
  WebSocket.last.open();
  assert.equal(snorky.state, "open");
  assert.equal(new window.Snorky.Error("text", "lost").code, "lost");
  // What the module exports by name is on the class.
  const names = Object.keys(module).filter((name) => !["Snorky", "SnorkyError", "default"].includes(name));
  assert.deepEqual(names.filter((name) => typeof window.Snorky[name] !== "function"), []);
});

test("the module gives the client by name and as default", () => {
  assert.deepEqual(Object.keys(module).sort(), [
    "ArrayCollection",
    "CollectionDeltaProcessor",
    "MapCollection",
    "SingleItemCollection",
    "Snorky",
    "SnorkyError",
    "default",
    "fetchSubscription",
  ]);
  assert.equal(module.default, module.Snorky);
  assert.equal(module.Snorky.Error, module.SnorkyError);
});
