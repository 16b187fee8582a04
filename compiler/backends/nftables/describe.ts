/** What the fixed objects of a table are for: comment lines of the printed file, not part of the program. */
const descriptions: ReadonlyMap<string, string> = new Map([
  ["ranged", "frontends that only some sources may use, and those sources"],
  ["frontends", "where new connections go: by destination address, protocol and port"],
  ["frontends-from-pods", "the same for sources that fare otherwise: asked first, pods before the node"],
  ["node-port-ranged", "the same three for ports of the node's own addresses"],
  ["pool", "slot or number of an endpoint -> its address and port; an endpoint of weight 3 has three slots"],
  ["slots", "with affinity: slot -> number of the endpoint, which stays when others come and go"],
  ["node-port-pool", "the same two for node ports"],
  ["affinity", "client and frontend -> number of the endpoint it had; filled by packets"],
  ["hairpin", "endpoints that may be clients of their own service"],
  ["pods", "sources that the detector takes for pods"],
  ["node-port-addresses", "addresses of the node that serve node ports"],
  ["vips", "cluster VIPs: ports that no service has are rejected"],
  ["service-ranges", "addresses in these that no service has are dropped"],
  ["prerouting", "chains of type nat see the first packet of each connection only"],
  ["services", "first source ranges, then frontends by source, then node ports, then what nobody serves"],
  ["refuse", "ICMP port-unreachable"],
  ["translate", "the packet's class id says which endpoint; postrouting takes it back"],
  ["node-port-translate", "the same for node ports"],
]);

/** Stands above the chains that only some tables have. */
export const sharedChains = "shared by frontends: how to masquerade, how many slots, how long clients are remembered";

/** The comment above a chain, set or map of this name; null where the name says enough. */
export function describe(name: string): string | null {
  return descriptions.get(name) ?? null;
}
