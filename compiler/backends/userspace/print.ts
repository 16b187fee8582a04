import type { IrDetector, IrNodePortAddresses } from "../../ir/ir.ts";
import { unreachable } from "../../result.ts";
import type { ArtifactFile } from "../backend.ts";
import { printIptables } from "../iptables/print.ts";
import { TextWriter } from "../text.ts";
import type { ProxyFrontend, ProxyListener, ProxyProgram, ProxyTable } from "./program.ts";

/** userspace/proxy.json and the files of the rules. */
export function printUserspace(folder: string, program: ProxyProgram): readonly ArtifactFile[] {
  const writer = new TextWriter();
  for (const line of printTable(program.table)) writer.line(line);
  return [writer.file(`${folder}/proxy.json`), ...printIptables(folder, program.rules)];
}

/** Lines of JSON, to be indented by what is around them. */
type Block = readonly string[];

/** The table with one endpoint and one frontend a line, so that a review shows what changed. */
function printTable({ listeners, frontends, pods, nodePortAddresses }: ProxyTable): Block {
  return object([
    field("format", 1),
    named("listeners", list(listeners.map(printListener))),
    named("frontends", list(frontends.map((frontend) => [inline(frontendValue(frontend))]))),
    field("pods", { ipv4: detectorValue(pods.ipv4), ipv6: detectorValue(pods.ipv6) }),
    field("nodePortAddresses", {
      ipv4: selectionValue(nodePortAddresses.ipv4),
      ipv6: selectionValue(nodePortAddresses.ipv6),
    }),
  ]);
}

function printListener(listener: ProxyListener): Block {
  const { name, key, family, protocol, address, port, affinity, scheduler, endpoints, drained } = listener;
  return object([
    field("name", name),
    field("key", key),
    field("listen", { family, protocol, address: address?.text ?? null, port }),
    field("affinity", affinity),
    field("scheduler", scheduler),
    named("endpoints", list(endpoints.map((one) => [inline({ ...one, address: one.address.text })]))),
    named("drained", list(drained.map((one) => [inline({ ...one, address: one.address.text })]))),
  ]);
}

function frontendValue({ address, sourceRanges, ...frontend }: ProxyFrontend): unknown {
  const { key, kind, family, protocol, port, routes } = frontend;
  const ranges = sourceRanges === null ? null : sourceRanges.map((range) => range.text);
  return { key, kind, family, protocol, address: address?.text ?? null, port, sourceRanges: ranges, routes };
}

function detectorValue(detector: IrDetector): unknown {
  switch (detector.kind) {
    case "prefixes":
      return { kind: detector.kind, prefixes: detector.prefixes.map((prefix) => prefix.text) };
    case "interface":
    case "interface-prefix":
    case "none":
      return detector;
    default:
      return unreachable(detector);
  }
}

function selectionValue(selection: IrNodePortAddresses): unknown {
  if (selection.kind === "any") return selection;
  return { kind: selection.kind, prefixes: selection.prefixes.map((prefix) => prefix.text) };
}

function object(fields: readonly Block[]): Block {
  return enclosed("{", fields, "}");
}

function list(items: readonly Block[]): Block {
  return enclosed("[", items, "]");
}

function enclosed(open: string, blocks: readonly Block[], close: string): Block {
  if (blocks.length === 0) return [open + close];
  const lines = [open];
  for (const [at, block] of blocks.entries()) {
    for (const [line, text] of block.entries()) {
      const isEnd = line + 1 === block.length && at + 1 < blocks.length;
      lines.push(`  ${text}${isEnd ? "," : ""}`);
    }
  }
  return [...lines, close];
}

function named(name: string, [first = "", ...rest]: Block): Block {
  return [`"${name}": ${first}`, ...rest];
}

function field(name: string, value: unknown): Block {
  return [`"${name}": ${inline(value)}`];
}

/** A value on one line; strings of JSON hold no line breaks of their own. */
function inline(value: unknown): string {
  return JSON.stringify(value, null, 1).replace(/\n */g, " ");
}
