// Builds the two bundles and the types. The directory they go to is the only argument (default: dist).
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(root, "dist"));

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const common = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  banner: { js: "/*! Snorky client, Apache-2.0 */" },
  logLevel: "warning",
};
await build({ ...common, entryPoints: ["src/index.ts"], format: "esm", outfile: join(out, "snorky.mjs") });
await build({ ...common, entryPoints: ["src/global.ts"], format: "iife", outfile: join(out, "snorky.js") });

const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const types = spawnSync(
  process.execPath,
  [tsc, "--project", join(root, "tsconfig.build.json"), "--outDir", join(out, "types")],
  { stdio: "inherit" },
);
if (types.status !== 0) {
  process.exit(types.status ?? 1);
}
writeFileSync(join(out, "snorky.d.mts"), 'export * from "./types/index.js";\nexport { default } from "./types/index.js";\n');
