/**
 * The words of the language, in the order in which they are explained. Names that are spelt like one of
 * `keywords` are written in quotes; `choices` mean something only where the grammar asks for them.
 */
export const declarationWords = ["let", "include", "cluster", "node", "service", "expect"] as const;

export const clusterWords = [
  "pods",
  "service-range",
  "node-port-range",
  "node-port-addresses",
  "local-traffic",
  "masquerade-all",
  "masquerade-bit",
  "drop-bit",
  "reject-bit",
  "guard",
  "proxy-ports",
  "scheduler",
  "strict-arp",
  "tcp-timeout",
  "tcp-fin-timeout",
  "udp-timeout",
  "exclude-ranges",
  "allow",
] as const;

export const nodeWords = ["zone", "address", "pods"] as const;

export const serviceWords = [
  "vip",
  "external",
  "load-balancer",
  "scheduler",
  "one-packet",
  "affinity",
  "internal-policy",
  "external-policy",
  "traffic",
  "forward",
  "health-check-port",
  "port",
  "endpoint",
  "allow",
] as const;

/** What may follow the address of an endpoint. */
const endpointWords = [
  "on",
  "weight",
  "draining",
  "not-ready",
  "serving",
  "terminating",
  "port",
  "zone-hint",
  "node-hint",
  "max-connections",
  "min-connections",
] as const;

/** Words inside other lines. */
const inlineWords = [
  "for",
  "warning",
  "any",
  "primary",
  "netmask",
  "node-port",
  "reaches",
  "rejected",
  "dropped",
  "not-ours",
  "masquerade",
] as const;

/** Values to choose from; ordinary names elsewhere. Schedulers are not among them: the grammar takes any word there. */
export const choices = [
  "client-ip",
  "local",
  "prefer-zone",
  "prefer-node",
  "nat",
  "direct",
  "tunnel",
  "ipip",
  "gue",
  "gre",
  "cluster-pods",
  "node-pods",
  "bridge",
  "interface-prefix",
  "none",
  "tcp",
  "udp",
  "sctp",
  "yes",
  "no",
  "fallback",
] as const;

export const keywords: ReadonlySet<string> = new Set<string>([
  ...declarationWords,
  ...clusterWords,
  ...nodeWords,
  ...serviceWords,
  ...endpointWords,
  ...inlineWords,
]);

/** Lines of the form `word value, value`. */
export type ListWord =
  | "pods"
  | "service-range"
  | "node-port-addresses"
  | "exclude-ranges"
  | "address"
  | "vip"
  | "external";

/** Lines of the form `word value`. */
export type ValueWord =
  | "node-port-range"
  | "masquerade-bit"
  | "drop-bit"
  | "reject-bit"
  | "proxy-ports"
  | "tcp-timeout"
  | "tcp-fin-timeout"
  | "udp-timeout"
  | "zone"
  | "internal-policy"
  | "external-policy"
  | "traffic"
  | "health-check-port";

/** Lines that are one word. */
export type FlagWord = "masquerade-all" | "strict-arp" | "one-packet";
