import type { BackendName } from "../../compiler/backends/backend.ts";
import type { Operation } from "../../compiler/backends/step.ts";
import { formatSocket } from "../../compiler/net/socket.ts";
import { planeOf } from "../apply/planes.ts";
import type { BackendProgram } from "../desired/programs.ts";
import type { ForeignPart, PlaneName } from "../planes/plane.ts";
import type { ServedFrontends } from "../served/served.ts";
import { servedBy } from "../served/served-by.ts";
import type { PlaneReport } from "./observe.ts";
import { compareServed, type ServiceDrift } from "./service-drift.ts";
import { compareStructure, type StructureDrift } from "./structure-drift.ts";

/** What a node should hold. */
export interface Expectation {
  readonly node: string;
  readonly backend: BackendName;
  readonly spec: string;
  readonly from: string;
}

/** How the kernel differs from what it should hold. Every list is empty when it does not. */
export interface Drift {
  /** What all services rely on: tables, jumps, routes. */
  readonly structure: readonly StructureDrift[];
  readonly services: readonly ServiceDrift[];
  /** Rules of others inside weir's objects. */
  readonly foreign: readonly (ForeignPart & { readonly plane: PlaneName })[];
  /** Objects of backends that are not in use. */
  readonly leftovers: readonly { readonly plane: PlaneName; readonly operations: readonly Operation[] }[];
  /** All that has to be done in the plane of the desired backend. */
  readonly operations: readonly Operation[];
  /** Of these, what no line of `structure` and `services` speaks of. */
  readonly other: readonly Operation[];
}

export interface Counts {
  readonly services: number;
  readonly frontends: number;
  readonly endpoints: number;
}

/** Compares planes with what they should hold; `desired` is null when nothing of weir's should be there. */
export function driftOf(planes: readonly PlaneReport[], desired: BackendProgram | null): Drift {
  const target = desired === null ? null : planeOf(desired.backend);
  const own = planes.find(({ name }) => name === target);
  const hasDrift = own !== undefined && own.operations.length > 0;
  const structure = desired === null || own === undefined || !hasDrift ? [] : compareStructure(own.kernel, desired);
  const services = desired === null || own === undefined || !hasDrift ? [] : servicesOf(own.kernel, desired);
  const operations = own?.operations ?? [];
  const explained = new Set(services.flatMap(({ service }) => service ?? []));
  const unexplained = operations.filter(({ key }) => key !== null && !explained.has(key));
  const isNothingSaid = structure.length === 0 && services.length === 0;
  return {
    structure,
    services,
    foreign: planes.flatMap(({ name, foreign }) => foreign.map((part) => ({ ...part, plane: name }))),
    leftovers: planes.flatMap(({ name, operations: rest }) =>
      name === target || rest.length === 0 ? [] : [{ plane: name, operations: rest }],
    ),
    operations,
    other: isNothingSaid ? operations : unexplained,
  };
}

/** With nothing of weir's there, every service is gone, and one line says so: it need not be said of each. */
function servicesOf(kernel: BackendProgram | null, desired: BackendProgram): readonly ServiceDrift[] {
  return kernel === null ? [] : compareServed(servedBy(kernel), servedBy(desired));
}

export function isClean(drift: Drift): boolean {
  return drift.operations.length === 0 && drift.leftovers.length === 0 && drift.foreign.length === 0;
}

/** How much is served. */
export function countsOf(desired: BackendProgram): Counts {
  const served: ServedFrontends = servedBy(desired);
  const services = new Set<string>();
  const endpoints = new Set<string>();
  for (const { key, choices } of served.values()) {
    if (key !== null) services.add(key.replace(/:[^:/]*$/, ""));
    for (const endpoint of choices.values()) endpoints.add(endpoint);
  }
  if (desired.backend === "userspace") {
    // rules lead to the proxy's listeners, and those to endpoints
    const { listeners } = desired.program.table;
    const behind = new Set(
      listeners.flatMap((each) => each.endpoints.map((one) => formatSocket(one.address, one.port))),
    );
    return { services: services.size, frontends: served.size, endpoints: behind.size };
  }
  return { services: services.size, frontends: served.size, endpoints: endpoints.size };
}
