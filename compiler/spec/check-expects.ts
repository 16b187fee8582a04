import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/suggest.ts";
import type { Location } from "../source.ts";
import type { ServiceSpec, Spec } from "./schema.ts";

/** Comparing a word with all names is dear, and nobody reads the hundredth suggestion. */
const mostSuggestions = 100;

/** What `expect` lines name must be declared. */
export function checkExpects(spec: Spec): readonly Diagnostic[] {
  const services = new Map(spec.services.map((service) => [service.name, service]));
  const nodes = new Set(spec.nodes.map((node) => node.name));
  const findings: Diagnostic[] = [];
  const suggest = (word: string, names: Iterable<string>) =>
    findings.length < mostSuggestions ? didYouMean(word, names) : undefined;
  for (const { node, outcome, origin: at } of spec.expects) {
    if (node !== null && !nodes.has(node)) {
      const help = suggest(node, nodes) ?? "declare it, or leave `on` out";
      findings.push(diagnostic("spec/unknown-node", { node }, { at, help }));
    }
    if (outcome.kind !== "reaches") continue;
    for (const target of outcome.targets) {
      if (target.service === null) continue;
      const [name = "", port] = target.service.split(":");
      const service = services.get(name);
      if (service === undefined) {
        const help = suggest(name, services.keys());
        findings.push(diagnostic("spec/unknown-service", { service: name }, { at, help }));
      } else if (port !== undefined) findings.push(...checkPort(service, port, at));
    }
  }
  return findings;
}

function checkPort(service: ServiceSpec, port: string, at: Location): readonly Diagnostic[] {
  if (service.ports.some((candidate) => candidate.name === port)) return [];
  const names = service.ports.map((candidate) => candidate.name).filter((name) => name !== "");
  const help =
    names.length === 0
      ? `its port has no name: write ${service.name}`
      : (didYouMean(port, names) ?? `its ports: ${names.slice(0, 10).join(", ")}`);
  return [diagnostic("spec/unknown-port", { port, service: service.name }, { at, help })];
}
