# Namespaces for IPVS: the node, two of its pods, a pod of another node, and a client beyond the uplink.
# Pods have no route to each other but through the node. Sourced by scripts in the guest.
here=$PWD/test/support/vm
on() { ip netns exec "$@"; }

attach() { # namespace, its addresses, device on the node, the node's addresses; separated by commas
  ip netns add "$1"
  ip -n "$1" link set lo up
  ip -n node link add "$3" type veth peer name eth0 netns "$1"
  for address in ${2//,/ }; do ip -n "$1" address add "$address" dev eth0 $(nodad "$address"); done
  for address in ${4//,/ }; do ip -n node address add "$address" dev "$3" $(nodad "$address"); done
  ip -n "$1" link set eth0 up
  ip -n node link set "$3" up
}
nodad() { case $1 in *:*) echo nodad ;; esac; }

ip netns add node
ip -n node link set lo up
attach out 198.51.100.2/24,203.0.113.5/32,2001:db8:1::2/64 up0 198.51.100.1/24,2001:db8:1::1/64
attach pod1 10.244.1.5/32,fd00:10:244:1::5/128 pod1 10.244.1.1/32,fd00:10:244:1::1/128
attach pod2 10.244.1.6/32,fd00:10:244:1::6/128 pod2 10.244.1.2/32,fd00:10:244:1::2/128
attach far 10.244.2.7/24,fd00:10:244:2::7/64 far0 10.244.2.1/24,fd00:10:244:2::1/64
for n in 1 2; do
  ip -n node route add 10.244.1.$((n + 4)) dev pod$n
  ip -n node route add fd00:10:244:1::$((n + 4)) dev pod$n
  ip -n pod$n route add 10.244.1.$n dev eth0
  ip -n pod$n route add default via 10.244.1.$n
  ip -n pod$n route add fd00:10:244:1::$n dev eth0
  ip -n pod$n route add default via fd00:10:244:1::$n
done
ip -n far route add default via 10.244.2.1
ip -n far route add default via fd00:10:244:2::1
ip -n out route add default via 198.51.100.1
ip -n out route add default via 2001:db8:1::1
ip -n node route add default via 198.51.100.2
ip -n node route add default via 2001:db8:1::2

# Servers of direct routing and of tunnels hold the service address themselves; they answer past IPVS, but this way.
ip -n far address add 10.96.0.20/32 dev lo
modprobe ipip
ip -n far link set tunl0 up
ip -n far address add 10.96.0.21/32 dev tunl0
on far sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.tunl0.rp_filter=0

# Refusals must not be held back: each is an answer that a probe waits for.
on node sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0

load() { # folder of an ipvs artifact: loads it into the node with the tools that operators have
  modprobe -a ip_vs xt_ipvs xt_set xt_mark xt_connmark xt_conntrack xt_addrtype xt_comment nf_nat || return
  on node sysctl -qp "$1/sysctl.conf" || return
  on node ipset restore <"$1/ipset.rules" || return
  [ ! -f "$1/ipv4.rules" ] || on node "${2:-iptables}-restore" --noflush "$1/ipv4.rules" || return
  local v6=${2:-iptables}
  [ ! -f "$1/ipv6.rules" ] || on node "${v6/iptables/ip6tables}-restore" --noflush "$1/ipv6.rules" || return
  on node ipvsadm -R <"$1/ipvsadm.rules" || return
  local family=-4 table=
  while read -r -a words; do
    if [ "${words[0]}" = rule ]; then # rule ipv4 priority N fwmark M/M table T
      family=${words[1]/ipv/-} table=${words[7]}
      ip -n node "$family" rule add priority "${words[3]}" fwmark "${words[5]}" lookup "$table" || return
    else # local-route P
      ip -n node "$family" route add local "${words[1]}" dev lo table "$table" || return
    fi
  done <"$1/addresses.txt"
}
