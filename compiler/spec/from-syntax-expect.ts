import type { ExpectDeclaration, TargetNode } from "../../grammar/nodes.ts";
import { protocols } from "../net/port.ts";
import { locate, report, type Scope } from "./from-syntax-scope.ts";
import {
  addressAndPortValue,
  addressValue,
  choiceValue,
  looksLikeAddress,
  nameValue,
  serviceNameValue,
} from "./from-syntax-values.ts";
import type { ExpectedOutcome, ExpectSpec } from "./schema.ts";

type Targets = (ExpectedOutcome & { kind: "reaches" })["targets"];

/** One `expect` line; null when one of its values is wrong. */
export function readExpect(scope: Scope, statement: ExpectDeclaration): ExpectSpec | null {
  const node = statement.node === null ? null : nameValue(scope, statement.node, "node");
  const protocol = choiceValue(scope, statement.protocol, "protocol", protocols);
  const source = addressValue(scope, statement.source);
  const destination = addressAndPortValue(scope, statement.destination);
  const outcome = readOutcome(scope, statement);
  if (protocol === null || source === null || destination === null || outcome === null) return null;
  if (statement.node !== null && node === null) return null;
  if (source.family !== destination.address.family) {
    const reason = `a packet from ${source.text} cannot go to ${destination.address.text}: their families differ`;
    return report(scope, statement.destination, "syntax/contradiction", { reason });
  }
  const { address, port } = destination;
  return { node, protocol, source, destination: address, port, outcome, origin: locate(scope, statement) };
}

function readOutcome(scope: Scope, { outcome }: ExpectDeclaration): ExpectedOutcome | null {
  if (outcome.kind === "verdict") {
    if (outcome.word.text === "not-ours") return { kind: "pass" };
    return { kind: outcome.word.text === "rejected" ? "rejected" : "dropped" };
  }
  const targets = outcome.targets.flatMap((target) => readTarget(scope, target) ?? []);
  if (targets.length !== outcome.targets.length) return null;
  const masquerade = outcome.masquerade === null ? null : outcome.masquerade.text === "yes";
  return { kind: "reaches", targets, masquerade };
}

function readTarget(scope: Scope, { name, percent }: TargetNode): Targets[number] | null {
  const share = percent === null ? null : readPercent(scope, percent);
  if (percent !== null && share === null) return null;
  if (!name.text.includes("/")) {
    if (!looksLikeAddress(name.text)) return unknownTarget(scope, name);
    const endpoint = addressValue(scope, name);
    return endpoint && { service: null, endpoint, percent: share };
  }
  const colon = name.text.indexOf(":");
  const service = colon === -1 ? name : { ...name, text: name.text.slice(0, colon), end: name.start + colon };
  if (serviceNameValue(scope, service) === null) return null;
  if (colon !== -1) {
    const port = { ...name, text: name.text.slice(colon + 1), start: name.start + colon + 1 };
    if (nameValue(scope, port, "port name", 63) === null) return null;
  }
  return { service: name.text, endpoint: null, percent: share };
}

function unknownTarget(scope: Scope, name: TargetNode["name"]): null {
  const help = "write a service as namespace/name or namespace/name:port, or the address of an endpoint";
  return report(scope, name, "syntax/unknown-value", { what: "service or address", text: name.text }, { help });
}

function readPercent(scope: Scope, leaf: NonNullable<TargetNode["percent"]>): number | null {
  const text = leaf.text.slice(0, -1);
  if (/^[0-9]{1,3}(\.[0-9]{1,4})?$/.test(text) && Number(text) <= 100) return Number(text);
  return report(scope, leaf, "syntax/number", { what: "percentage", text, low: 0, high: 100 });
}
