import { type Diagnostic, diagnostic } from "../../diagnostics/diagnostic.ts";
import type { IrFrontend, NodeIr } from "../../ir/ir.ts";
import { addressWidth, families } from "../../net/address.ts";
import { compareText } from "../../net/order.ts";
import type { Lowered } from "../backend.ts";
import { keptScheduler } from "../declared.ts";
import { servicePorts } from "../iptables/lower.ts";
import { type Policy, policiesOf, poolIdentity } from "../iptables/policies.ts";
import { settingsBeyond } from "../limits.ts";
import { userspaceLimits } from "./capabilities.ts";
import { lowerRules } from "./lower-rules.ts";
import { allocatePorts, portPlace } from "./ports.ts";
import type { ProxyFrontend, ProxyListener, ProxyProgram, ProxyRoute } from "./program.ts";

/** A listener before it has a port, and the frontend that first asked for it. */
interface Wanted extends Omit<ProxyListener, "port"> {
  readonly asker: IrFrontend;
}

/** The proxy's table and the rules into it. What the range of proxy ports cannot hold is reported. */
export function lowerUserspace(ir: NodeIr): Lowered<ProxyProgram> {
  const policies = families.flatMap((family) =>
    ir.services.flatMap((service) => [...servicePorts(service, family)].flatMap(policiesOf)),
  );
  const served = policies.filter((policy) => userspaceLimits.protocols.includes(policy.protocol));
  const wanted = wantedListeners(served, ir);
  const ports = allocatePorts(wanted, ir.proxyPorts, nodePortPlaces(ir));
  const listeners = wanted.flatMap((listener) => listenerOf(listener, ports.get(listener.name) ?? null));
  const policyOf = new Map(served.flatMap((policy) => policy.frontends.map((frontend) => [frontend, policy] as const)));
  const frontends = families.flatMap((family) =>
    ir.frontends[family].flatMap((frontend) => frontendOf(frontend, policyOf.get(frontend), ports)),
  );
  const table = { listeners, frontends, pods: ir.detector, nodePortAddresses: ir.nodePortAddresses };
  return {
    program: { table, rules: lowerRules(ir, policies, new Map(listeners.map((one) => [one.name, one]))) },
    diagnostics: [...settingsBeyond(userspaceLimits, ir), ...portFindings(wanted, ports, ir)],
  };
}

/** In the order of their names. */
function wantedListeners(policies: readonly Policy[], ir: NodeIr): readonly Wanted[] {
  const wanted = new Map<string, Wanted>();
  for (const policy of policies) {
    const [asker] = policy.frontends;
    for (const { pool } of policy.routes) {
      const name = poolIdentity(policy, pool);
      if (asker === undefined || pool.endpoints.length === 0 || wanted.has(name)) continue;
      const { family, key, protocol, affinity } = asker;
      wanted.set(name, {
        name,
        key,
        family,
        protocol,
        address: ir.node.addresses.find((address) => address.family === family) ?? null,
        affinity:
          affinity === null
            ? null
            : {
                timeoutSeconds: affinity.timeoutSeconds,
                prefixLength: affinity.netmask === null ? addressWidth(family) : affinity.netmask[family],
              },
        scheduler: keptScheduler("userspace", asker),
        endpoints: pool.endpoints.map(({ address, port, weight }) => ({ address, port, weight })),
        drained: pool.drained.map(({ address, port }) => ({ address, port })),
        asker,
      });
    }
  }
  return [...wanted.values()].sort((a, b) => compareText(a.name, b.name));
}

function listenerOf({ asker: _, ...listener }: Wanted, port: number | null): readonly ProxyListener[] {
  return port === null ? [] : [{ ...listener, port }];
}

/** The node answers there itself; a listener on such a port would be shadowed. */
function nodePortPlaces(ir: NodeIr): ReadonlySet<string> {
  const places = new Set<string>();
  for (const family of families) {
    for (const { kind, protocol, port } of ir.frontends[family]) {
      if (kind === "node-port") places.add(portPlace(family, protocol, port));
    }
  }
  return places;
}

/** Nothing for a frontend that the proxy cannot serve, which was reported. */
function frontendOf(
  frontend: IrFrontend,
  policy: Policy | undefined,
  ports: ReadonlyMap<string, number | null>,
): readonly ProxyFrontend[] {
  if (policy === undefined) return [];
  const { key, kind, family, protocol, address, port, sourceRanges } = frontend;
  const routes = frontend.routes.map(({ sources, pool, whenEmpty }): ProxyRoute => {
    if (pool.endpoints.length === 0) return { sources, verdict: whenEmpty };
    const listener = poolIdentity(policy, pool);
    return ports.get(listener) == null ? { sources, verdict: "reject" } : { sources, listener };
  });
  return [{ key, kind, family, protocol, address, port, sourceRanges, routes }];
}

function portFindings(
  wanted: readonly Wanted[],
  ports: ReadonlyMap<string, number | null>,
  ir: NodeIr,
): readonly Diagnostic[] {
  const left = wanted.filter((listener) => ports.get(listener.name) === null);
  const [first] = left;
  if (first === undefined) return [];
  const { first: low, last: high } = ir.proxyPorts.at(-1) ?? { first: 0, last: 0 };
  return [
    diagnostic(
      "lower/proxy-ports-exhausted",
      { service: first.key, first: low, last: high, missing: left.length },
      { at: first.asker.origin, help: "declare a larger range with proxy-ports" },
    ),
  ];
}
