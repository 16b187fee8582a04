/** Rules of others that use marks, classes, routing tables and ports: made for tests of what `weir doctor` sees. */

/** kube-proxy's iptables mode and kubelet, cut down: the chains by which they are known, and their two mark bits. */
export const kubeProxyRules = `*nat
:KUBE-KUBELET-CANARY - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
-A PREROUTING -j KUBE-SERVICES
-A POSTROUTING -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -j MASQUERADE --random-fully
-A KUBE-SERVICES -d 10.96.0.77/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAAAA
-A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-MARK-MASQ
COMMIT
*filter
:KUBE-FIREWALL - [0:0]
-A INPUT -j KUBE-FIREWALL
-A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP
COMMIT
`;

/** A bit that weir's iptables rules drop by, set for something else; and text that only looks like it. */
export const takenDropBit = `*mangle
-A PREROUTING -i eth1 -m comment --comment "voice -j MARK --set-xmark 0x1000/0x1000" -j MARK --set-xmark 0x8000/0x8000
COMMIT
`;

/** The whole mark comes back from the connection on the way through: weir's masquerade bit may be lost. */
export const restoredMarks = `*mangle
-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff
-A FORWARD -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff
COMMIT
`;

/** A container's published port that is a node port too, and a FORWARD chain that drops. */
export const publishedPort = `*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 30080 -j DNAT --to-destination 172.17.0.2:80
COMMIT
*filter
:FORWARD DROP [0:0]
COMMIT
`;

/** Native rules of nftables: a bit of weir's set, one asked for in a set, another program's classes. */
export const nftMarks = `table inet shaper {
	chain forward {
		type filter hook forward priority 0; policy accept;
		meta mark set meta mark | 0x4000
		meta mark { 7, 0x1001 } counter
		meta priority set 5800:1
		ct mark set meta mark
	}
}
`;
