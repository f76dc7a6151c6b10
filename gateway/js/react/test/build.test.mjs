// What is committed is up to date.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

test("a fresh build equals the committed files", (t) => {
  const fresh = mkdtempSync(join(tmpdir(), "snorky-react-"));
  t.after(() => rmSync(fresh, { recursive: true }));
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const project = join(root, "tsconfig.build.json");
  const build = spawnSync(process.execPath, [compiler, "--project", project, "--outDir", fresh], { encoding: "utf8" });
  assert.equal(build.status, 0, build.stdout);
  const dist = join(root, "dist");
  assert.deepEqual(readdirSync(fresh).sort(), readdirSync(dist).sort(), "run npm run build");
  for (const name of readdirSync(fresh)) {
    const [built, committed] = [fresh, dist].map((directory) => readFileSync(join(directory, name), "utf8"));
    assert.ok(built === committed, `${name} is out of date: run npm run build`);
  }
});
