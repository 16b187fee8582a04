import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import { isLoopback } from "../net/address.ts";
import type { ClusterSpec } from "./schema.ts";

const markSettings = ["masqueradeBit", "dropBit", "rejectBit"] as const;
const markWords = { masqueradeBit: "masquerade-bit", dropBit: "drop-bit", rejectBit: "reject-bit" } as const;

/** Mark bits that collide would let refused packets through or masquerade what must keep its source. */
export function checkCluster(cluster: ClusterSpec): readonly Diagnostic[] {
  return [...checkMarks(cluster), ...checkNodePortAddresses(cluster)];
}

function checkMarks(cluster: ClusterSpec): readonly Diagnostic[] {
  return markSettings.flatMap((b, at) =>
    markSettings.slice(0, at).flatMap((a) => {
      if (cluster[a] !== cluster[b]) return [];
      return [
        diagnostic(
          "spec/mark-conflict",
          { a: markWords[a], b: markWords[b], bit: cluster[b] },
          {
            at: cluster.settingOrigins[b] ?? cluster.settingOrigins[a] ?? null,
            help: "give each its own bit from 0 to 31",
          },
        ),
      ];
    }),
  );
}

function checkNodePortAddresses(cluster: ClusterSpec): readonly Diagnostic[] {
  if (cluster.nodePortAddresses.kind !== "prefixes") return [];
  return cluster.nodePortAddresses.prefixes
    .filter((prefix) => isLoopback(prefix.address) && prefix.length >= 8)
    .map((prefix) =>
      diagnostic(
        "spec/node-port-loopback",
        { prefix: prefix.text },
        { at: cluster.settingOrigins.nodePortAddresses ?? null, help: "leave it out" },
      ),
    );
}
