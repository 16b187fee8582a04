// Makes dist/: every module as JavaScript with its types (the library), and dist/bin/weir.js with all that it loads
// at the start in a few files. Node reads some 60 modules one by one otherwise, and a short command takes twice as long.
// Usage: node bin/build.mjs [--out-dir DIR]
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const option = process.argv.indexOf("--out-dir");
const outDir = resolve(root, option === -1 ? "dist" : (process.argv[option + 1] ?? "dist"));

rmSync(outDir, { recursive: true, force: true });
const typescript = createRequire(import.meta.url).resolve("typescript/package.json");
const tsc = join(dirname(typescript), "bin", "tsc");
const compiled = spawnSync(process.execPath, [tsc, "-p", "bin/tsconfig.json", "--outDir", outDir], {
  cwd: root,
  stdio: "inherit",
});
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

const bundle = await rolldown({
  input: { weir: join(outDir, "bin/weir.js") },
  platform: "node",
  logLevel: "warn",
  external: ["netlink"],
});
const { output } = await bundle.write({
  dir: join(outDir, "bin"),
  format: "esm",
  entryFileNames: "[name].js",
  chunkFileNames: "weir/[name]-[hash].js",
});
await bundle.close();
chmodSync(join(outDir, "bin/weir.js"), 0o755);

// the licences of what the bundle holds ask to go with it
const packages = new Set();
for (const chunk of output) {
  for (const id of chunk.type === "chunk" ? chunk.moduleIds : []) {
    const match = /.*\/node_modules\/(@[^/]+\/[^/]+|[^/]+)\//.exec(id);
    if (match !== null) packages.add(match[0]);
  }
}
const notices = [...packages].sort().map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? `Licence: ${license}\n` : readFileSync(join(folder, file), "utf8");
  return `${name} ${version}\n${"=".repeat(name.length + version.length + 1)}\n\n${text.trim()}\n`;
});
const noticesFolder = join(outDir, "bin/weir");
if (!existsSync(noticesFolder)) mkdirSync(noticesFolder);
writeFileSync(join(noticesFolder, "LICENSES.txt"), notices.join("\n\n"));
