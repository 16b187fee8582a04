import { codes } from "../diagnostics/codes.ts";
import type { DiagnosticDefinition } from "../diagnostics/definition.ts";
import { didYouMean } from "../diagnostics/suggest.ts";
import {
  type Forwarding,
  type Scheduler,
  type SchedulerFlag,
  schedulerFlagSchema,
  schedulerSchema,
} from "../spec/schema.ts";
import type { Metadata } from "./metadata.ts";
import { shown } from "./places.ts";
import { type Report, report } from "./report.ts";

/** Everything below this prefix is weir's; a name that is not known is a warning. */
export const annotationPrefix = "weir/";

/** What Kubernetes objects cannot say in fields of their own, as docs/kubernetes.md lists it. */
export interface ServiceAnnotations {
  readonly scheduler: Scheduler | null;
  readonly schedulerFlags: readonly SchedulerFlag[];
  readonly onePacket: boolean;
  readonly forwarding: Forwarding;
  readonly traffic: "prefer-zone" | "prefer-node" | null;
  readonly affinityNetmask: { readonly ipv4: number; readonly ipv6: number } | null;
  readonly allowedWarnings: readonly string[];
}

export interface SliceAnnotations {
  readonly weight: number;
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
}

interface Reader<T> {
  readonly expected: string;
  readonly read: (text: string) => T | null;
}

const schedulerReader: Reader<Scheduler> = {
  expected: schedulerSchema.options.join(", "),
  read: (text) => schedulerSchema.safeParse(text).data ?? null,
};

const flagsReader: Reader<readonly SchedulerFlag[]> = {
  expected: "fallback, port, or both with a comma",
  read: (text) => {
    const flags = words(text).map((word) => schedulerFlagSchema.safeParse(word).data);
    const known = flags.flatMap((flag) => flag ?? []);
    return known.length === flags.length && new Set(known).size === known.length ? known : null;
  },
};

const booleanReader: Reader<boolean> = {
  expected: '"true" or "false"',
  read: (text) => (text === "true" ? true : text === "false" ? false : null),
};

const forwardReader: Reader<Forwarding> = {
  expected: "nat, direct, tunnel, tunnel gre, or tunnel gue with a port",
  read: (text) => {
    const [method, type, port, ...rest] = text.trim().split(/[ \t]+/);
    if (rest.length > 0) return null;
    if (method === "nat" || method === "direct") return type === undefined ? { method } : null;
    if (method !== "tunnel") return null;
    if (type === "gue") {
      const number = wholeNumber(port ?? "", 1, 65535);
      return number === null ? null : { method, type, port: number };
    }
    if (port !== undefined) return null;
    return type === undefined || type === "ipip"
      ? { method, type: "ipip", port: null }
      : type === "gre"
        ? { method, type, port: null }
        : null;
  },
};

const trafficReader: Reader<"prefer-zone" | "prefer-node"> = {
  expected: "prefer-zone or prefer-node",
  read: (text) => (text === "prefer-zone" || text === "prefer-node" ? text : null),
};

const netmaskReader: Reader<{ readonly ipv4: number; readonly ipv6: number }> = {
  expected: "the prefix lengths for IPv4 and IPv6 clients, as in 24/64",
  read: (text) => {
    const [first = "", second = "", ...rest] = text.split("/");
    const ipv4 = wholeNumber(first, 1, 32);
    const ipv6 = wholeNumber(second, 1, 128);
    return ipv4 === null || ipv6 === null || rest.length > 0 ? null : { ipv4, ipv6 };
  },
};

const codesReader: Reader<readonly string[]> = {
  expected: "codes of warnings with commas between them",
  read: (text) => {
    const given = words(text);
    return given.every(isWarning) ? given : null;
  },
};

function isWarning(code: string): boolean {
  const definitions: Readonly<Record<string, DiagnosticDefinition>> = codes;
  return Object.hasOwn(definitions, code) && definitions[code]?.severity === "warning";
}

const weightReader = numberReader(0, 65535);
const thresholdReader = numberReader(0, 4294967295);

function numberReader(least: number, most: number): Reader<number> {
  return { expected: `a number from ${least} to ${most}`, read: (text) => wholeNumber(text, least, most) };
}

function wholeNumber(text: string, least: number, most: number): number | null {
  if (!/^(?:0|[1-9][0-9]{0,9})$/.test(text)) return null;
  const value = Number(text);
  return value < least || value > most ? null : value;
}

function words(text: string): readonly string[] {
  return text.split(",").map((word) => word.trim());
}

function reportAnnotation(to: Report, name: string, found: string, expected: string): void {
  const key = `${annotationPrefix}${name}`;
  const parameters = { annotation: key, found: shown(found), expected };
  report(to, "kubernetes/invalid-annotation", parameters, ["metadata", "annotations", key]);
}

/** The value of one annotation; null when it is not there, or wrong, which is reported. */
function annotation<T>(to: Report, metadata: Metadata, name: string, reader: Reader<T>): T | null {
  const text = metadata.annotations?.[`${annotationPrefix}${name}`];
  if (text === undefined) return null;
  const value = reader.read(text);
  if (value === null) reportAnnotation(to, name, text, reader.expected);
  return value;
}

const serviceAnnotationNames = [
  "scheduler",
  "scheduler-flags",
  "one-packet",
  "forward",
  "traffic",
  "affinity-netmask",
  "allow",
] as const;

const sliceAnnotationNames = ["weight", "max-connections", "min-connections"] as const;

function checkUnknown(to: Report, metadata: Metadata, names: readonly string[]): void {
  for (const key of Object.keys(metadata.annotations ?? {})) {
    if (!key.startsWith(annotationPrefix)) continue;
    const name = key.slice(annotationPrefix.length);
    if (names.includes(name)) continue;
    const known = names.map((candidate) => `${annotationPrefix}${candidate}`);
    report(
      to,
      "kubernetes/unknown-annotation",
      { annotation: shown(key), kind: to.object.kind },
      ["metadata", "annotations", key],
      { help: didYouMean(key, known) },
    );
  }
}

const noServiceAnnotations: ServiceAnnotations = {
  scheduler: null,
  schedulerFlags: [],
  onePacket: false,
  forwarding: { method: "nat" },
  traffic: null,
  affinityNetmask: null,
  allowedWarnings: [],
};

export function serviceAnnotations(to: Report, metadata: Metadata): ServiceAnnotations {
  if (!hasOwnAnnotations(metadata)) return noServiceAnnotations;
  checkUnknown(to, metadata, serviceAnnotationNames);
  const scheduler = annotation(to, metadata, "scheduler", schedulerReader);
  const schedulerFlags = annotation(to, metadata, "scheduler-flags", flagsReader) ?? [];
  if (schedulerFlags.length > 0 && scheduler !== "sh" && scheduler !== "mh") {
    const expected = "none, because only schedulers sh and mh have flags";
    reportAnnotation(to, "scheduler-flags", schedulerFlags.join(", "), expected);
  }
  return {
    scheduler,
    schedulerFlags,
    onePacket: annotation(to, metadata, "one-packet", booleanReader) ?? false,
    forwarding: annotation(to, metadata, "forward", forwardReader) ?? noServiceAnnotations.forwarding,
    traffic: annotation(to, metadata, "traffic", trafficReader),
    affinityNetmask: annotation(to, metadata, "affinity-netmask", netmaskReader),
    allowedWarnings: annotation(to, metadata, "allow", codesReader) ?? [],
  };
}

const noSliceAnnotations: SliceAnnotations = { weight: 1, upperThreshold: 0, lowerThreshold: 0 };

export function sliceAnnotations(to: Report, metadata: Metadata): SliceAnnotations {
  if (!hasOwnAnnotations(metadata)) return noSliceAnnotations;
  checkUnknown(to, metadata, sliceAnnotationNames);
  const upperThreshold = annotation(to, metadata, "max-connections", thresholdReader) ?? 0;
  const lowerThreshold = annotation(to, metadata, "min-connections", thresholdReader) ?? 0;
  if (lowerThreshold > upperThreshold) {
    const expected = `at most ${annotationPrefix}max-connections, which is ${upperThreshold}`;
    reportAnnotation(to, "min-connections", String(lowerThreshold), expected);
  }
  const weight = annotation(to, metadata, "weight", weightReader) ?? noSliceAnnotations.weight;
  return { weight, upperThreshold, lowerThreshold };
}

function hasOwnAnnotations(metadata: Metadata): boolean {
  for (const key in metadata.annotations) if (key.startsWith(annotationPrefix)) return true;
  return false;
}
