import { assembleArtifact } from "../../compiler/artifact/artifact.ts";
import { digestOfSpec } from "../../compiler/artifact/digest.ts";
import { parseManifest } from "../../compiler/artifact/manifest.ts";
import type { BackendName } from "../../compiler/backends/backend.ts";
import { fragmentOf, irOf, specOf } from "../../compiler/pipeline.ts";
import { desiredFrom } from "../../runtime/desired/artifact-folder.ts";
import type { Desired } from "../../runtime/desired/desired.ts";

const small = `
node worker-1 { address 192.0.2.11 }
service shop/web {
  vip 10.96.0.10
  port http tcp 80
  endpoint 10.244.1.5
}`;

/** A small artifact, as `weir apply` makes it of a spec. */
export async function desiredOf(backend: BackendName, text = small): Promise<Desired> {
  const { fragment } = await fragmentOf({ path: "test.weir", text });
  const { spec } = specOf([fragment]);
  const { ir } = irOf(spec, "worker-1");
  const texts = new Map<string, string>();
  const options = { backends: [backend], specDigest: digestOfSpec(spec), pathInSpec: () => "test.weir" };
  await assembleArtifact(ir, options, ({ path, chunks }) => {
    texts.set(path, Buffer.concat(chunks).toString("utf8"));
  });
  const manifest = parseManifest(texts.get("manifest.json") ?? "");
  texts.delete("manifest.json");
  return desiredFrom({ path: "test.weir", manifest, texts }, backend);
}
