/** What status-program.ts does in the virtual machine, in this order. */
export const steps = ["doctor", "apply", "whole", "foreign", "damages", "repaired", "cleanup", "survivors"] as const;

export interface Damage {
  readonly name: string;
  /** Bash, in the guest. */
  readonly commands: string;
  /** What status says of it. */
  readonly says: readonly RegExp[];
}

/**
 * What others may do to the parts around IPVS, for fixture 26-node-ports. Several damages at once: a run of `weir` takes
 * a while in there.
 */
export const damages: readonly Damage[] = [
  {
    name: "single servers, elements and settings",
    commands: `ipvsadm -d -t 10.96.0.10:80 -r 10.244.2.7:8080; ipvsadm -a -t 10.96.0.10:80 -r 10.9.9.9:80 -m
      ipvsadm -D -f 1807756121
      ipset add weir-frontends 10.96.0.99,tcp:99
      sysctl -qw net.ipv4.vs.conntrack=0`,
    says: [
      /^ {2}shop\/web:http$/m,
      /10\.96\.0\.10:80\/tcp: 10\.244\.2\.7:8080 gets no connections/,
      /10\.9\.9\.9:80 gets connections, and should not/,
      /node port 30080\/tcp is not served/,
      /10\.96\.0\.99/,
      /setting net\.ipv4\.vs\.conntrack: it is 0, and should be 1/,
    ],
  },
  {
    name: "a flushed set, no routes, no rules",
    commands:
      "ipset flush weir-frontends; ip rule del priority 1000; ip route flush table 30569; iptables -t mangle -F",
    says: [
      /all elements of set weir-frontends: /,
      /routing rule 1000 \(ipv4\): IPv4 packets for service addresses that arrive here do not reach IPVS/,
      /jump from PREROUTING to WEIR-IPVS-IN in table mangle \(ipv4\): IPv4 packets that arrive here reach no service/,
    ],
  },
  {
    name: "everything gone",
    commands: `ipvsadm -D -t 10.96.0.10:80; ipvsadm -D -u 10.96.0.10:53; ipvsadm -D -f 1807756121; ipvsadm -D -f 1934953357
      nft flush ruleset
      ipset list -n | grep ^weir | xargs -n1 ipset destroy
      ip rule del priority 1000; ip route flush table 30569`,
    says: [/no service is served/, /set weir-frontends: |all virtual servers: /],
  },
];
