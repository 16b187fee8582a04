import type { IrDetector, NodeIr } from "../ir/ir.ts";
import { type Family, families, type IpAddress, isLoopback, type Prefix, prefixContains } from "../net/address.ts";
import type { SettingChange } from "./change.ts";

/** What changes for the node as a whole. */
export function nodeSettings(old: NodeIr, now: NodeIr): readonly SettingChange[] {
  const olds = settingsOf(old);
  const news = settingsOf(now);
  return Object.keys(news).flatMap((setting) => {
    const change = { setting, before: olds[setting] ?? null, after: news[setting] ?? null };
    return change.before === change.after ? [] : [change];
  });
}

function settingsOf(ir: NodeIr): Readonly<Record<string, string | null>> {
  const { ipvs, marks } = ir;
  return {
    "node addresses": list(ir.node.addresses),
    "pods are told by": detectors(ir),
    "service ranges": list(families.flatMap((family) => ir.serviceRanges[family])),
    "node ports are served on": nodePortSelection(ir),
    "mark bits": `masquerade ${hex(marks.masquerade)}, drop ${hex(marks.drop)}, reject ${hex(marks.reject)}`,
    "strict ARP": ipvs.strictArp ? "on" : "off",
    "IPVS timeouts": `tcp ${ipvs.tcpTimeoutSeconds}s, tcp-fin ${ipvs.tcpFinTimeoutSeconds}s, udp ${ipvs.udpTimeoutSeconds}s`,
    "IPVS excluded ranges": list(ipvs.excludedRanges),
    "default scheduler": ipvs.defaultScheduler,
    "proxy ports": ir.proxyPorts.map(({ first, last }) => `${first}-${last}`).join(", "),
  };
}

function hex(mark: number): string {
  return `0x${mark.toString(16)}`;
}

function list(items: readonly { readonly text: string }[]): string | null {
  return items.length === 0 ? null : items.map(({ text }) => text).join(", ");
}

function detectors(ir: NodeIr): string | null {
  const [ipv4, ipv6] = [detectorText(ir.detector.ipv4), detectorText(ir.detector.ipv6)];
  return ipv4 === ipv6 ? ipv4 : [ipv4, ipv6].filter((text) => text !== null).join(", ");
}

function detectorText(detector: IrDetector): string | null {
  switch (detector.kind) {
    case "prefixes":
      return list(detector.prefixes);
    case "interface":
      return `interface ${detector.name}`;
    case "interface-prefix":
      return `interfaces ${detector.prefix}*`;
    case "none":
      return null;
  }
}

function nodePortSelection(ir: NodeIr): string {
  return families
    .map((family) => {
      const selection = ir.nodePortAddresses[family];
      return `${family}: ${selection.kind === "any" ? "any address" : (list(selection.prefixes) ?? "none")}`;
    })
    .join("; ");
}

/** The addresses of a node on which its node ports answer. */
export function nodePortPlaces(ir: NodeIr, family: Family): readonly IpAddress[] {
  const selection = ir.nodePortAddresses[family];
  return ir.node.addresses.filter(
    (address) => address.family === family && !isLoopback(address) && isSelected(selection, address),
  );
}

function isSelected(
  selection: { readonly kind: "any" } | { readonly kind: "prefixes"; readonly prefixes: readonly Prefix[] },
  address: IpAddress,
): boolean {
  return selection.kind === "any" || selection.prefixes.some((prefix) => prefixContains(prefix, address));
}

/** Whether node ports are served on addresses of a family that no declaration names. */
export function servesAny(ir: NodeIr, family: Family): boolean {
  return ir.nodePortAddresses[family].kind === "any";
}
