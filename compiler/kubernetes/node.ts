import type { IpAddress, Prefix } from "../net/address.ts";
import type { NodeSpec } from "../spec/schema.ts";
import { parseSloppyAddress, parseSloppyPrefix } from "./addresses.ts";
import { checkObjectName, nodeZoneLabel } from "./metadata.ts";
import { isLabelValue, labelValueWords } from "./names.ts";
import { shaped } from "./objects.ts";
import type { Path } from "./places.ts";
import { type Report, reportAddress, reportName } from "./report.ts";
import { nodeSchema, serviceCidrSchema } from "./schemas.ts";

/** The types of address that are the node's own, in the order in which the primary one is looked for. */
const addressTypes = ["InternalIP", "ExternalIP"] as const;

/** A Node as weir means it, or null when it is wrong, which is reported. */
export function readNode(to: Report): NodeSpec | null {
  const node = shaped(to, nodeSchema);
  if (node === null) return null;
  const { name, labels } = node.metadata;
  const isNamed = checkObjectName(to, ["metadata", "name"], name);
  const zone = labels?.[nodeZoneLabel] ?? "";
  if (zone !== "" && !isLabelValue(zone)) reportName(to, ["metadata", "labels", nodeZoneLabel], zone, labelValueWords);
  const addresses: IpAddress[] = [];
  for (const type of addressTypes) {
    for (const [index, entry] of (node.status?.addresses ?? []).entries()) {
      if (entry.type !== type) continue;
      const address = parseSloppyAddress(entry.address);
      if (!address.ok) reportAddress(to, ["status", "addresses", index, "address"], address.reason);
      else if (!addresses.some((known) => known.text === address.value.text)) addresses.push(address.value);
    }
  }
  const listed = (node.spec?.podCIDRs ?? []).length > 0;
  const texts = listed ? (node.spec?.podCIDRs ?? []) : [node.spec?.podCIDR ?? ""].filter((text) => text !== "");
  const pods = prefixes(to, texts, (index) => (listed ? ["spec", "podCIDRs", index] : ["spec", "podCIDR"]));
  return isNamed
    ? { name, zone: zone === "" ? null : zone, addresses, pods, origin: to.object.at(["metadata", "name"]) }
    : null;
}

/** The ranges of one ServiceCIDR object (networking.k8s.io). */
export function readServiceCidr(to: Report): readonly Prefix[] {
  const object = shaped(to, serviceCidrSchema);
  return object === null ? [] : prefixes(to, object.spec.cidrs, (index) => ["spec", "cidrs", index]);
}

export function prefixes(to: Report, texts: readonly string[], path: (index: number) => Path): readonly Prefix[] {
  return texts.flatMap((text, index) => {
    const prefix = parseSloppyPrefix(text.trim());
    if (prefix.ok) return [prefix.value];
    reportAddress(to, path(index), prefix.reason);
    return [];
  });
}
