/** The Debian package of each program that weir runs, for the help of an error. */
const packages: Readonly<Record<string, string>> = {
  nft: "nftables",
  ip: "iproute2",
  ipset: "ipset",
  ipvsadm: "ipvsadm",
  modprobe: "kmod",
  flock: "util-linux",
  unshare: "util-linux",
  nsenter: "util-linux",
  conntrack: "conntrack",
  systemctl: "systemd",
};

/** null for programs that weir does not know. */
export function packageOf(tool: string): string | null {
  if (/^ip6?tables(-|$)/.test(tool) || /^xtables-/.test(tool)) return "iptables";
  return packages[tool] ?? null;
}
