import type { Family } from "../../compiler/net/address.ts";

/**
 * Rules of other programs on a node, in their own shape: what weir must leave alone, byte for byte and in order.
 * Made for these tests after what the programs load; they work on an empty node with either flavour.
 */
export interface ForeignRules {
  readonly name: string;
  /** Input for `iptables-restore --noflush`, and for `ip6tables-restore`. */
  readonly iptables: Readonly<Record<Family, string>>;
}

/** Docker with one network, a published port, and isolation between networks. */
const docker: ForeignRules = {
  name: "docker",
  iptables: {
    ipv4: `*filter
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8081 -j DNAT --to-destination 172.17.0.2:80
COMMIT
`,
    ipv6: `*filter
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A DOCKER-USER -j RETURN
COMMIT
`,
  },
};

const firewalldFilter = (family: Family) => `*filter
:INPUT_direct - [0:0]
:INPUT_ZONES - [0:0]
:IN_public - [0:0]
:IN_public_allow - [0:0]
:FORWARD_direct - [0:0]
:OUTPUT_direct - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -j INPUT_direct
-A INPUT -j INPUT_ZONES
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -j REJECT --reject-with ${family === "ipv4" ? "icmp-host-prohibited" : "icmp6-adm-prohibited"}
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT
-A FORWARD -i lo -j ACCEPT
-A FORWARD -j FORWARD_direct
-A FORWARD -m conntrack --ctstate INVALID -j DROP
-A FORWARD -j REJECT --reject-with ${family === "ipv4" ? "icmp-host-prohibited" : "icmp6-adm-prohibited"}
-A OUTPUT -o lo -j ACCEPT
-A OUTPUT -j OUTPUT_direct
-A INPUT_ZONES -g IN_public
-A IN_public -j IN_public_allow
-A IN_public -p ${family === "ipv4" ? "icmp" : "ipv6-icmp"} -j ACCEPT
-A IN_public_allow -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW,UNTRACKED -j ACCEPT
COMMIT
`;

const firewalldRest = `*nat
:PREROUTING_direct - [0:0]
:POSTROUTING_direct - [0:0]
:POST_public_allow - [0:0]
-A PREROUTING -j PREROUTING_direct
-A POSTROUTING -j POSTROUTING_direct
-A POSTROUTING ! -o lo -j POST_public_allow
COMMIT
*mangle
:PREROUTING_direct - [0:0]
-A PREROUTING -j PREROUTING_direct
COMMIT
*raw
:PREROUTING_direct - [0:0]
-A PREROUTING -j PREROUTING_direct
COMMIT
`;

/** firewalld with its iptables backend and the zone public. */
const firewalld: ForeignRules = {
  name: "firewalld",
  iptables: {
    ipv4: firewalldFilter("ipv4") + firewalldRest,
    ipv6: firewalldFilter("ipv6") + firewalldRest,
  },
};

/** What an administrator types over the years: comments with quotes, limits, logging, marks, policies that drop. */
const handMade: ForeignRules = {
  name: "a firewall made by hand",
  iptables: {
    ipv4: `*filter
:INPUT DROP [0:0]
:LOGDROP - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 192.0.2.0/24 -p tcp -m multiport --dports 22,80,443 -m comment --comment "john's \\"office\\" -j WEIR-VERDICTS" -j ACCEPT
-A INPUT -p icmp -m limit --limit 10/sec -j ACCEPT
-A INPUT -j LOGDROP
-A FORWARD -s 10.244.0.0/16 -m mark --mark 0x2/0xff -j ACCEPT
-A LOGDROP -m limit --limit 5/min -j LOG --log-prefix "dropped: "
-A LOGDROP -j DROP
COMMIT
*nat
-A POSTROUTING -s 192.168.0.0/16 -o eth0 -j SNAT --to-source 192.0.2.11
COMMIT
*mangle
-A PREROUTING -i eth1 -j MARK --set-xmark 0x2/0xff
COMMIT
`,
    ipv6: `*filter
:INPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
  },
};

export const foreignRules: readonly ForeignRules[] = [docker, firewalld, handMade];

/** Tables of others that `nft -f` loads, in families and shapes that iptables does not know. */
export const foreignNftables = `table inet firewalld {
	chain filter_INPUT {
		type filter hook input priority filter + 10; policy accept;
		ct state { established, related } accept
		tcp dport { 22, 443 } accept
	}
}
table ip office {
	set friends {
		type ipv4_addr
		flags interval
		elements = { 198.51.100.0/24, 203.0.113.9 }
	}
	map ports {
		type inet_service : verdict
		elements = { 25 : drop, 8080 : accept }
	}
	chain input {
		type filter hook input priority 50; policy accept;
		ip saddr @friends accept
		tcp dport vmap @ports
	}
}
`;

/**
 * A listing without weir's chains and the plain jumps into them, and without what differs from one listing to the next
 * with nobody changing anything: the time, counters of policies. Tables without anything but built-in chains that
 * accept are left out, because using a table makes them.
 */
export function withoutWeirs(listing: string): string {
  const kept = listing
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .filter((line) => !/^(:|-A )WEIR-/.test(line) && !/^-A [A-Z]+ -j WEIR-[^ "]*$/.test(line))
    .map((line) => line.replace(/\[\d+:\d+\]$/, "[0:0]"));
  const tables = `${kept.join("\n")}\n`.match(/^\*[\s\S]*?^COMMIT$/gm) ?? [];
  return tables
    .filter((table) => /^(-A|:\S+ (?!ACCEPT))/m.test(table))
    .sort()
    .join("\n");
}
