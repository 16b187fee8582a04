import type { ArtifactFile } from "../../compiler/backends/backend.ts";
import { ParseError } from "../../compiler/backends/text.ts";
import { ArtifactError } from "../../compiler/cli/node-folder.ts";
import { loadBackend } from "../../compiler/index.ts";
import { InternalError } from "../../compiler/result.ts";
import type { Desired } from "./desired.ts";
import { programOf } from "./programs.ts";

/**
 * Whether files that someone gave are what weir writes, to the letter, and touch nothing but what is weir's. Digests in a
 * manifest do not tell: who changes a file can change them too. What deltas and tools see is thus always what the
 * printers make, and what people have read before they let it through. Throws ArtifactError.
 */
export async function checkArtifact(desired: Desired): Promise<void> {
  const { backend: name, files, from } = desired;
  const refuse = (why: string): never => {
    throw new ArtifactError(
      `${from} is no artifact of weir for ${name}: ${why}; compile it again, with the weir that is to apply it`,
    );
  };
  const backend = await loadBackend(name);
  let printed: readonly ArtifactFile[];
  try {
    const { program } = await programOf(desired);
    const stranger = backend.stranger(program);
    if (stranger !== null) return refuse(`it has ${stranger}`);
    printed = backend.print(program);
  } catch (error) {
    // what the printers assert is theirs to prove only for programs that weir made
    if (error instanceof ParseError || error instanceof InternalError) return refuse(error.message);
    throw error;
  }
  for (const file of printed) {
    if (!isText(file, files.get(file.path))) refuse(`${file.path} is not as weir writes it`);
  }
  const known = new Set(printed.map(({ path }) => path));
  const unknown = [...files.keys()].find((path) => !known.has(path));
  if (unknown !== undefined) refuse(`${unknown} is no file of weir's`);
}

/** Compared piece by piece: a text of 30 MB need not be made again. */
function isText({ chunks }: ArtifactFile, text: string | undefined): boolean {
  if (text === undefined) return false;
  let at = 0;
  for (const chunk of chunks) {
    if (!text.startsWith(chunk, at)) return false;
    at += chunk.length;
  }
  return at === text.length;
}
