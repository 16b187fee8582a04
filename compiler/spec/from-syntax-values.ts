import type { Leaf } from "../../grammar/nodes.ts";
import { codes } from "../diagnostics/codes.ts";
import type { DiagnosticDefinition } from "../diagnostics/definition.ts";
import { didYouMean } from "../diagnostics/suggest.ts";
import { type IpAddress, parseAddress } from "../net/address.ts";
import { type Port, type PortRange, parsePort } from "../net/port.ts";
import { report, type Scope } from "./from-syntax-scope.ts";

/** Each function gives the value of one leaf, or null after reporting what is wrong with it. */

/** Whether a word can only be meant as an address or prefix, and not as the name of a list. */
export function looksLikeAddress(text: string): boolean {
  return /^[0-9[]|[:/]/.test(text);
}

function addressHelp(text: string): string | undefined {
  if (text.includes("/")) return "an address without a length is needed here";
  if (/[A-Za-z]\.[A-Za-z]/.test(text)) return "host names are not looked up; write the address";
  if (/^[0-9.]+:[0-9]+$/.test(text)) return "ports are given by `port`, not with the address";
  return undefined;
}

export function addressValue(scope: Scope, leaf: Leaf): IpAddress | null {
  const parsed = parseAddress(leaf.text);
  if (parsed.ok) return parsed.value;
  return report(scope, leaf, "syntax/address", { reason: parsed.reason }, { help: addressHelp(leaf.text) });
}

export function portValue(scope: Scope, leaf: Leaf): Port | null {
  const parsed = parsePort(leaf.text);
  return parsed.ok ? parsed.value : report(scope, leaf, "syntax/port", { reason: parsed.reason });
}

/** `192.0.2.1:80` or `[2001:db8::1]:80`. */
export function addressAndPortValue(scope: Scope, leaf: Leaf): { address: IpAddress; port: Port } | null {
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*)):([0-9]+)$/.exec(leaf.text);
  const host = parts?.[1] ?? parts?.[2];
  const address = host === undefined ? null : parseAddress(host);
  if (address === null || (parts?.[1] !== undefined && address.ok && address.value.family === "ipv4")) {
    const help = "write 192.0.2.1:80, or [2001:db8::1]:80 for IPv6";
    return report(scope, leaf, "syntax/address-and-port", { text: leaf.text }, { help });
  }
  if (!address.ok) return report(scope, leaf, "syntax/address", { reason: address.reason });
  const port = parsePort(parts?.[3] ?? "");
  if (!port.ok) return report(scope, leaf, "syntax/port", { reason: port.reason });
  return { address: address.value, port: port.value };
}

/** `30000-32767`, or one port. */
export function portRangeValue(scope: Scope, leaf: Leaf): PortRange | null {
  const parts = /^([0-9]+)(?:-([0-9]+))?$/.exec(leaf.text);
  const first = parsePort(parts?.[1] ?? "");
  const last = parsePort(parts?.[2] ?? parts?.[1] ?? "");
  if (first.ok && last.ok && first.value <= last.value) return { first: first.value, last: last.value };
  const help = "write the lower and the higher port: 30000-32767";
  return report(scope, leaf, "syntax/port-range", { text: leaf.text }, { help });
}

export function numberValue(scope: Scope, leaf: Leaf, what: string, low: number, high: number): number | null {
  const value = Number(leaf.text);
  if (leaf.text.length <= 10 && value >= low && value <= high) return value;
  return report(scope, leaf, "syntax/number", { what, text: leaf.text, low, high });
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** `30s`, `5m`, `3h`, in seconds. */
export function durationValue(scope: Scope, leaf: Leaf, low: number, high: number): number | null {
  const parts = /^([0-9]{1,9})([smh])$/.exec(leaf.text);
  const unit = unitSeconds[parts?.[2] ?? ""];
  if (unit === undefined) {
    const help = /^[0-9]+$/.test(leaf.text)
      ? `write ${leaf.text}s for seconds`
      : "a number with s, m or h for seconds, minutes or hours: 30s, 5m, 3h";
    return report(scope, leaf, "syntax/duration", { reason: `${leaf.text} is not a duration` }, { help });
  }
  const seconds = Number(parts?.[1]) * unit;
  if (seconds >= low && seconds <= high) return seconds;
  const reason = `${leaf.text} is ${seconds} seconds, which is not between ${low} and ${high}`;
  return report(scope, leaf, "syntax/duration", { reason });
}

/** Letters, digits, `-`, `_` and `.`: nothing that could end a comment, a quoted string or an argument of a rule. */
const safeName: RegExp = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

function nameFault(text: string, longest: number): string | null {
  if (text === "") return "is empty";
  if (text.length > longest) return `is longer than ${longest} characters`;
  if (safeName.test(text)) return null;
  return /^[.-]/.test(text)
    ? "must begin with a letter, a digit or `_`"
    : "may hold only letters, digits, `-`, `_` and `.`";
}

/** What a name is shown as in a message: never more than a line of visible ASCII. */
function shown(text: string): string {
  const visible = text.replace(/[^\x20-\x7e]/gu, "?");
  return JSON.stringify(visible.length > 70 ? `${visible.slice(0, 67)}...` : visible);
}

export function nameValue(scope: Scope, leaf: Leaf, what: string, longest = 253): string | null {
  const fault = nameFault(leaf.text, longest);
  return fault === null
    ? leaf.text
    : report(scope, leaf, "syntax/name", { what, text: shown(leaf.text), reason: fault });
}

export function namesValue(scope: Scope, leaves: readonly Leaf[], what: string): readonly string[] {
  return leaves.flatMap((leaf) => nameValue(scope, leaf, what) ?? []);
}

/** `namespace/name`; each part up to 63 characters, as in Kubernetes. */
export function serviceNameValue(scope: Scope, leaf: Leaf): string | null {
  const parts = leaf.text.split("/");
  const [namespace = "", name = ""] = parts;
  if (parts.length !== 2) {
    const reason = parts.length === 1 ? "has no namespace" : "has more than one `/`";
    const help = parts.length === 1 ? `write default/${leaf.text}, or another namespace` : "write namespace/name";
    return report(scope, leaf, "syntax/name", { what: "service", text: shown(leaf.text), reason }, { help });
  }
  const [what, fault] = [
    ["namespace", nameFault(namespace, 63)] as const,
    ["service name", nameFault(name, 63)] as const,
  ].find(([, reason]) => reason !== null) ?? ["", null];
  if (fault === null) return leaf.text;
  const text = shown(what === "namespace" ? namespace : name);
  return report(scope, leaf, "syntax/name", { what, text, reason: fault });
}

/** `shop/web` or with `*` for any run of characters inside one part: `shop/*`. */
export function servicePatternValue(scope: Scope, leaf: Leaf): string | null {
  if (/^[A-Za-z0-9_.*-]+\/[A-Za-z0-9_.*-]+$/.test(leaf.text) && leaf.text.length <= 253) return leaf.text;
  const reason = "is not namespace/name";
  return report(
    scope,
    leaf,
    "syntax/name",
    { what: "pattern", text: shown(leaf.text), reason },
    { help: "write shop/* for all of a namespace" },
  );
}

/** One of a few words. */
export function choiceValue<T extends string>(scope: Scope, leaf: Leaf, what: string, choices: readonly T[]): T | null {
  const choice = choices.find((candidate) => candidate === leaf.text);
  if (choice !== undefined) return choice;
  const help = didYouMean(leaf.text, choices) ?? `one of ${choices.join(", ")}`;
  return report(scope, leaf, "syntax/unknown-value", { what, text: shown(leaf.text) }, { help });
}

function definitionOf(code: string): DiagnosticDefinition | undefined {
  const definitions: Readonly<Record<string, DiagnosticDefinition>> = codes;
  return Object.hasOwn(definitions, code) ? definitions[code] : undefined;
}

/** The code of a warning; errors and notes cannot be allowed. */
export function warningCodeValue(scope: Scope, leaf: Leaf): string | null {
  const definition = definitionOf(leaf.text);
  if (definition?.severity === "warning") return leaf.text;
  const warnings = Object.keys(codes).filter((code) => definitionOf(code)?.severity === "warning");
  const help =
    definition === undefined
      ? didYouMean(leaf.text, warnings)
      : `${leaf.text} is an ${definition.severity}; only warnings can be allowed`;
  return report(scope, leaf, "syntax/unknown-value", { what: "warning", text: shown(leaf.text) }, { help });
}
