import { describe, expect, it } from "vitest";
import { foreignInIptables } from "../../../runtime/preflight/foreign-iptables.ts";
import { foreignInNft } from "../../../runtime/preflight/foreign-nft.ts";
import { routingRules } from "../../../runtime/preflight/foreign-routing.ts";
import { probeKernel, probeModules, probePrivileges } from "../../../runtime/preflight/kernel.ts";
import { listenersIn } from "../../../runtime/preflight/listeners.ts";
import { findManagers } from "../../../runtime/preflight/managers.ts";
import { readForeignUse } from "../../../runtime/preflight/read-foreign.ts";
import { isAtLeast, versionIn } from "../../../runtime/preflight/tools.ts";
import { fakeHost, fakeMachine } from "../../support/fake-node.ts";

describe("versions", () => {
  it.each([
    ["nftables v1.0.6 (Lester Gooch #5)", "1.0.6"],
    ["iptables v1.8.9 (nf_tables)", "1.8.9"],
    ["ipset v7.17, protocol version: 7", "7.17"],
    ["ip utility, iproute2-6.1.0, libbpf 1.1.2", "6.1.0"],
    ["ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)", "1.31"],
    ["kmod version 30\n+ZSTD +XZ", "30"],
    ["conntrack v1.4.7 (conntrack-tools)", "1.4.7"],
    ["nothing of the kind", null],
  ])("%s", (text, version) => expect(versionIn(text)).toBe(version));

  it.each([
    ["6.1.0-18-amd64", "5.9", true],
    ["5.10.0", "5.9", true],
    ["5.9", "5.9.0", true],
    ["4.19.0-amd64", "5.9", false],
    ["1.0.5", "1.0.6", false],
    ["1.6.2", "1.6.2", true],
  ])("%s is at least %s: %s", (version, least, expected) => expect(isAtLeast(version, least)).toBe(expected));
});

describe("listening sockets", () => {
  it("are those that wait for anybody", () => {
    const tcp = `  sl  local_address rem_address   st tx_queue rx_queue
   0: 00000000:7580 00000000:0000 0A 00000000:00000000 00:00000000
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000
   2: 0B0200C0:7580 0900F40A:C001 01 00000000:00000000 00:00000000
`;
    expect(listenersIn(tcp, "ipv4", "tcp").map(({ address, port }) => `${address} ${port}`)).toEqual([
      "0.0.0.0 30080",
      "127.0.0.1 8080",
    ]);
    const udp6 = `  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:0035 00000000000000000000000000000000:0000 07 00000000:00000000
   1: B80D01200000000000000000010000FD:0035 00000000000000000000000000000000:0000 07 00000000:00000000
   2: 00000000000000000000000001000000:0035 00000000000000000000000001000000:1234 07 00000000:00000000
`;
    expect(listenersIn(udp6, "ipv6", "udp").map(({ address }) => address)).toEqual(["::", "2001:db8::fd00:1"]);
  });
});

const full = 0xffffffff;

describe("marks in iptables rules", () => {
  it.each([
    ["-A FORWARD -j MARK --set-xmark 0x40/0x40", "packet set ones 40 zeros 0 other"],
    ["-A PREROUTING -j MARK --set-xmark 0x1/0xffffffff", "packet set ones 1 zeros fffffffe before"],
    [
      "-A FORWARD -m mark ! --mark 0x8 -j MARK --set-xmark 0x0/0xf0",
      "packet match ones 8 zeros fffffff7 other; packet set ones 0 zeros f0 other",
    ],
    [
      "-A FORWARD -m connmark --mark 0x10/0xff -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff",
      "connection match ones 10 zeros ef other; connection set ones 0 zeros ff other",
    ],
    [
      "-A PREROUTING -p tcp -j TPROXY --on-port 80 --on-ip 0.0.0.0 --tproxy-mark 0x2/0xff",
      "packet set ones 2 zeros fd before",
    ],
    ['-A FORWARD -m comment --comment "a \\"-j MARK --set-xmark 0x40/0x40\\" b" -j ACCEPT', ""],
    ["-A WEIR-DROP -j MARK --set-xmark 0x8000/0x8000", ""],
  ])("%s", (rule, expected) => {
    const { marks } = foreignInIptables(`*mangle\n:FORWARD ACCEPT [0:0]\n${rule}\nCOMMIT\n`, "ipv4");
    const texts = marks.map(
      ({ field, action, ones, zeros, hook }) =>
        `${field} ${action} ones ${ones.toString(16)} zeros ${zeros.toString(16)} ${hook}`,
    );
    expect(texts.join("; ")).toBe(expected);
  });
});

describe("marks in nftables rules", () => {
  const mark = { meta: { key: "mark" } };
  const set = (value: unknown) => ({ mangle: { key: mark, value } });
  it.each([
    ["a number", set(16), { ones: 16, zeros: full - 16 }],
    ["more bits", set({ "|": [mark, 0x4000] }), { ones: 0x4000, zeros: 0 }],
    ["fewer bits", set({ "&": [mark, 0xffff0fff] }), { ones: 0, zeros: 0xf000 }],
    ["as nft prints `& 0xffff0fff | 8`", set({ "^": [{ "&": [mark, 0xffff0ff7] }, 8] }), { ones: 8, zeros: 0xf008 }],
    [
      "some cleared, of them some set",
      set({ "|": [{ "&": [mark, 0xffff0fff] }, 0x1000] }),
      { ones: 0x1000, zeros: 0xe000 },
    ],
    ["the connection's", set({ ct: { key: "mark" } }), { ones: 0, zeros: full }],
    [
      "by a map",
      set({
        map: {
          key: {},
          data: {
            set: [
              ["192.0.2.1", 0x4000],
              ["192.0.2.2", 1],
            ],
          },
        },
      }),
      { ones: 0x4001, zeros: full },
    ],
    ["a test", { match: { op: "==", left: { "&": [mark, 0xff] }, right: 3 } }, { ones: 3, zeros: 0xfc }],
  ])("%s", (_, statement, expected) => {
    const rule = { family: "inet", table: "x", chain: "f", expr: [statement] };
    const { marks } = foreignInNft(JSON.stringify({ nftables: [{ metainfo: {} }, { rule }] }));
    expect(marks.map(({ ones, zeros }) => ({ ones, zeros }))).toEqual([expected]);
  });
});

describe("routing rules", () => {
  it("with and without marks", () => {
    const json =
      '[{"priority":0,"src":"all","table":"local"},{"priority":1000,"not":null,"src":"all","fwmark":"0x4000","fwmask":"0x4000","table":"30569"},{"priority":9,"fwmark":"0xca6c","table":"100"}]';
    expect(routingRules(json, "ipv4").map(({ mark, mask, table }) => [mark, mask, table])).toEqual([
      [null, null, "local"],
      [0x4000, 0x4000, "30569"],
      [0xca6c, full, "100"],
    ]);
    expect(routingRules("", "ipv6")).toEqual([]);
  });
});

describe("a node", () => {
  it("its kernel, privileges and modules are read from files", async () => {
    const node = {
      files: {
        "/proc/sys/kernel/osrelease": "6.1.0-18-amd64\n",
        "/proc/self/status": "Name:\tnode\nUid:\t0\t0\t0\t0\nCapEff:\t0000000000001000\n",
        "/proc/1/cgroup": "0::/kubepods.slice/pod1\n",
        "/proc/modules": "nf_tables 311296 3 nft_ct - Live 0x0\n",
        "/lib/modules/6.1.0-18-amd64/modules.builtin": "kernel/net/netfilter/xt_mark.ko\n",
        "/lib/modules/6.1.0-18-amd64/modules.dep": "kernel/net/netfilter/nft-hash.ko.xz: kernel/net/x.ko.xz\n",
      },
      folders: { "/sys/module": ["ip_set"] },
    };
    const host = fakeHost(node);
    const kernel = await probeKernel(host, fakeMachine(node));
    expect(kernel).toMatchObject({ release: "6.1.0-18-amd64", container: "kubernetes", hasIpv6: false });
    expect(await probePrivileges(host)).toEqual({ isRoot: true, netAdmin: true, sysAdmin: false });
    const modules = await probeModules(host, fakeMachine(node), kernel.release);
    expect(modules.hasLists).toBe(true);
    expect([...modules.loaded].sort()).toEqual(["ip_set", "nf_tables"]);
    expect([...modules.builtIn]).toEqual(["xt_mark"]);
    expect([...modules.loadable]).toEqual(["nft_hash"]);
  });

  it("knows who else manages rules, and not the processes of other namespaces", async () => {
    const node = {
      files: { "/proc/812/comm": "kube-proxy\n", "/proc/813/comm": "keepalived\n", "/proc/814/comm": "bash\n" },
      folders: { "/proc": ["812", "813", "814", "self", "sys"] },
      links: { "/proc/self/ns/net": "net:[1]", "/proc/812/ns/net": "net:[1]", "/proc/813/ns/net": "net:[2]" },
    };
    const names = {
      chains: ["KUBE-KUBELET-CANARY", "KUBE-MARK-MASQ", "cali-INPUT", "ufw-user-input"],
      tables: ["firewalld"],
    };
    expect(await findManagers(fakeHost(node), fakeMachine(node), names)).toEqual([
      { name: "kube-proxy", seenBy: ["process 812"], isRunning: true },
      { name: "calico", seenBy: ["chain cali-INPUT"], isRunning: false },
      { name: "firewalld", seenBy: ["table firewalld"], isRunning: false },
      { name: "ufw", seenBy: ["chain ufw-user-input"], isRunning: false },
    ]);
  });

  it("says what of the rules it could not see", async () => {
    const host = fakeHost({
      files: { "/proc/net/ip_tables_names": "", "/proc/net/ip6_tables_names": "nat\n" },
      programs: {
        "iptables-nft-save": {
          status: 4,
          stderr: "Fetching rule set generation id: Permission denied (you must be root)\n",
        },
        "ip6tables-legacy-save": { stdout: "*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n" },
        "iptables-legacy-save": { status: 3, stderr: "never asked\n" },
        "nft list tables": { stdout: "table ip weir\ntable ip6 weir\ntable inet mine\n" },
        "nft -j list table inet mine": { stdout: "table inet mine\n" },
        "ip -json -4 rule show": { stdout: "[]" },
        "ip -json -6 rule show": { status: 2, stderr: "RTNETLINK answers: Operation not supported\n" },
      },
    });
    const { unseen, chains, tables } = await readForeignUse(host);
    expect(unseen).toEqual([
      "rules of iptables, flavour nft, ipv4: this needs root",
      "rules of table inet mine: not understood (the tool gives no JSON)",
    ]);
    expect(chains).toEqual(["KUBE-SERVICES"]);
    expect(tables).toEqual(["mine"]);
    expect(host.runs).not.toContain("iptables-legacy-save");
  });
});
