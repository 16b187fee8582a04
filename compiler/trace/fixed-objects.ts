import type { BackendName } from "../backends/backend.ts";

/** What an object of the kernel is, in words. `what` is its sort: chain, set, map, virtual server. */
export interface Meaning {
  readonly what: string;
  readonly text: string;
}

type Table = Readonly<Record<string, string>>;

/** Chains of iptables that every ruleset has when it needs them; the proxy's rules have them too. */
const iptablesChains: Table = {
  "WEIR-SERVICES":
    "nat, from PREROUTING and OUTPUT: where new connections begin; service addresses first, then node ports, then what nobody serves",
  "WEIR-POSTROUTING":
    "nat, from POSTROUTING: the way out; masquerades what is marked, and endpoints sent to themselves",
  "WEIR-VERDICTS": "filter, from INPUT, FORWARD and OUTPUT: drops and rejects new connections that nat has marked so",
  "WEIR-ADDRESSES": "nat: root of the tree of service addresses, which leads to the chain of one frontend",
  "WEIR-NODE-PORTS": "nat: root of the tree of node ports, for packets to the node's own addresses",
  "WEIR-UNSERVED": "nat: a cluster VIP's ports that no service has; rejected",
  "WEIR-UNALLOCATED": "nat: addresses of a service range that no service has; dropped",
  "WEIR-DROP": "nat: sets the mark bit for dropping, because nat itself cannot drop",
  "WEIR-REJECT": "nat: sets the mark bit for rejecting, because nat itself cannot reject",
  "WEIR-MASQUERADE": "nat: clears the masquerade bit, so that a second pass does nothing, and masquerades",
  "WEIR-HAIRPIN":
    "nat: endpoints that were sent to themselves are masqueraded, so that they do not see their own address",
  "WEIR-PROXY-PORTS": "raw or filter: keeps strangers away from the ports that the proxy listens on",
};

/** Chains whose names begin so: branches of trees, and the chains of single service ports. */
const iptablesPrefixes: Table = {
  "WEIR-DST-": "nat: branch of the tree of service addresses, for the addresses in its name",
  "WEIR-DPT-": "branch of a tree of ports, below one address, or for node ports or ports of the proxy",
  "WEIR-SRC-": "nat: branch of the tree of endpoints that may reach themselves",
  "WEIR-MARK-": "nat: sets the masquerade bit for packets from the sources in its name",
  "WEIR-SVC-": "nat: decides by where the packet comes from, for an address that serves inside the cluster",
  "WEIR-EXT-": "nat: decides by where the packet comes from, for an address or port that serves outside too",
  "WEIR-FW-": "nat: admits only the source ranges of a frontend",
  "WEIR-EP-": "nat: chooses an endpoint of one pool, and translates to it",
  "weir-": "list of clients (xt_recent) that stay with one endpoint, for session affinity",
};

const ipvsChains: Table = {
  "WEIR-IPVS-IN": "mangle, from PREROUTING: begins for packets that arrive; replies and translated packets pass",
  "WEIR-IPVS-OUT": "mangle, from OUTPUT: begins for packets of the node; what IPVS has sent on passes",
  "WEIR-IPVS-DISPATCH": "mangle: looks the destination up in the sets: an address, a node port, or what nobody serves",
  "WEIR-IPVS-ADDRESS": "mangle: service addresses: source ranges, then the mark of the frontend by source",
  "WEIR-IPVS-ADDRESS-POD": "mangle: service addresses, where pods fare otherwise",
  "WEIR-IPVS-ADDRESS-NODE": "mangle: service addresses, where the node itself fares otherwise",
  "WEIR-IPVS-NODEPORT": "mangle: node ports: source ranges, then the mark of the frontend by source",
  "WEIR-IPVS-NODEPORT-POD": "mangle: node ports, where pods fare otherwise",
  "WEIR-IPVS-NODEPORT-NODE": "mangle: node ports, where the node itself fares otherwise",
  "WEIR-IPVS-ACT": "mangle: does what the mark says: drop, refuse, remember to masquerade, leave to IPVS",
  "WEIR-IPVS-UNSERVED": "mangle: VIPs' ports that nobody serves are refused, unallocated addresses dropped",
  "WEIR-IPVS-REFUSE": "mangle: gives a packet the mark of refusal, for filter to reject",
  "WEIR-IPVS-CLEAR": "mangle, from POSTROUTING: takes back the mark that found the virtual server",
  "WEIR-IPVS-REJECT": "filter, from INPUT, FORWARD and OUTPUT: rejects what has the mark of refusal",
  "WEIR-IPVS-MASQUERADE":
    "nat, from POSTROUTING: masquerades connections of IPVS that are marked so, and endpoints sent to themselves",
};

/** Sets of ipset, without `weir-` or `weir6-`. */
const ipvsSets: Table = {
  frontends: "service addresses with protocol and port, and the mark for packets from anywhere",
  "frontends-pod": "the same for packets of pods, where they fare otherwise",
  "frontends-node": "the same for packets of the node itself, where they fare otherwise",
  "node-ports": "node ports, and the mark for packets from anywhere",
  "node-ports-pod": "the same for packets of pods, where they fare otherwise",
  "node-ports-node": "the same for packets of the node itself, where they fare otherwise",
  ranged: "service addresses that only some sources may use",
  allowed: "the sources that may use them",
  "node-ports-ranged": "node ports that only some sources may use",
  "node-ports-allowed": "the sources that may use them",
  addresses: "addresses of the node that serve node ports",
  vips: "cluster VIPs: their ports that nobody serves are rejected",
  ranges: "service ranges: addresses in them that no service has are dropped",
  pods: "sources that the detector takes for pods",
  hairpin: "endpoints that may be clients of their own service",
};

const nftChains: Table = {
  prerouting: "base chain (nat, dstnat): new connections that arrive",
  output: "base chain (nat, dstnat): new connections of the node itself",
  postrouting: "base chain (nat, srcnat): takes back class id and mark, masquerades what was marked, and hairpins",
  services: "source ranges, then frontends by where packets come from, then node ports, then what nobody serves",
  "serve-node-ports": "the same for ports of the node's own addresses",
  refuse: "answers with ICMP port-unreachable",
  translate: "translates to the endpoint that the packet's class id says, by the map pool",
  "node-port-translate": "the same for node ports, by the map node-port-pool",
};

const nftSets: Table = {
  ranged: "frontends that only some sources may use",
  allowed: "the sources that may use them",
  frontends: "where new connections go, by destination address, protocol and port",
  "frontends-from-pods": "the same for packets of pods, where they fare otherwise; asked first",
  "frontends-from-node": "the same for packets of the node itself, where they fare otherwise",
  "node-port-ranged": "node ports that only some sources may use",
  "node-port-allowed": "the sources that may use them",
  "node-ports": "where new connections to node ports go, by protocol and port",
  "node-ports-from-pods": "the same for packets of pods, where they fare otherwise; asked first",
  "node-ports-from-node": "the same for packets of the node itself, where they fare otherwise",
  pool: "slot or number of an endpoint -> its address and port; an endpoint of weight 3 has three slots",
  slots: "with affinity: slot -> number of the endpoint",
  "node-port-pool": "slot or number of an endpoint -> its address and port, for node ports",
  "node-port-slots": "with affinity: slot -> number of the endpoint, for node ports",
  affinity: "client and frontend -> number of the endpoint it had; filled by packets",
  "node-port-affinity": "the same for node ports",
  hairpin: "endpoints that may be clients of their own service",
  pods: "sources that the detector takes for pods",
  "node-port-addresses": "addresses of the node that serve node ports",
  vips: "cluster VIPs: their ports that nobody serves are rejected",
  "service-ranges": "addresses in them that no service has are dropped",
};

/** Chains of nftables that frontends with equal settings share, by the words in their names. */
const nftPatterns: readonly (readonly [RegExp, string])[] = [
  [
    /^masquerade-unless-pod-/,
    "sets the masquerade bit unless the packet is a pod's, then goes on to the chain in its name",
  ],
  [/^masquerade-/, "sets the masquerade bit, then goes on to the chain in its name"],
  [/^(node-port-)?pick[23]?-wide-/, "chooses an endpoint of one pool that has too many slots for the shared maps"],
  [/^(node-port-)?sticky[23]?-wide-/, "the same with affinity: a client that is known goes where it was"],
  [
    /^(node-port-)?pick[23]?-/,
    "chooses one of as many slots as its name says, evenly; shared by all frontends of that many",
  ],
  [
    /^(node-port-)?sticky[23]?-/,
    "the same with affinity: a client that is known goes where it was, for the time in its name",
  ],
  [/^(node-port-)?remembered[23]?-/, "sends a client to the endpoint that it had before, if it is still there"],
  [/^(node-port-)?remember-/, "notes the endpoint that was chosen for a client, for the time in its name"],
];

/** The meaning of a name in the rules of a backend; null for one that no backend of weir makes. */
export function meaningOf(backend: BackendName, name: string): Meaning | null {
  switch (backend) {
    case "iptables":
      return iptablesMeaning(name);
    case "userspace":
      return iptablesMeaning(name) ?? { what: "listener", text: "socket of the proxy, with the endpoints of one pool" };
    case "ipvs":
      return ipvsMeaning(name);
    case "nftables":
      return nftMeaning(name);
  }
}

function iptablesMeaning(name: string): Meaning | null {
  const fixed = iptablesChains[name];
  if (fixed !== undefined) return { what: "chain", text: fixed };
  const prefix = Object.entries(iptablesPrefixes).find(([start]) => name.startsWith(start));
  if (prefix === undefined) return null;
  return { what: name.startsWith("weir-") ? "recent list" : "chain", text: prefix[1] };
}

function ipvsMeaning(name: string): Meaning | null {
  const chain = ipvsChains[name];
  if (chain !== undefined) return { what: "chain", text: chain };
  const set = ipvsSets[name.replace(/^weir6?-/, "")];
  if (set !== undefined) return { what: name.startsWith("weir6-") ? "IPv6 set" : "IPv4 set", text: set };
  if (/^(-[tuf]|--sctp-service) /.test(name)) {
    const text = name.startsWith("-f") ? "found by the mark of packets" : "found by destination";
    return { what: "virtual server", text: `${text}; the scheduler chooses among its real servers` };
  }
  const isMark = /^0x[0-9a-f]+$/.test(name);
  return isMark ? { what: "mark", text: "mark of packets that one virtual server takes, in all 32 bits" } : null;
}

function nftMeaning(name: string): Meaning | null {
  const chain = nftChains[name];
  if (chain !== undefined) return { what: "chain", text: chain };
  const set = nftSets[name];
  if (set !== undefined) return { what: "set or map", text: set };
  if (/^weights[23]?-/.test(name)) {
    return { what: "map", text: "slot -> number of the endpoint, of one pool with too many slots for the shared maps" };
  }
  const pattern = nftPatterns.find(([start]) => start.test(name));
  return pattern === undefined ? null : { what: "chain", text: pattern[1] };
}
