import { fragmentOf, specOf } from "../../compiler/pipeline.ts";
import type { Spec } from "../../compiler/spec/schema.ts";

const serviceCount = 1000;
export const endpointCount = 8;

/** How the services of the large spec differ; service `n` is of kind `n % 4`. */
export const serviceKinds = ["plain", "sticky", "local", "node-port"] as const;
export type ServiceKind = (typeof serviceKinds)[number];

export interface LargeEndpoint {
  readonly address: string;
  readonly weight: number;
}

export interface LargeService {
  readonly name: string;
  readonly vip: string;
  readonly kind: ServiceKind;
  readonly number: number;
  readonly endpoints: readonly LargeEndpoint[];
}

/** Services as data that tests change before they are written as text. */
export type LargeSpec = readonly LargeService[];

function padded(number: number): string {
  return String(number).padStart(4, "0");
}

function addressOf(service: number, index: number): string {
  return `10.${128 + index}.${Math.floor(service / 250)}.${(service % 250) + 1}`;
}

/** Every endpoint address leaves room between it and the next one of its service. */
export function largeSpec(): LargeSpec {
  return Array.from({ length: serviceCount }, (_, number) => ({
    name: `team-${padded(number % 20)}/service-${padded(number)}`,
    vip: `10.96.${Math.floor(number / 250)}.${(number % 250) + 1}`,
    kind: serviceKinds[number % serviceKinds.length] ?? "plain",
    number,
    endpoints: Array.from({ length: endpointCount }, (_, index) => ({
      address: addressOf(number, index * 8 + 8),
      weight: 1,
    })),
  }));
}

/** An address of the service's own that sorts right behind its endpoint with that index. */
export function addressBetween(service: number, index: number): string {
  return addressOf(service, index * 8 + 11);
}

/** A service of that kind whose name and address sort into the middle of the others. */
export function newService(kind: ServiceKind): LargeService {
  const number = serviceCount;
  return {
    name: "team-0010/service-0500-and-a-half",
    vip: "10.96.2.251",
    kind,
    number,
    endpoints: Array.from({ length: endpointCount }, (_, index) => ({
      address: addressOf(number, index * 8 + 8),
      weight: 1,
    })),
  };
}

/** The number of frontends that the service's endpoints are behind. */
export function frontendCount(kind: ServiceKind): number {
  return kind === "local" || kind === "node-port" ? 2 : 1;
}

/** A service in the middle of the spec, of that kind. */
export function middleService(kind: ServiceKind): number {
  return serviceCount / 2 + serviceKinds.indexOf(kind);
}

export function changeService(spec: LargeSpec, at: number, change: (service: LargeService) => LargeService): LargeSpec {
  return spec.map((service) => (service.number === at ? change(service) : service));
}

const header = `cluster {
  pods 10.128.0.0/9
  service-range 10.96.0.0/16
}

node worker-1 {
  address 192.0.2.11
  pods 10.136.0.0/16
}

`;

function textOf(service: LargeService): string {
  const lines = [`service ${service.name} {`, `  vip ${service.vip}`];
  if (service.kind === "sticky") lines.push("  affinity client-ip 3h");
  if (service.kind === "local") lines.push(`  external 198.18.${service.vip.slice(6)}`, "  external-policy local");
  const nodePort = service.kind === "node-port" ? ` node-port ${30000 + service.number}` : "";
  lines.push(`  port http tcp 80 -> 8080${nodePort}`);
  for (const { address, weight } of service.endpoints) {
    const place = address.startsWith("10.136.") ? " on worker-1" : "";
    lines.push(`  endpoint ${address}${place}${weight === 1 ? "" : ` weight ${weight}`}`);
  }
  return `${lines.join("\n")}\n}\n`;
}

/** The spec as its author would write it, read. */
export async function readLarge(spec: LargeSpec): Promise<Spec> {
  const text = header + spec.map(textOf).join("\n");
  const { fragment, diagnostics } = await fragmentOf({ path: "large.weir", text });
  const checked = specOf([fragment]);
  const first = [...diagnostics, ...checked.diagnostics][0];
  if (first !== undefined) throw new Error(`${first.code}: ${first.message}`);
  return checked.spec;
}
