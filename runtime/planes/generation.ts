import type { Step } from "../../compiler/backends/step.ts";
import type { Host } from "../host/host.ts";
import { incarnation } from "../host/identity.ts";
import { oncePerLook } from "../host/look.ts";

/**
 * The kernel counts the transactions of nf_tables in a network namespace, whoever makes them, iptables-nft included. What
 * packets change, as counters and affinity, is no transaction. The token is the boot and namespace with that number;
 * null where there is none.
 */
export const nftToken = oncePerLook(readToken);

async function readToken(host: Host): Promise<string | null> {
  // the netlink package is loaded only where it is used
  const { nftGeneration } = await import("../netlink/generation.ts");
  const number = await nftGeneration(host);
  return number === null ? null : `${incarnation()} ${number}`;
}

/** The counter has 32 bits. */
const countTo = 2 ** 32;

/** The token after so many transactions more. */
export function tokenAfter(token: string, transactions: number): string {
  const space = token.lastIndexOf(" ");
  return `${token.slice(0, space)} ${(Number(token.slice(space + 1)) + transactions) % countTo}`;
}

/** How many transactions of nf_tables a step makes: `nft -f` one, iptables-nft-restore one for each COMMIT. */
export function transactionsOf(step: Step): number {
  if (step.kind === "nft") return 1;
  if (step.kind !== "iptables" || step.flavour !== "nft") return 0;
  return step.input.reduce((sum, piece) => sum + (piece.match(/^COMMIT$/gm)?.length ?? 0), 0);
}
