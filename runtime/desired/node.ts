import { ArtifactError } from "../../compiler/cli/node-folder.ts";

/**
 * The node that a command is for: the one that was named, else the host's own name where the input knows it, in full or
 * up to its first dot, else the only one there is. Throws ArtifactError when it cannot be told.
 */
export function chosenNode(known: readonly string[], named: string | null, hostName: string, what: string): string {
  if (named !== null) return named;
  const own = [hostName, hostName.split(".")[0] ?? hostName].find((name) => known.includes(name));
  if (own !== undefined) return own;
  const [only] = known;
  if (only !== undefined && known.length === 1) return only;
  const names = known.slice(0, 5).join(", ") + (known.length > 5 ? ` and ${known.length - 5} more` : "");
  throw new ArtifactError(
    known.length === 0
      ? `${what} declares no node: name this one with --node NAME`
      : `${what} has the nodes ${names}, and this host is ${hostName}: name the node with --node NAME`,
  );
}
