import type { EndpointOption, EndpointStatement } from "../../grammar/nodes.ts";
import { locate, report, type Scope, spanning } from "./from-syntax-scope.ts";
import { addressValue, namesValue, nameValue, numberValue, portValue } from "./from-syntax-values.ts";
import type { EndpointPortSpec, EndpointSpec, ServicePortSpec } from "./schema.ts";

/** The service that endpoints belong to: its name for messages, its ports by name. */
export interface EndpointTarget {
  readonly service: string;
  readonly ports: ReadonlyMap<string, readonly ServicePortSpec[]>;
}

type Options = { -readonly [K in keyof EndpointSpec]: EndpointSpec[K] };

const largestThreshold = 4294967295;

/**
 * One endpoint line. Words for its state, as conditions of a Kubernetes endpoint:
 * none: ready and serving; `not-ready`: neither; `not-ready serving`: serving alone; `terminating` with any of these;
 * `draining`: the same as `not-ready serving terminating`.
 */
export function readEndpoint(scope: Scope, statement: EndpointStatement, target: EndpointTarget): EndpointSpec | null {
  const address = addressValue(scope, statement.address);
  const { options } = statement;
  if (options.length === 0 && address !== null) return plainEndpoint(scope, statement, address);
  const words = new Map<string, EndpointOption>();
  for (const option of options) {
    if (words.has(option.word.text)) report(scope, option.word, "syntax/repeated", { what: `\`${option.word.text}\`` });
    else words.set(option.word.text, option);
  }
  checkState(scope, words);
  const values: Options = plainEndpoint(scope, statement, address ?? noAddress);
  for (const option of words.values()) readOption(scope, option, values, target);
  const drains = words.has("draining");
  values.ready = !drains && !words.has("not-ready");
  values.serving = values.ready || drains || words.has("serving");
  values.terminating = drains || words.has("terminating");
  checkThresholds(scope, words, values);
  return address === null ? null : values;
}

const noAddress = { family: "ipv4", bits: 0n, text: "0.0.0.0" } as const;

function plainEndpoint(scope: Scope, statement: EndpointStatement, address: EndpointSpec["address"]): EndpointSpec {
  return {
    address,
    node: null,
    weight: 1,
    ready: true,
    serving: true,
    terminating: false,
    hints: null,
    ports: null,
    upperThreshold: 0,
    lowerThreshold: 0,
    origin: locate(scope, statement),
  };
}

function checkState(scope: Scope, words: ReadonlyMap<string, EndpointOption>): void {
  const draining = words.get("draining");
  for (const word of ["not-ready", "serving", "terminating"]) {
    const other = words.get(word);
    if (draining === undefined || other === undefined) continue;
    const reason = "`draining` means `not-ready serving terminating` already";
    report(scope, other.word, "syntax/contradiction", { reason }, { help: `leave out \`${word}\`` });
  }
  const serving = words.get("serving");
  if (serving !== undefined && draining === undefined && !words.has("not-ready")) {
    const reason = "a ready endpoint is always serving";
    report(
      scope,
      serving.word,
      "syntax/contradiction",
      { reason },
      { help: "write `not-ready serving`, or leave out `serving`" },
    );
  }
}

function checkThresholds(scope: Scope, words: ReadonlyMap<string, EndpointOption>, values: Options): void {
  const least = words.get("min-connections");
  if (least === undefined || values.lowerThreshold <= values.upperThreshold) return;
  const reason = `min-connections ${values.lowerThreshold} is above max-connections ${values.upperThreshold}`;
  const help = "an endpoint is full at max-connections, and takes new ones again below min-connections";
  report(scope, least.word, "syntax/contradiction", { reason }, { help });
}

function readOption(scope: Scope, option: EndpointOption, values: Options, target: EndpointTarget): void {
  switch (option.kind) {
    case "value-option": {
      const leaf = option.value;
      if (option.word.text === "on") values.node = nameValue(scope, leaf, "node");
      else if (option.word.text === "weight") values.weight = numberValue(scope, leaf, "weight", 0, 65535) ?? 1;
      else if (option.word.text === "max-connections") {
        values.upperThreshold = numberValue(scope, leaf, "max-connections", 1, largestThreshold) ?? largestThreshold;
      } else values.lowerThreshold = numberValue(scope, leaf, "min-connections", 1, largestThreshold) ?? 0;
      return;
    }
    case "names-option": {
      const zones = option.word.text === "zone-hint" ? namesValue(scope, option.names, "zone") : values.hints?.zones;
      const nodes = option.word.text === "node-hint" ? namesValue(scope, option.names, "node") : values.hints?.nodes;
      values.hints = { zones: zones ?? [], nodes: nodes ?? [] };
      return;
    }
    case "ports-option":
      values.ports = readPorts(scope, option, target);
      return;
    case "flag-option":
      return;
  }
}

/** Ports by name; the protocol is that of the service's port of the name. */
function readPorts(
  scope: Scope,
  option: EndpointOption & { kind: "ports-option" },
  target: EndpointTarget,
): readonly EndpointPortSpec[] {
  const result: EndpointPortSpec[] = [];
  const given = new Set<string>();
  for (const { name: leaf, port: portLeaf } of option.ports) {
    const port = portValue(scope, portLeaf);
    const name = leaf?.text ?? "";
    const found = target.ports.get(name) ?? [];
    const at = leaf === null ? portLeaf : spanning(leaf, portLeaf);
    if (found.length === 0) {
      const names = [...target.ports.keys()].filter((candidate) => candidate !== "").slice(0, 10);
      const help = names.length === 0 ? "the port has no name: write `port 8080`" : `its ports: ${names.join(", ")}`;
      report(
        scope,
        at,
        "spec/unknown-port",
        { port: name === "" ? "without a name" : name, service: target.service },
        { help },
      );
    }
    if (given.has(name)) {
      report(scope, at, "syntax/repeated", { what: name === "" ? "the port" : `port ${name}` });
      continue;
    }
    given.add(name);
    if (port !== null) for (const { protocol } of found) result.push({ name, protocol, port });
  }
  return result;
}
