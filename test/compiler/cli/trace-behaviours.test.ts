import { describe, expect, it } from "vitest";
import type { BackendName } from "../../../compiler/backends/backend.ts";
import { backendNames } from "../../../compiler/backends/registry.ts";
import { weir } from "../../support/command.ts";
import { fixturesFolder, inputsOf } from "../../support/fixtures.ts";

/**
 * What people expect of a service proxy of Kubernetes, rule by rule: which endpoints are taken, drop or reject, who is
 * masqueraded, which addresses have node ports, who is let in. Each runs `weir trace` under every backend. Where the
 * modes of kube-proxy differ from each other, the outcome here is weir's one meaning.
 */
interface Behaviour {
  readonly rule: string;
  readonly fixture: string;
  readonly node?: string;
  readonly options?: readonly string[];
  /** `SRC DST:PORT`, of tcp. */
  readonly packet: string;
  /** `drop`, `reject`, `pass`; or the last parts of endpoints' addresses, and ` masqueraded`. */
  readonly outcome: string;
  /** A part of a rule on the way. */
  readonly on?: Partial<Readonly<Record<BackendName, string>>>;
}

const traffic = "86-kubernetes-traffic";
const some = "87-kubernetes-some-addresses";
const none = "88-kubernetes-no-detector";
const pod = "10.244.1.77";
const outside = "8.8.8.8";
const own = "192.0.2.11";

const behaviours: readonly (Behaviour & { readonly items: string })[] = [
  // selection of endpoints
  {
    items: "24",
    rule: "serving and terminating ones serve when nobody is ready",
    fixture: traffic,
    packet: `${pod} 10.96.0.1:80`,
    outcome: "1.5 2.5",
  },
  {
    items: "24",
    rule: "... decided for the cluster set",
    fixture: traffic,
    packet: `${pod} 10.96.0.2:80`,
    outcome: "2.5",
  },
  {
    items: "24",
    rule: "... and apart for the local set",
    fixture: traffic,
    packet: `${outside} 198.51.100.2:80`,
    outcome: "1.5",
  },
  {
    items: "25 37",
    rule: "serving, neither ready nor terminating, is not usable",
    fixture: traffic,
    packet: `${pod} 10.96.0.3:80`,
    outcome: "reject",
  },
  {
    items: "26 48",
    rule: "the cluster set exists for short cuts when both policies are local",
    fixture: traffic,
    packet: `${pod} 198.51.100.4:80`,
    outcome: "1.6 2.6",
  },
  {
    items: "27",
    rule: "the local set exists for the external policy",
    fixture: traffic,
    packet: `${outside} 198.51.100.4:80`,
    outcome: "1.6",
  },
  {
    items: "27",
    rule: "an internal service's external policy is ignored",
    fixture: "77-kubernetes-policies",
    packet: "203.0.113.9 10.96.0.11:80",
    outcome: "1.6 2.8 masqueraded",
  },
  {
    items: "28",
    rule: "the internal policy governs the cluster IP",
    fixture: traffic,
    packet: `${pod} 10.96.0.4:80`,
    outcome: "1.6",
  },
  {
    items: "28",
    rule: "the external policy does not",
    fixture: traffic,
    packet: `${pod} 10.96.0.10:80`,
    outcome: "2.8",
  },
  {
    items: "29",
    rule: "topology bears on the cluster set",
    fixture: traffic,
    packet: `${pod} 10.96.0.5:80`,
    outcome: "2.6",
  },
  {
    items: "29",
    rule: "... and not on the local set",
    fixture: traffic,
    packet: `${outside} 198.51.100.5:80`,
    outcome: "1.6",
  },
  {
    items: "30",
    rule: "hints at nodes win over hints at zones",
    fixture: traffic,
    packet: `${pod} 10.96.0.6:80`,
    outcome: "1.6",
  },
  {
    items: "30",
    rule: "... on the other node too",
    fixture: traffic,
    node: "worker-2",
    packet: `${pod} 10.96.0.6:80`,
    outcome: "2.6",
  },
  {
    items: "31",
    rule: "hints at zones",
    fixture: traffic,
    node: "worker-2",
    packet: `${pod} 10.96.0.5:80`,
    outcome: "1.6",
  },
  {
    items: "32",
    rule: "one missing hint turns topology off",
    fixture: traffic,
    packet: `${pod} 10.96.0.7:80`,
    outcome: "1.6 2.6",
  },
  {
    items: "32",
    rule: "so does a node without a zone",
    fixture: traffic,
    node: "worker-3",
    packet: `${pod} 10.96.0.8:80`,
    outcome: "1.6 2.6",
  },
  {
    items: "33",
    rule: "unready endpoints are left out when hints are judged",
    fixture: traffic,
    packet: `${pod} 10.96.0.8:80`,
    outcome: "1.6",
  },
  {
    items: "33",
    rule: "no topology among terminating endpoints",
    fixture: traffic,
    packet: `${pod} 10.96.0.9:80`,
    outcome: "1.6 2.6",
  },
  {
    items: "34",
    rule: "hints count without an annotation",
    fixture: "76-kubernetes-hints",
    packet: `${pod} 10.96.0.10:80`,
    outcome: "1.5",
  },
  {
    items: "35 38",
    rule: "there may be endpoints and none that is reachable from here",
    fixture: traffic,
    packet: `${outside} 198.51.100.10:80`,
    outcome: "drop",
  },
  // verdicts
  {
    items: "37",
    rule: "no endpoint: the cluster IP rejects",
    fixture: traffic,
    packet: `${pod} 10.96.0.12:80`,
    outcome: "reject",
  },
  {
    items: "37",
    rule: "... external IPs too",
    fixture: traffic,
    packet: `${outside} 203.0.113.12:80`,
    outcome: "reject",
  },
  {
    items: "37",
    rule: "... load-balancer IPs too",
    fixture: traffic,
    packet: `${outside} 198.51.100.12:80`,
    outcome: "reject",
  },
  {
    items: "37 65",
    rule: "... node ports too",
    fixture: traffic,
    packet: `${outside} ${own}:30012`,
    outcome: "reject",
  },
  {
    items: "38",
    rule: "internal policy local without local endpoints drops",
    fixture: traffic,
    packet: `${pod} 10.96.0.11:80`,
    outcome: "drop",
  },
  {
    items: "38",
    rule: "external policy local drops on node ports",
    fixture: traffic,
    packet: `${outside} ${own}:30010`,
    outcome: "drop",
  },
  {
    items: "39 48",
    rule: "pods get through in spite of it",
    fixture: traffic,
    packet: `${pod} 198.51.100.10:80`,
    outcome: "2.8",
  },
  {
    items: "39 49",
    rule: "so does the node itself",
    fixture: traffic,
    packet: `${own} 198.51.100.10:80`,
    outcome: "2.8 masqueraded",
  },
  {
    items: "40",
    rule: "verdicts are for new connections",
    fixture: traffic,
    packet: `${outside} 198.51.100.10:80`,
    outcome: "drop",
    on: { iptables: "--ctstate NEW", userspace: "--ctstate NEW" },
  },
  {
    items: "41",
    rule: "a port of a cluster IP that nobody serves is rejected",
    fixture: traffic,
    packet: `${pod} 10.96.0.1:81`,
    outcome: "reject",
  },
  {
    items: "42",
    rule: "an unallocated address of a service range drops",
    fixture: "81-kubernetes-service-cidr",
    packet: `${pod} 10.96.0.11:80`,
    outcome: "drop",
  },
  {
    items: "42",
    rule: "without a known range it is nobody's",
    fixture: traffic,
    packet: `${pod} 10.96.0.99:80`,
    outcome: "pass",
  },
  {
    items: "43",
    rule: "endpoints are chosen evenly",
    fixture: traffic,
    packet: `${pod} 10.96.0.13:80`,
    outcome: "1.9 2.9 2.10",
  },
  // masquerade
  {
    items: "44",
    rule: "cluster IP, from a pod: not masqueraded",
    fixture: traffic,
    packet: "10.244.2.77 10.96.0.14:80",
    outcome: "1.9",
  },
  {
    items: "44",
    rule: "cluster IP, from outside: masqueraded",
    fixture: traffic,
    packet: `${outside} 10.96.0.14:80`,
    outcome: "1.9 masqueraded",
  },
  {
    items: "44",
    rule: "cluster IP, from the node: masqueraded",
    fixture: traffic,
    packet: `${own} 10.96.0.14:80`,
    outcome: "1.9 masqueraded",
  },
  {
    items: "44",
    rule: "cluster IP, masqueradeAll: pods too",
    fixture: "78-kubernetes-proxy-configuration",
    packet: `${pod} 10.96.0.10:80`,
    outcome: "1.5 2.7 masqueraded",
  },
  {
    items: "44",
    rule: "cluster IP, without a detector: nobody",
    fixture: none,
    packet: `${outside} 10.96.0.1:80`,
    outcome: "1.5 2.5",
  },
  {
    items: "45",
    rule: "masqueradeAll is about cluster IPs",
    fixture: "78-kubernetes-proxy-configuration",
    packet: `${pod} 192.0.2.139:30080`,
    outcome: "1.5 2.7",
  },
  {
    items: "46",
    rule: "the internal policy does not change masquerading",
    fixture: traffic,
    node: "worker-2",
    packet: `${outside} 10.96.0.11:80`,
    outcome: "2.8 masqueraded",
  },
  {
    items: "47",
    rule: "external, policy cluster: masqueraded",
    fixture: traffic,
    packet: `${outside} 198.51.100.13:80`,
    outcome: "1.9 2.9 2.10 masqueraded",
  },
  {
    items: "47",
    rule: "... pods of this node too",
    fixture: traffic,
    packet: `${pod} 203.0.113.13:80`,
    outcome: "1.9 2.9 2.10 masqueraded",
  },
  {
    items: "47",
    rule: "... at node ports too",
    fixture: traffic,
    packet: `${outside} ${own}:30013`,
    outcome: "1.9 2.9 2.10 masqueraded",
  },
  {
    items: "48",
    rule: "without a detector pods get local endpoints",
    fixture: none,
    packet: `${pod} ${own}:30080`,
    outcome: "1.5",
  },
  {
    items: "49",
    rule: "external, policy local, from the node: cluster set, masqueraded",
    fixture: traffic,
    packet: `${own} ${own}:30004`,
    outcome: "1.6 2.6 masqueraded",
  },
  {
    items: "50",
    rule: "external, policy local, from elsewhere: local set, not masqueraded",
    fixture: traffic,
    packet: `${outside} ${own}:30004`,
    outcome: "1.6",
  },
  {
    items: "51",
    rule: "an address of the node that is a pod's is a pod's",
    fixture: traffic,
    packet: "10.244.1.1 198.51.100.4:80",
    outcome: "1.6 2.6",
  },
  {
    items: "52",
    rule: "hairpin is masqueraded",
    fixture: traffic,
    packet: "10.244.1.9 10.96.0.14:80",
    outcome: "1.9 masqueraded",
  },
  {
    items: "53",
    rule: "the mark is set",
    fixture: traffic,
    packet: `${outside} 198.51.100.13:80`,
    outcome: "1.9 2.9 2.10 masqueraded",
    on: {
      iptables: "--set-xmark 0x4000/0x4000",
      nftables: "meta mark set meta mark | 0x00004000",
      ipvs: "0x4000/0x4000",
    },
  },
  {
    items: "53",
    rule: "... and cleared",
    fixture: traffic,
    packet: `${outside} 198.51.100.13:80`,
    outcome: "1.9 2.9 2.10 masqueraded",
    on: { iptables: "--set-xmark 0x0/0x4000", nftables: "meta mark set meta mark & 0xffffbfff" },
  },
  {
    items: "53",
    rule: "... the bit that the configuration names",
    fixture: "78-kubernetes-proxy-configuration",
    packet: `${pod} 10.96.0.10:80`,
    outcome: "1.5 2.7 masqueraded",
    on: { iptables: "0x400/0x400", nftables: "0x00000400" },
  },
  {
    items: "54",
    rule: "ports are chosen at random",
    fixture: traffic,
    packet: `${outside} 198.51.100.13:80`,
    outcome: "1.9 2.9 2.10 masqueraded",
    on: { iptables: "--random-fully", ipvs: "--random-fully", nftables: "fully-random" },
  },
  {
    items: "55",
    rule: "detector NodeCIDR",
    fixture: "78-kubernetes-proxy-configuration",
    packet: "10.244.2.99 192.0.2.139:30080",
    outcome: "1.5",
  },
  {
    items: "55",
    rule: "detector BridgeInterface, by the bridge",
    fixture: "82-kubernetes-interface-detector",
    options: ["--input-interface", "cni0"],
    packet: `${pod} 10.96.0.10:80`,
    outcome: "1.5",
  },
  {
    items: "55",
    rule: "detector BridgeInterface, by another",
    fixture: "82-kubernetes-interface-detector",
    options: ["--input-interface", "eth0"],
    packet: `${pod} 10.96.0.10:80`,
    outcome: "1.5 masqueraded",
  },
  {
    items: "55",
    rule: "detector InterfaceNamePrefix",
    fixture: some,
    options: ["--input-interface", "veth12"],
    packet: `${pod} 10.96.0.1:80`,
    outcome: "1.5 2.5",
  },
  {
    items: "55",
    rule: "detector InterfaceNamePrefix, by another",
    fixture: some,
    options: ["--input-interface", "eth0"],
    packet: `${pod} 10.96.0.1:80`,
    outcome: "1.5 2.5 masqueraded",
  },
  {
    items: "55",
    rule: "ClusterCIDR without a range of the family detects nobody",
    fixture: none,
    packet: "fd00:10:244:1::77 [fd00:10:96::1]:80",
    outcome: "1::5 2::5",
  },
  {
    items: "56",
    rule: "host processes are no pods to interfaces",
    fixture: "82-kubernetes-interface-detector",
    packet: `${own} 10.96.0.10:80`,
    outcome: "1.5 masqueraded",
  },
  // addresses of node ports
  {
    items: "57",
    rule: "a family with an entry: the addresses in it",
    fixture: some,
    packet: `${outside} 192.0.2.139:30080`,
    outcome: "1.5",
  },
  { items: "57", rule: "... and no others", fixture: some, packet: `${outside} ${own}:30080`, outcome: "pass" },
  {
    items: "57",
    rule: "a family without an entry: every address",
    fixture: some,
    packet: "2001:db8:9::9 [2001:db8::11]:30080",
    outcome: "1::5",
  },
  {
    items: "58",
    rule: "a zero prefix selects every address",
    fixture: none,
    packet: `${outside} ${own}:30080`,
    outcome: "1.5",
  },
  {
    items: "59",
    rule: "primary: the node's first address",
    fixture: "29-node-port-primary",
    packet: `${outside} ${own}:30080`,
    outcome: "1.5 masqueraded",
  },
  {
    items: "60",
    rule: "no match: none, and no error",
    fixture: some,
    node: "worker-2",
    packet: `${outside} 192.0.2.12:30080`,
    outcome: "pass",
  },
  {
    items: "61",
    rule: "a service's address that is the node's wins over a node port",
    fixture: none,
    packet: `${outside} ${own}:30081`,
    outcome: "1.6 masqueraded",
  },
  {
    items: "62 64",
    rule: "loopback has no node ports",
    fixture: none,
    packet: "127.0.0.1 127.0.0.1:30080",
    outcome: "pass",
  },
  { items: "63 64", rule: "nor has ::1", fixture: none, packet: "::1 [::1]:30080", outcome: "pass" },
  {
    items: "65",
    rule: "without endpoints the selected addresses reject",
    fixture: some,
    packet: `${outside} 192.0.2.139:30082`,
    outcome: "reject",
  },
  { items: "65", rule: "... and no others", fixture: some, packet: `${outside} ${own}:30082`, outcome: "pass" },
  {
    items: "66",
    rule: "every address meant: those of the node, and not loopback",
    fixture: traffic,
    packet: "127.0.0.1 127.0.0.1:30013",
    outcome: "pass",
  },
  // source ranges
  {
    items: "68",
    rule: "cluster IPs are not firewalled",
    fixture: traffic,
    packet: `${pod} 10.96.0.15:80`,
    outcome: "1.9",
  },
  {
    items: "68",
    rule: "nor external IPs",
    fixture: traffic,
    packet: `${outside} 203.0.113.15:80`,
    outcome: "1.9 masqueraded",
  },
  {
    items: "68",
    rule: "nor node ports",
    fixture: traffic,
    packet: `${outside} ${own}:30015`,
    outcome: "1.9 masqueraded",
  },
  {
    items: "69",
    rule: "ranges of the other family alone are no firewall",
    fixture: traffic,
    packet: `${outside} 198.51.100.16:80`,
    outcome: "1.9 masqueraded",
  },
  {
    items: "69",
    rule: "without endpoints everyone is rejected",
    fixture: traffic,
    packet: `${outside} 198.51.100.17:80`,
    outcome: "reject",
  },
  {
    items: "70 72 73 74",
    rule: "sources outside every range are dropped",
    fixture: traffic,
    packet: `${outside} 198.51.100.15:80`,
    outcome: "drop",
  },
  { items: "70", rule: "... pods too", fixture: traffic, packet: `${pod} 198.51.100.15:80`, outcome: "drop" },
  { items: "70 74", rule: "... the node too", fixture: traffic, packet: `${own} 198.51.100.15:80`, outcome: "drop" },
  {
    items: "72 73 74",
    rule: "sources inside a range get in",
    fixture: traffic,
    packet: "203.0.113.9 198.51.100.15:80",
    outcome: "1.9 masqueraded",
  },
  {
    items: "71",
    rule: "a range with the node's address lets the node in",
    fixture: traffic,
    packet: `${own} 198.51.100.18:80`,
    outcome: "1.9 masqueraded",
  },
  {
    items: "75",
    rule: "the legacy annotation is not read",
    fixture: traffic,
    packet: `${outside} 198.51.100.19:80`,
    outcome: "1.9 masqueraded",
  },
];

/** Rules of these sections that no packet can show, each with the reason. */
const notAboutPackets: Readonly<Record<number, string>> = {
  36: "about which chains exist, not about where packets go; weir has no chain for an endpoint",
  67: "about the server of health checks, which is no service",
};

interface Traced {
  readonly verdict: string;
  readonly endpoints: readonly { readonly address: string; readonly share: number | null }[];
  readonly masquerade: boolean;
  readonly path: readonly { readonly rule: string }[];
}

async function traced({
  fixture,
  node = "worker-1",
  options = [],
  packet,
}: Behaviour): Promise<ReadonlyMap<string, Traced>> {
  const { code, stdout, stderr } = await weir([
    "trace",
    "--json",
    "--node",
    node,
    "--backend",
    "all",
    ...options,
    ...inputsOf(`${fixturesFolder}/${fixture}`),
    "tcp",
    ...packet.split(" "),
  ]);
  expect([code, stderr]).toEqual([0, ""]);
  const list: readonly (Traced & { readonly backend: string })[] = JSON.parse(stdout);
  return new Map(list.map((each) => [each.backend, each]));
}

/** The proxy always hides the source, which it declares. */
function outcomeOf({ verdict, endpoints, masquerade }: Traced, backend: string): string {
  if (verdict !== "endpoints") return verdict;
  const names = endpoints.map(({ address }) => address.replace(/^(10\.244\.|fd00:10:244:)/, ""));
  return `${names.join(" ")}${masquerade && backend !== "userspace" ? " masqueraded" : ""}`;
}

describe("packets meet what is expected of a service proxy", () => {
  it.each(behaviours)("$items: $rule", async (behaviour) => {
    const traces = await traced(behaviour);
    const wanted = behaviour.outcome;
    for (const backend of backendNames) {
      const trace = traces.get(backend);
      expect(trace, backend).toBeDefined();
      if (trace === undefined) continue;
      const meant = backend === "userspace" ? wanted.replace(" masqueraded", "") : wanted;
      expect([backend, outcomeOf(trace, backend)]).toEqual([backend, meant]);
      const part = behaviour.on?.[backend];
      if (part !== undefined)
        expect(
          trace.path.some(({ rule }) => rule.includes(part)),
          `${backend} ${part}`,
        ).toBe(true);
    }
  });

  it("spreads evenly", async () => {
    const traces = await traced({ rule: "", fixture: traffic, packet: `${pod} 10.96.0.13:80`, outcome: "" });
    for (const [backend, { endpoints }] of traces) {
      expect([backend, ...endpoints.map(({ share }) => share)]).toEqual([backend, 1 / 3, 1 / 3, 1 / 3]);
    }
  });

  it("covers every item, or says why not", () => {
    const covered = new Set(behaviours.flatMap(({ items }) => items.split(" ").map(Number)));
    const all = Array.from({ length: 75 - 24 + 1 }, (_, at) => 24 + at);
    expect(all.filter((item) => !covered.has(item) && notAboutPackets[item] === undefined)).toEqual([]);
  });
});
