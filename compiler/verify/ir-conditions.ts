import { anything, type Condition, onePort } from "../backends/condition.ts";
import type { IrFrontend, NodeIr } from "../ir/ir.ts";
import { addressFromBits, type Family, hostPrefix, type Prefix, prefixOf } from "../net/address.ts";

/** Every boundary that the meaning of a spec has, for one family: what `decide` asks of packets. */
export function irConditions(ir: NodeIr, family: Family): readonly Condition[] {
  const empty = anything(family);
  const own = [
    loopback(family),
    ...ir.node.addresses.filter((address) => address.family === family).map((address) => hostPrefix(address)),
  ];
  const selection = ir.nodePortAddresses[family];
  const destinations = [
    ...own,
    ...ir.vips[family].map((vip) => hostPrefix(vip)),
    ...ir.serviceRanges[family],
    ...(selection.kind === "prefixes" ? selection.prefixes : []),
  ];
  return [
    ...own.map((source) => ({ ...empty, source })),
    ...detectorConditions(ir, family),
    ...destinations.map((destination) => ({ ...empty, destination })),
    ...ir.frontends[family].flatMap((frontend) => frontendConditions(frontend, empty)),
  ];
}

function loopback(family: Family): Prefix {
  return family === "ipv4"
    ? prefixOf(addressFromBits("ipv4", 127n << 24n), 8)
    : hostPrefix(addressFromBits("ipv6", 1n));
}

function detectorConditions(ir: NodeIr, family: Family): readonly Condition[] {
  const detector = ir.detector[family];
  const empty = anything(family);
  switch (detector.kind) {
    case "prefixes":
      return detector.prefixes.map((source) => ({ ...empty, source }));
    case "interface":
      return [{ ...empty, inputInterface: { name: detector.name, isPrefix: false } }];
    case "interface-prefix":
      return [{ ...empty, inputInterface: { name: detector.prefix, isPrefix: true } }];
    case "none":
      return [];
  }
}

function frontendConditions(frontend: IrFrontend, empty: Condition): readonly Condition[] {
  const { address, protocol, port } = frontend;
  const place: Condition = {
    ...empty,
    destination: address === null ? null : hostPrefix(address),
    protocol,
    ports: onePort(port),
  };
  const ranges = (frontend.sourceRanges ?? []).filter((range) => range.address.family === empty.family);
  return [place, ...ranges.map((source) => ({ ...place, source }))];
}
