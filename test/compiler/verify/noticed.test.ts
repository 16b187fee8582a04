import { expect, it } from "vitest";
import type { BackendName } from "../../../compiler/backends/backend.ts";
import { loadBackend } from "../../../compiler/backends/registry.ts";
import { textsOf } from "../../../compiler/backends/text.ts";
import { compileBackend, irOf } from "../../../compiler/pipeline.ts";
import { describeDifference } from "../../../compiler/verify/describe.ts";
import { verifyProgram } from "../../../compiler/verify/verify.ts";
import { fixturesFolder, loadInputs } from "../../support/fixtures.ts";

interface Slip {
  readonly what: string;
  readonly backend: BackendName;
  readonly fixture: string;
  readonly file: string;
  readonly from: string | RegExp;
  readonly to: string;
  readonly says: string;
}

const ipvsRules = { backend: "ipvs", fixture: "26-node-ports", file: "ipvs/ipv4.rules" } as const;
const iptables = { backend: "iptables", fixture: "26-node-ports", file: "iptables/ipv4.rules" } as const;
const affinity = { fixture: "38-affinity" } as const;
const proxy = { backend: "userspace", fixture: "38-affinity", file: "userspace/proxy.json" } as const;

/** Slips that no first packet's destination tells. */
const slips: readonly Slip[] = [
  {
    what: "a mark that stays on a masqueraded packet",
    ...iptables,
    from: "-A WEIR-MASQUERADE -j MARK --set-xmark 0x0/0x4000\n",
    to: "",
    says: "its mark 0xff has become 0x40ff",
  },
  {
    what: "a mark that takes bits of others",
    ...iptables,
    from: /(-j MARK --set-xmark 0x4000\/)0x4000/g,
    to: "$10x4001",
    says: "its mark 0xff has become 0xfe",
  },
  {
    what: "a refusal of what has no ports",
    ...iptables,
    from: "-A WEIR-ADDRESSES -d 10.96.0.10/32 -g WEIR-UNSERVED",
    to: "-A WEIR-ADDRESSES -d 10.96.0.10/32 -g WEIR-REJECT",
    says: "an ICMP packet to it",
  },
  {
    what: "a class id that stays",
    backend: "nftables",
    fixture: "26-node-ports",
    file: "nftables/ruleset.nft",
    from: /meta priority 5700.* set none\n/,
    to: "",
    says: "the class id 0x5700",
  },
  {
    what: "a client that is remembered for too long",
    backend: "nftables",
    ...affinity,
    file: "nftables/ruleset.nft",
    from: /timeout 3h/g,
    to: "timeout 4h",
    says: "10800 seconds ago",
  },
  {
    what: "a client that is forgotten too soon",
    backend: "iptables",
    ...affinity,
    file: "iptables/ipv4.rules",
    from: /--seconds 10800/g,
    to: "--seconds 10700",
    says: "10799 seconds ago",
  },
  {
    what: "replies that are taken for requests",
    ...ipvsRules,
    from: "-A WEIR-IPVS-IN -m conntrack --ctdir REPLY -j RETURN\n",
    to: "",
    says: "a reply that goes there",
  },
  {
    what: "connections of others that are taken over",
    ...ipvsRules,
    from: "-A WEIR-IPVS-OUT -m conntrack --ctstate DNAT -j RETURN\n",
    to: "",
    says: "a later packet of a connection that others translate",
  },
  {
    what: "a verdict on connections that are there",
    ...ipvsRules,
    from: "-p tcp -m conntrack --ctstate NEW -g WEIR-IPVS-UNSERVED",
    to: "-p tcp -g WEIR-IPVS-UNSERVED",
    says: "a later packet of a connection",
  },
  {
    what: "errors of ICMP that are lost",
    ...ipvsRules,
    file: "ipvs/ipset.rules",
    from: "add weir-addresses 10.96.0.10\n",
    to: "",
    says: "an ICMP error about a connection to it",
  },
  {
    what: "an endpoint that is drained in vain",
    ...proxy,
    from: '"drained": []',
    to: '"drained": [ { "address": "10.244.9.9", "port": 1 } ]',
    says: "its server has",
  },
  {
    what: "a proxy that remembers for too long",
    ...proxy,
    from: '"timeoutSeconds": 10800',
    to: '"timeoutSeconds": 10801',
    says: "10800 seconds ago",
  },
  {
    what: "a port of the proxy that anybody may ask",
    ...proxy,
    file: "userspace/ipv4.rules",
    from: /-A WEIR-PROXY-PORTS .*\n/,
    to: "",
    says: "-> 192.0.2.11:19922\n  expected: reject\n  got:      pass",
  },
  {
    what: "a port beside it that nobody may ask",
    ...proxy,
    file: "userspace/ipv4.rules",
    from: /(-A WEIR-PROXY-PORTS .*)19922(.*\n)/,
    to: "$119922$2$119923$2",
    says: "-> 192.0.2.11:19923\n  expected: pass\n  got:      reject",
  },
  {
    what: "a client that is not remembered any more once its endpoint has gone",
    backend: "nftables",
    ...affinity,
    file: "nftables/ruleset.nft",
    from: /\t\tdelete @affinity .*\n/,
    to: "",
    says: "nftables: tcp",
  },
  {
    what: "clients of one network that are told apart",
    backend: "iptables",
    fixture: "60-affinity-netmask",
    file: "iptables/ipv4.rules",
    from: /--mask 255\.255\.255\.0/g,
    to: "--mask 255.255.255.255",
    says: ", a client of 10.244.",
  },
  {
    what: "clients that are taken for one",
    backend: "nftables",
    fixture: "60-affinity-netmask",
    file: "nftables/ruleset.nft",
    from: /& 255\.255\.255\.0/g,
    to: "& 255.255.254.0",
    says: ", a client of 10.244.",
  },
  {
    what: "a service that the proxy has only with rules before it",
    ...proxy,
    from: '"address": "10.96.0.10", "port": 80',
    to: '"address": "10.96.0.10", "port": 81',
    says: "without rules",
  },
  {
    what: "an accepted packet that rules of others never see",
    ...ipvsRules,
    from: "-A WEIR-IPVS-OUT -m conntrack --ctdir REPLY -j RETURN",
    to: "-A WEIR-IPVS-OUT -m conntrack --ctdir REPLY -j ACCEPT",
    says: "rules of others behind weir's do not see it",
  },
  {
    what: "a rule for more addresses than its service has",
    ...iptables,
    from: "-A WEIR-ADDRESSES -d 10.96.0.10/32 -p udp",
    to: "-A WEIR-ADDRESSES -d 10.96.0.10/31 -p udp",
    says: "10.96.0.11:53",
  },
  {
    what: "a client that comes again and is not remembered anew",
    backend: "nftables",
    fixture: "38-affinity",
    file: "nftables/ruleset.nft",
    from: /(map @affinity meta priority \S+) update @affinity \{.*\} jump/,
    to: "$1 jump",
    says: "10799 seconds ago",
  },
  {
    what: "a service of the proxy without rules that the spec does not have",
    ...proxy,
    from: /( {4}\{ "key": .*"port": )80(,.*)\n/,
    to: "$180$2,\n$181$2\n",
    says: "without rules",
  },
];

it.each(slips)("$what is noticed", async ({ backend, fixture, file, from, to, says }) => {
  const { spec } = await loadInputs(`${fixturesFolder}/${fixture}`);
  const { ir } = irOf(spec, "worker-1");
  const files = textsOf((await compileBackend(ir, backend)).files);
  const { parse } = await loadBackend(backend);
  const good = files.get(file) ?? "";
  const bad = good.replace(from, to);
  expect(bad).not.toBe(good);
  const { differences } = await verifyProgram(ir, backend, parse(new Map(files).set(file, bad)));
  expect(differences.map(describeDifference).join("\n")).toContain(says);
});
