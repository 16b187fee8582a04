import { rmSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

const root = join(import.meta.dirname, "../..");

let made = 0;

/** Programs made from sources. */
export interface Bundle {
  readonly folder: string;
  /** Of an input, as an absolute path. */
  path(name: string): string;
  remove(): void;
}

/**
 * Sources as JavaScript that Node reads without the test runner, for programs in namespaces and virtual machines.
 * `inputs` are paths from the root of the checkout, by the names of their outputs. Types are not checked.
 * The folder is inside the checkout, where packages that are not bundled are found.
 */
export async function bundleSources(name: string, inputs: Readonly<Record<string, string>>): Promise<Bundle> {
  const folder = join(root, ".cache", `bundle-${name}-${process.pid}-${++made}`);
  const bundle = await rolldown({
    cwd: root,
    input: { ...inputs },
    platform: "node",
    logLevel: "warn",
    external: ["netlink"],
  });
  await bundle.write({
    dir: folder,
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name]-[hash].js",
  });
  await bundle.close();
  return {
    folder,
    path: (output) => join(folder, `${output}.js`),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
