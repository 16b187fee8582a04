import { describe, expect, it } from "vitest";
import { describeFinding, read } from "./support.ts";

function settingsOf(fields: object) {
  const object = { apiVersion: "kubeproxy.config.k8s.io/v1alpha1", kind: "KubeProxyConfiguration", ...fields };
  const { fragment, diagnostics } = read(JSON.stringify(object));
  return {
    settings: Object.fromEntries(fragment.settings.map(({ key, value }) => [key, value])),
    findings: diagnostics.map((finding) => describeFinding(finding).replace(/ \d+:\d+ .*»/s, "")),
  };
}

const texts = (value: unknown): unknown => JSON.parse(JSON.stringify(value, (_, item) => item?.text ?? item));

describe("settings", () => {
  it.each<[string, object, object]>([
    ["nothing for defaults", {}, {}],
    [
      "nothing for the empty values that kubeadm writes",
      {
        clusterCIDR: "",
        mode: "",
        detectLocalMode: "",
        detectLocal: { bridgeInterface: "", interfaceNamePrefix: "" },
        nodePortAddresses: null,
        portRange: "",
        ipvs: { excludeCIDRs: null, scheduler: "", tcpTimeout: "0s", syncPeriod: "0s", minSyncPeriod: "0s" },
        iptables: { masqueradeBit: null, localhostNodePorts: null, syncPeriod: "0s" },
        hostnameOverride: "worker-1",
        conntrack: { min: null },
      },
      {},
    ],
    ["pods", { clusterCIDR: "10.244.0.0/16,fd00::/48" }, { pods: ["10.244.0.0/16", "fd00::/48"] }],
    ["the cluster detector", { detectLocalMode: "ClusterCIDR" }, { detector: { kind: "cluster-pods" } }],
    ["the node detector", { detectLocalMode: "NodeCIDR" }, { detector: { kind: "node-pods" } }],
    [
      "the bridge detector",
      { detectLocalMode: "BridgeInterface", detectLocal: { bridgeInterface: "cni0" } },
      { detector: { kind: "bridge-interface", name: "cni0" } },
    ],
    [
      "the prefix detector",
      { detectLocalMode: "InterfaceNamePrefix", detectLocal: { interfaceNamePrefix: "cali" } },
      { detector: { kind: "interface-prefix", prefix: "cali" } },
    ],
    ["no addresses", { nodePortAddresses: [] }, {}],
    ["the primary address", { nodePortAddresses: ["primary"] }, { nodePortAddresses: { kind: "primary" } }],
    [
      "addresses in networks",
      { nodePortAddresses: ["192.0.2.1/24", "::/0"] },
      { nodePortAddresses: { kind: "prefixes", prefixes: ["192.0.2.0/24", "::/0"] } },
    ],
    [
      "the iptables section without a mode",
      { iptables: { masqueradeBit: 20, masqueradeAll: true }, nftables: { masqueradeBit: 21 } },
      { masqueradeBit: 20, masqueradeAll: true },
    ],
    ["the same for IPVS", { mode: "ipvs", iptables: { masqueradeAll: true } }, { masqueradeAll: true }],
    [
      "the nftables section in its mode",
      { mode: "nftables", iptables: { masqueradeBit: 20 }, nftables: { masqueradeBit: 21, masqueradeAll: false } },
      { masqueradeBit: 21, masqueradeAll: false },
    ],
    [
      "IPVS",
      {
        ipvs: {
          scheduler: "lc",
          strictARP: true,
          excludeCIDRs: ["198.51.100.0/24"],
          tcpTimeout: "15m0s",
          tcpFinTimeout: "1m30s",
          udpTimeout: "5m",
        },
      },
      {
        ipvsScheduler: "lc",
        ipvsStrictArp: true,
        ipvsExcludedRanges: ["198.51.100.0/24"],
        ipvsTcpTimeout: 900,
        ipvsTcpFinTimeout: 90,
        ipvsUdpTimeout: 300,
      },
    ],
    ["a port range", { portRange: "20000-20999" }, { proxyPorts: { first: 20000, last: 20999 } }],
    ["a port range with a length", { portRange: "20000+99" }, { proxyPorts: { first: 20000, last: 20099 } }],
    ["no port range", { portRange: "0-0" }, {}],
  ])("%s", (_, fields, settings) => {
    const read = settingsOf(fields);
    expect(read.findings).toEqual([]);
    expect(texts(read.settings)).toEqual(settings);
  });
});

describe("what kube-proxy would refuse", () => {
  it.each<[object, string]>([
    [
      { clusterCIDR: "10.0.0.0" },
      'error kubernetes/invalid-address clusterCIDR: "10.0.0.0" is not a network; it needs a length, as in 10.0.0.0/8',
    ],
    [
      { clusterCIDR: "10.0.0.0/8,11.0.0.0/8" },
      "error kubernetes/invalid-setting clusterCIDR may hold one range of each family",
    ],
    [
      { detectLocalMode: "Guess" },
      'error kubernetes/invalid-field detectLocalMode is "Guess", expected ClusterCIDR, NodeCIDR, BridgeInterface or InterfaceNamePrefix',
    ],
    [
      { detectLocalMode: "BridgeInterface" },
      "error kubernetes/missing-field detectLocal.bridgeInterface is missing, expected the name of an interface: at most 15 letters, digits, _, . and -",
    ],
    [
      { detectLocalMode: "InterfaceNamePrefix", detectLocal: { interfaceNamePrefix: 'a" drop' } },
      'error kubernetes/invalid-field detectLocal.interfaceNamePrefix is "a\\" drop", expected the name of an interface: at most 14 letters, digits, _, . and -',
    ],
    [
      { iptables: { masqueradeBit: 32 } },
      "error kubernetes/invalid-field iptables.masqueradeBit is 32, expected a bit number from 0 to 31",
    ],
    [
      { iptables: { minSyncPeriod: "31s" } },
      "error kubernetes/invalid-setting iptables.minSyncPeriod must not be above iptables.syncPeriod",
    ],
    [{ nftables: { syncPeriod: "-1s" } }, "error kubernetes/invalid-setting nftables.syncPeriod must be above 0"],
    [
      { ipvs: { syncPeriod: "soon" } },
      "error kubernetes/invalid-setting ipvs.syncPeriod is no duration, as in 30s or 1h15m",
    ],
    [{ ipvs: { minSyncPeriod: "-1s" } }, "error kubernetes/invalid-setting ipvs.minSyncPeriod must not be below 0"],
    [
      { ipvs: { tcpTimeout: "1500ms" } },
      "error kubernetes/invalid-setting ipvs.tcpTimeout must be whole seconds, 0 to 2147483",
    ],
    [
      { ipvs: { scheduler: "best" } },
      'error kubernetes/invalid-field ipvs.scheduler is "best", expected rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, mh, fo, ovf',
    ],
    [
      { ipvs: { excludeCIDRs: ["x"] } },
      'error kubernetes/invalid-address ipvs.excludeCIDRs[0]: "x" is not a network; it needs a length, as in 10.0.0.0/8',
    ],
    [{ oomScoreAdj: 1001 }, "error kubernetes/invalid-field oomScoreAdj is 1001, expected a number from -1000 to 1000"],
    [{ portRange: "9-1" }, "error kubernetes/invalid-setting portRange is no range of ports, as in 20000-29999"],
    [
      { nodePortAddresses: ["primary", "primary"] },
      "error kubernetes/invalid-setting nodePortAddresses holds primary, which must stand alone",
    ],
  ])("%j", (fields, finding) => {
    expect(settingsOf(fields).findings).toEqual([finding]);
  });
});
