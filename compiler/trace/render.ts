import { displayWidth, visible } from "../diagnostics/visible.ts";
import { type Fraction, fractionToNumber } from "../net/fraction.ts";
import { formatSocket } from "../net/socket.ts";
import { endText, partsOf, type Trace, type TracedEndpoint, type TracedStep } from "./trace.ts";

/** Nobody compares more by eye; `--json` has all. */
const mostEndpoints = 32;
const mostWays = 6;

/** Where endpoints are declared, by `address:port`. */
export type EndpointPlaces = ReadonlyMap<string, string>;

/** The endpoints of one trace or of several: shares side by side where backends spread otherwise. */
export function endpointLines(traces: readonly Trace[], places: EndpointPlaces): readonly string[] {
  const columns = traces.map(({ endpoints }) => new Map(endpoints.map((each) => [endpointText(each), each])));
  const names = [...new Set(columns.flatMap((column) => [...column.keys()]))];
  if (names.length === 0) return [];
  const cells = (name: string): readonly string[] => columns.map((column) => cellText(column.get(name)));
  const isSame = names.every((name) => new Set(cells(name)).size === 1);
  const rows = names.slice(0, mostEndpoints).map((name) => {
    const shares = isSame ? cells(name).slice(0, 1) : cells(name);
    return [...shares, name, places.get(name) ?? ""];
  });
  const head = isSame ? [] : [[...traces.map(({ backend }) => backend), "", ""]];
  const more =
    names.length > rows.length ? [`  and ${names.length - rows.length} more endpoints (--json has all)`] : [];
  return [...table([...head, ...rows]), ...more];
}

function endpointText({ address, port }: TracedEndpoint): string {
  return formatSocket(address, port);
}

function cellText(endpoint: TracedEndpoint | undefined): string {
  if (endpoint === undefined) return "never";
  return `${shareText(endpoint.share)}${endpoint.masquerade ? " masqueraded" : ""}`;
}

/** `75%`, `33.3%`; `by load` where nobody can tell. */
export function shareText(share: Fraction | null): string {
  if (share === null) return "by load or hash";
  return `${Number((fractionToNumber(share) * 100).toFixed(1))}%`;
}

/** The rules that one backend leads the packet through: what all ways have in common once, and each way by itself. */
export function pathLines(trace: Trace): readonly string[] {
  const { before, own, after } = partsOf(trace);
  const isOne = own.every(({ steps }) => steps.length === 0);
  const shown = isOne ? [] : own.slice(0, mostWays);
  const left = isOne ? 0 : own.length - shown.length;
  const rows = [
    ...before.map(rowOf),
    ...shown.flatMap((way) => [[`-> ${endText(way.end)}`], ...way.steps.map(rowOf)]),
    ...(left > 0 ? [[`-> and ${left} more ways (--json has all)`]] : []),
    ...(after.length > 0 && !isOne ? [["all of them"]] : []),
    ...after.map(rowOf),
  ];
  return rows.length === 0 ? ["  no rule concerns it"] : table(rows);
}

function rowOf({ source, place, rule }: TracedStep): readonly string[] {
  return [source ?? "", place, rule];
}

/** Columns with two blanks between them, without empty ones. A row of one cell stands alone and widens nothing. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const shown = rows.map((row) => row.map(visible));
  const widths: number[] = [];
  for (const row of shown) {
    if (row.length === 1) continue;
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, displayWidth(cell));
  }
  return shown.map((row) => {
    if (row.length === 1) return `  ${row[0] ?? ""}`;
    const cells = row.map((cell, at) => cell + " ".repeat((widths[at] ?? 0) - displayWidth(cell)));
    return `  ${cells.filter((_, at) => widths[at] !== 0).join("  ")}`.trimEnd();
  });
}
