import type { IrDetector, IrNodePortAddresses } from "../../ir/ir.ts";
import { unreachable } from "../../result.ts";
import type { ArtifactFile } from "../backend.ts";
import { printIptables } from "../iptables/print.ts";
import { TextWriter } from "../text.ts";
import type { ProxyFrontend, ProxyListener, ProxyProgram, ProxyTable } from "./program.ts";

/** userspace/proxy.json and the files of the rules. */
export function printUserspace(folder: string, program: ProxyProgram): readonly ArtifactFile[] {
  const writer = new TextWriter();
  printTable(program.table, writer);
  return [writer.file(`${folder}/proxy.json`), ...printIptables(folder, program.rules)];
}

/** The table with one endpoint and one frontend a line, so that a review shows what changed. */
function printTable({ listeners, frontends, pods, nodePortAddresses }: ProxyTable, writer: TextWriter): void {
  writer.line("{");
  writer.line(`  "format": 1,`);
  printList("  ", "listeners", listeners, writer, printListener);
  printList("  ", "frontends", frontends, writer, (frontend, end) => {
    writer.line(`    ${inline(frontendValue(frontend))}${end}`);
  });
  const detectors = { ipv4: detectorValue(pods.ipv4), ipv6: detectorValue(pods.ipv6) };
  writer.line(`  "pods": ${inline(detectors)},`);
  const selections = { ipv4: selectionValue(nodePortAddresses.ipv4), ipv6: selectionValue(nodePortAddresses.ipv6) };
  writer.line(`  "nodePortAddresses": ${inline(selections)}`);
  writer.line("}");
}

function printListener(listener: ProxyListener, end: string, writer: TextWriter): void {
  const { name, key, family, protocol, address, port, affinity, scheduler, endpoints, drained } = listener;
  writer.line("    {");
  writer.line(`      "name": ${inline(name)},`);
  writer.line(`      "key": ${inline(key)},`);
  writer.line(`      "listen": ${inline({ family, protocol, address: address?.text ?? null, port })},`);
  writer.line(`      "affinity": ${inline(affinity)},`);
  writer.line(`      "scheduler": ${inline(scheduler)},`);
  printList("      ", "endpoints", endpoints, writer, (one, comma) => {
    writer.line(`        { "address": "${one.address.text}", "port": ${one.port}, "weight": ${one.weight} }${comma}`);
  });
  printList(
    "      ",
    "drained",
    drained,
    writer,
    (one, comma) => writer.line(`        { "address": "${one.address.text}", "port": ${one.port} }${comma}`),
    "",
  );
  writer.line(`    }${end}`);
}

/** A named array with each item on lines of its own; `end` is what follows the array, for items a comma but the last. */
function printList<T>(
  indent: string,
  name: string,
  items: readonly T[],
  writer: TextWriter,
  printItem: (item: T, end: string, writer: TextWriter) => void,
  end = ",",
): void {
  if (items.length === 0) {
    writer.line(`${indent}"${name}": []${end}`);
    return;
  }
  writer.line(`${indent}"${name}": [`);
  for (const [at, item] of items.entries()) printItem(item, at + 1 < items.length ? "," : "", writer);
  writer.line(`${indent}]${end}`);
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

/** A value of JSON on one line, with blanks inside braces and after commas; strings hold no line breaks of their own. */
function inline(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "[]" : `[ ${value.map(inline).join(", ")} ]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, field]) => `"${name}": ${inline(field)}`);
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
}
