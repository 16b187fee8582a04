import { ArtifactError, backendsIn, type NodeFolder } from "../../compiler/cli/node-folder.ts";
import type { BackendName } from "../../compiler/index.ts";
import { type Desired, manifestFor } from "./desired.ts";

/** One backend's part of a node's folder. Throws ArtifactError when it was not compiled for it. */
export function desiredFrom(folder: NodeFolder, backend: BackendName): Desired {
  const { manifest, path } = folder;
  const known = backendsIn(manifest);
  if (!known.includes(backend)) {
    throw new ArtifactError(`${path} was compiled for ${known.join(", ") || "no backend"}, not for ${backend}`);
  }
  return {
    node: manifest.node,
    backend,
    manifest: manifestFor(manifest, backend),
    files: new Map([...folder.texts].filter(([name]) => name.startsWith(`${backend}/`))),
    sources: folder.texts.get("sources.json") ?? "{}",
    from: path,
  };
}
