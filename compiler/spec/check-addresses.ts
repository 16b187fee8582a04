import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import { type IpAddress, isLoopback, parsePrefix, prefixContains } from "../net/address.ts";
import type { Location } from "../source.ts";
import { guardAgainst, guardText } from "./guards.ts";
import { splitRepeated } from "./repeated.ts";
import type { GuardSpec, LoadBalancerSpec, NodeSpec, ServiceSpec, Spec } from "./schema.ts";

interface Claim {
  readonly address: IpAddress;
  readonly origin: Location;
  readonly isClusterVip: boolean;
}

/** Every address that a service claims must be servable, not a node's own, not claimed twice, and not guarded for others. */
export function checkAddresses(service: ServiceSpec, spec: Spec): readonly Diagnostic[] {
  const claims: readonly Claim[] = [
    ...service.vips.map((vip) => ({ ...vip, isClusterVip: true })),
    ...service.externals.map((external) => ({ ...external, isClusterVip: false })),
    ...service.loadBalancers.map(({ address, origin }) => ({ address, origin, isClusterVip: false })),
  ];
  return [
    ...checkRepeated(service, claims),
    ...claims.flatMap((claim) => [
      ...checkUnicast(claim.address, claim.origin),
      ...checkNodes(claim, spec.nodes),
      ...checkGuards(claim, service, spec.cluster.guards),
    ]),
    ...service.loadBalancers.flatMap(checkAllow),
    ...service.endpoints
      .filter((endpoint) => isSpecial(endpoint.address))
      .flatMap((endpoint) => checkUnicast(endpoint.address, endpoint.origin)),
  ];
}

function checkRepeated(service: ServiceSpec, claims: readonly Claim[]): readonly Diagnostic[] {
  return splitRepeated(claims, (claim) => claim.address.text).repeated.map(({ item, first }) =>
    diagnostic(
      "spec/duplicate-address",
      { address: item.address.text, service: service.name },
      {
        at: item.origin,
        notes: [{ message: "first given here", location: first.origin }],
        help: "keep one of them",
      },
    ),
  );
}

/** IPv4 link-local addresses are not among them: node-local DNS caches and metadata services live there. */
const special = (
  [
    ["0.0.0.0/8", "an address of this network"],
    ["224.0.0.0/4", "a multicast address"],
    ["240.0.0.0/4", "a reserved address"],
    ["::/128", "the unspecified address"],
    ["fe80::/10", "a link-local address"],
    ["ff00::/8", "a multicast address"],
  ] as const
).flatMap(([text, what]) => {
  const prefix = parsePrefix(text);
  return prefix.ok ? [{ prefix: prefix.value, what }] : [];
});

function isSpecial(address: IpAddress): boolean {
  return isLoopback(address) || special.some(({ prefix }) => prefixContains(prefix, address));
}

function checkUnicast(address: IpAddress, at: Location): readonly Diagnostic[] {
  const what = isLoopback(address)
    ? "a loopback address"
    : special.find(({ prefix }) => prefixContains(prefix, address))?.what;
  return what === undefined ? [] : [diagnostic("spec/address-not-unicast", { address: address.text, what }, { at })];
}

const owners = new WeakMap<readonly NodeSpec[], ReadonlyMap<string, NodeSpec>>();

/** The first node with each address: asked for every address of every service. */
function ownersOf(nodes: readonly NodeSpec[]): ReadonlyMap<string, NodeSpec> {
  const known = owners.get(nodes);
  if (known !== undefined) return known;
  const found = new Map<string, NodeSpec>();
  for (const node of nodes) {
    for (const { text } of node.addresses) if (!found.has(text)) found.set(text, node);
  }
  owners.set(nodes, found);
  return found;
}

function checkNodes(claim: Claim, nodes: readonly NodeSpec[]): readonly Diagnostic[] {
  const node = ownersOf(nodes).get(claim.address.text);
  if (node === undefined) return [];
  const parameters = { address: claim.address.text, node: node.name };
  const notes = [{ message: `node ${node.name} is declared here`, location: node.origin }];
  if (!claim.isClusterVip) {
    return [
      diagnostic("spec/external-is-node-address", parameters, {
        at: claim.origin,
        notes,
        help: "the service takes these ports of the node; allow this warning if that is meant",
      }),
    ];
  }
  return [
    diagnostic("spec/vip-is-node-address", parameters, {
      at: claim.origin,
      notes,
      help: "all other ports of a cluster VIP are refused, the node's own daemons among them: choose another address",
    }),
  ];
}

/** Ranges of the other family say nothing of this address, as in kube-proxy: whoever wrote them may have meant to close it. */
function checkAllow({ address, allow, origin }: LoadBalancerSpec): readonly Diagnostic[] {
  if (allow === null || allow.length === 0) return [];
  if (allow.some((prefix) => prefix.address.family === address.family)) return [];
  const { family } = address;
  return [
    diagnostic(
      "spec/allow-other-family",
      { address: address.text, family },
      { at: origin, help: `add the ${family} ranges that may use it, or allow this warning if it is for everyone` },
    ),
  ];
}

function checkGuards(claim: Claim, service: ServiceSpec, guards: readonly GuardSpec[]): readonly Diagnostic[] {
  const guard = guardAgainst(claim.address, service.name, guards);
  if (guard === null) return [];
  return [
    diagnostic(
      "spec/guard-violation",
      { address: claim.address.text, service: service.name, guard: guardText(guard) },
      {
        at: claim.origin,
        notes: [{ message: "the guard stands here", location: guard.origin }],
        help: "choose an address outside the guarded ranges, or have the guard admit this service",
      },
    ),
  ];
}
