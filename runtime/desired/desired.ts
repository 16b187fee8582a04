import type { Manifest } from "../../compiler/artifact/manifest.ts";
import type { BackendName } from "../../compiler/index.ts";

/** One backend's files of a node's artifact, as they were compiled: what a backend's `parse` reads. */
export interface Applied {
  readonly backend: BackendName;
  /** Text by path inside the node's folder, `nftables/ruleset.nft`. */
  readonly files: ReadonlyMap<string, string>;
}

/** What a node is to have: one backend's part of an artifact, checked against its manifest. */
export interface Desired extends Applied {
  readonly node: string;
  /** Of this backend alone: other backends' requirements and files are left out. */
  readonly manifest: Manifest;
  /** The text of sources.json, which may name other backends' objects too. */
  readonly sources: string;
  /** Where it came from, as it was typed. */
  readonly from: string;
}

/** The manifest's part for one backend, so that a folder with only its files is an artifact by itself. */
export function manifestFor(manifest: Manifest, backend: BackendName): Manifest {
  const files = Object.entries(manifest.files).filter(([path]) => isOf(backend, path));
  const requirements = manifest.requirements[backend];
  return {
    ...manifest,
    requirements: requirements === undefined ? {} : { [backend]: requirements },
    files: Object.fromEntries(files),
  };
}

/** Whether a file of an artifact belongs to a backend, or to all of them. */
function isOf(backend: BackendName, path: string): boolean {
  return path.startsWith(`${backend}/`) || !path.includes("/");
}

/** Whether two artifacts are the same rules for the same node and backend; what the spec says beyond them may differ. */
export function isSameArtifact(a: Desired, b: Desired): boolean {
  return (
    a.node === b.node &&
    a.backend === b.backend &&
    JSON.stringify(fileDigests(a.manifest)) === JSON.stringify(fileDigests(b.manifest))
  );
}

function fileDigests(manifest: Manifest): readonly (readonly [string, string])[] {
  return Object.entries(manifest.files)
    .map(([path, { digest }]) => [path, digest] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
