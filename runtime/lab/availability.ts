import { execFile } from "node:child_process";
import { LabError } from "./agent-client.ts";
import type { LabPool } from "./lab.ts";
import { failureOf, type LoaderName } from "./loaders.ts";

/** Why this process may not make network namespaces, in the tool's words; null when it may. */
export function namespaceTrouble(): Promise<string | null> {
  return new Promise((resolve) => {
    const env = { ...process.env, LC_ALL: "C" };
    execFile("unshare", ["--net", "--", "true"], { env }, (error, _, stderr) =>
      resolve(error === null ? null : stderr.trim() || error.message),
    );
  });
}

/** Whether an ordinary user may become root of a user namespace here, and network namespaces with it. */
export function canUnshareUser(): Promise<boolean> {
  return new Promise((resolve) => {
    execFile("unshare", ["--user", "--map-root-user", "--net", "--", "true"], (error) => resolve(error === null));
  });
}

const smallest: Readonly<Record<LoaderName, { readonly argv: readonly string[]; readonly input: string }>> = {
  nftables: {
    argv: ["nft", "-f", "-"],
    input:
      "table ip weir-probe { chain c { type nat hook prerouting priority -100; ip daddr 192.0.2.1 dnat to 192.0.2.2; }; }\n",
  },
  "iptables-nft": {
    argv: ["iptables-nft-restore", "--noflush"],
    input: "*nat\n-A PREROUTING -d 192.0.2.1 -j DNAT --to-destination 192.0.2.2\nCOMMIT\n",
  },
  "iptables-legacy": {
    argv: ["iptables-legacy-restore", "--noflush"],
    input: "*nat\n-A PREROUTING -d 192.0.2.1 -j DNAT --to-destination 192.0.2.2\nCOMMIT\n",
  },
};

/** Why this kernel and its tools cannot load the least of rules, tried in a namespace of its own; null when they can. */
export async function loaderTrouble(pool: LabPool, loader: LoaderName): Promise<string | null> {
  const node = await pool.node();
  try {
    const { argv, input } = smallest[loader];
    const failure = failureOf(await node.tryRun(argv, input));
    return failure === null ? null : `${argv.join(" ")}: ${failure}`;
  } catch (error) {
    if (error instanceof LabError) return error.message;
    throw error;
  } finally {
    await pool.end(node);
  }
}
