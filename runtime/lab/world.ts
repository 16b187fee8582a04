import type { Choice, IrFrontend, NodeIr, Packet } from "../../compiler/index.ts";
import { families, type Prefix } from "../../compiler/net/address.ts";
import { fractionToNumber } from "../../compiler/net/fraction.ts";
import type { Expectation } from "./expectation.ts";
import type { LabEndpoint, LabWorld } from "./plan.ts";

function endpointsOf(frontend: IrFrontend): readonly LabEndpoint[] {
  return frontend.routes.flatMap(({ pool }) =>
    [...pool.endpoints, ...pool.drained].map(({ address, port, local }) => ({
      protocol: frontend.protocol,
      address,
      port,
      local,
    })),
  );
}

/** The node's surroundings: every endpoint that any frontend may use, those that get no new connections included. */
export function worldOf(ir: NodeIr, podRanges: readonly Prefix[], packets: readonly Packet[]): LabWorld {
  const known = new Map<string, LabEndpoint>();
  for (const frontend of families.flatMap((family) => ir.frontends[family])) {
    for (const endpoint of endpointsOf(frontend)) {
      known.set(`${endpoint.protocol} ${endpoint.address.text} ${endpoint.port}`, endpoint);
    }
  }
  const detectors = families.map((family) => ir.detector[family]);
  const named = detectors.find((detector) => detector.kind === "interface" || detector.kind === "interface-prefix");
  const podInterface =
    named?.kind === "interface" ? named.name : named?.kind === "interface-prefix" ? named.prefix : null;
  return { nodeAddresses: ir.node.addresses, endpoints: [...known.values()], podRanges, podInterface, packets };
}

/** What the reference meaning or a packet table says of a packet, as the lab checks it. */
export function expectationOf(
  outcome:
    | { readonly verdict: "endpoints"; readonly choices: readonly Choice[] }
    | { readonly verdict: "drop" | "reject" | "pass" },
): Expectation {
  if (outcome.verdict !== "endpoints") return { verdict: outcome.verdict };
  const endpoints = outcome.choices.map(({ address, port, share, masquerade }) => ({
    address,
    port,
    share: share === null ? null : fractionToNumber(share),
    masquerade,
  }));
  return { verdict: "endpoints", endpoints };
}
