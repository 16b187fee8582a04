import type { RunResult } from "./protocol.ts";
import type { Tool } from "./tools.ts";

/** Ways to put an artifact into a kernel with nothing but the kernel's own tools. */
export type LoaderName = "nftables" | "iptables-nft" | "iptables-legacy";

export const loaderNames = ["nftables", "iptables-nft", "iptables-legacy"] as const satisfies readonly LoaderName[];

/** A command, and the artifact's file that it reads on standard input. */
export interface LoadStep {
  readonly file: string;
  readonly argv: readonly string[];
}

/** The commands that load a node's files, of those that are there: paths as in ArtifactFile. */
export function loadSteps(loader: LoaderName, paths: Iterable<string>, backend = "iptables"): readonly LoadStep[] {
  const present = new Set(paths);
  const flavour = loader === "iptables-nft" ? "nft" : "legacy";
  const steps: readonly LoadStep[] =
    loader === "nftables"
      ? [{ file: "nftables/ruleset.nft", argv: ["nft", "-f", "-"] }]
      : [
          { file: `${backend}/ipv4.rules`, argv: [`iptables-${flavour}-restore`, "--noflush"] },
          { file: `${backend}/ipv6.rules`, argv: [`ip6tables-${flavour}-restore`, "--noflush"] },
        ];
  return steps.filter((step) => present.has(step.file));
}

/** The same step without effect: the tool, and where it has a transaction the kernel, says whether it would take the file. */
export function checkOnly(step: LoadStep): LoadStep {
  const [tool = "", ...options] = step.argv;
  return { ...step, argv: [tool, tool === "nft" ? "-c" : "--test", ...options] };
}

/** The programs that a loader needs, with the Debian package of each. */
export function toolsOf(loader: LoaderName): readonly Tool[] {
  switch (loader) {
    case "nftables":
      return [{ tool: "nft", debianPackage: "nftables" }];
    case "iptables-nft":
    case "iptables-legacy":
      return ["iptables", "ip6tables"].map((name) => ({
        tool: `${name}-${loader === "iptables-nft" ? "nft" : "legacy"}-restore`,
        debianPackage: "iptables",
      }));
  }
}

/** What the lab itself needs. */
export const labTools: readonly Tool[] = [
  { tool: "ip", debianPackage: "iproute2" },
  { tool: "unshare", debianPackage: "util-linux" },
  { tool: "nsenter", debianPackage: "util-linux" },
];

/** `exit 1: …` for a message, or null when the command did its work. */
export function failureOf(result: RunResult): string | null {
  if (result.status === 0) return null;
  const text = (result.stderr.trim() || result.stdout.trim()).slice(0, 2000);
  return `exit ${result.status}: ${text}`;
}
