import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import { hostPrefix, isHostPrefix, isLoopback, prefixCovers } from "../net/address.ts";
import type { ClusterSpec, NodeSpec } from "./schema.ts";

const markSettings = ["masqueradeBit", "dropBit", "rejectBit"] as const;
const markWords = { masqueradeBit: "masquerade-bit", dropBit: "drop-bit", rejectBit: "reject-bit" } as const;

/** Mark bits that collide would let refused packets through or masquerade what must keep its source. */
export function checkCluster(cluster: ClusterSpec, nodes: readonly NodeSpec[]): readonly Diagnostic[] {
  return [...checkMarks(cluster), ...checkNodePortAddresses(cluster), ...checkServiceRanges(cluster, nodes)];
}

/**
 * New connections to addresses of a service range that no service has are dropped, so a range that holds a node would
 * lock it, and one that holds pods would part them. One finding for each range.
 */
function checkServiceRanges(cluster: ClusterSpec, nodes: readonly NodeSpec[]): readonly Diagnostic[] {
  const others = [
    ...nodes.flatMap((node) =>
      node.addresses.map((address) => ({ prefix: hostPrefix(address), what: `an address of node ${node.name}` })),
    ),
    ...cluster.pods.map((prefix) => ({ prefix, what: "addresses of pods" })),
    ...nodes.flatMap((node) => node.pods.map((prefix) => ({ prefix, what: `addresses of pods on node ${node.name}` }))),
  ];
  return cluster.serviceRanges.flatMap((range) => {
    const met = others.find(({ prefix }) => prefixCovers(range, prefix) || prefixCovers(prefix, range));
    if (met === undefined) return [];
    const held = isHostPrefix(met.prefix) ? met.prefix.address.text : met.prefix.text;
    return [
      diagnostic(
        "spec/service-range-overlap",
        { range: range.text, held, what: met.what },
        {
          at: cluster.settingOrigins.serviceRanges ?? null,
          help: "new connections to what no service has in a service range are dropped: choose ranges that are apart",
        },
      ),
    ];
  });
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
