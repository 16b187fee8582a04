import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { jsonPlace } from "../diagnostics/render-json.ts";
import { visible, visibleLines } from "../diagnostics/visible.ts";
import { formatPlace } from "../source.ts";
import type { Trial } from "./try.ts";
import { formatExpectedOutcome, formatExpectedPacket } from "./words.ts";

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

/** Text as character data or between quotes. Characters that XML 1.0 cannot hold are made visible before. */
function escaped(text: string): string {
  return visibleLines(text)
    .replace(/[\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>"']/g, (character) => entities[character] ?? "");
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(visible(String(value)))}"`)
    .join("");
}

function element(name: string, values: Readonly<Record<string, string | number>>, children: readonly string[]): string {
  const open = `<${name}${attributes(values)}`;
  return children.length === 0 ? `${open}/>` : `${open}>${children.join("")}</${name}>`;
}

/** One test case, and what it adds to the counts of its suite. */
interface Case {
  readonly text: string;
  readonly result: "passed" | "failed" | "skipped" | "error";
}

/**
 * JUnit's XML, in the shape that GitLab, GitHub's actions and Jenkins read: a suite for each node, a case for each `expect`
 * line by each backend. There are no times, so that the same spec gives the same bytes.
 * Source: junit-10.xsd of Jenkins' xunit-plugin; GitLab's documentation of unit test reports.
 */
export function renderJunit(trials: readonly Trial[], errors: readonly Diagnostic[]): string {
  const suites = new Map<string, Case[]>();
  if (errors.length > 0) suites.set("spec", errors.map(caseOfError));
  for (const trial of trials) {
    const name = `expect on ${trial.node}`;
    const cases = suites.get(name) ?? [];
    suites.set(name, cases);
    cases.push(caseOf(trial));
  }
  const all = [...suites.values()].flat();
  const lines = [...suites].flatMap(([name, cases]) => [
    `  <testsuite${attributes({ name, ...countsOf(cases), skipped: count(cases, "skipped") })}>`,
    ...cases.map(({ text }) => `    ${text}`),
    "  </testsuite>",
  ]);
  const root = `<testsuites${attributes({ name: "weir test", ...countsOf(all) })}>`;
  return ['<?xml version="1.0" encoding="UTF-8"?>', root, ...lines, "</testsuites>", ""].join("\n");
}

function count(cases: readonly Case[], result: Case["result"]): number {
  return cases.filter((each) => each.result === result).length;
}

function countsOf(cases: readonly Case[]): Readonly<Record<string, number>> {
  return { tests: cases.length, failures: count(cases, "failed"), errors: count(cases, "error") };
}

function caseOf(trial: Trial): Case {
  const { expected, node, by, status, got, reasons, notes, path } = trial;
  const { file, line } = jsonPlace(expected.origin);
  const packet = `${formatExpectedPacket(expected)} ${formatExpectedOutcome(expected.outcome)}`;
  const name = `${formatPlace(expected.origin)} ${packet}`;
  const children: string[] = [];
  if (status === "skipped") children.push(element("skipped", { message: reasons.join("; ") }, []));
  if (status === "failed") {
    const lines = [
      `expected ${formatExpectedOutcome(expected.outcome)}`,
      ...(got === null ? [] : [`got ${got}`]),
      ...reasons,
      ...path.map(({ place, rule }) => `${place}: ${rule}`),
    ].map(visible);
    children.push(element("failure", { message: reasons.join("; "), type: "expect" }, [escaped(lines.join("\n"))]));
  }
  if (notes.length > 0) children.push(element("system-out", {}, [escaped(notes.join("\n"))]));
  return { text: element("testcase", { name, classname: `${node}.${by}`, file, line }, children), result: status };
}

function caseOfError(finding: Diagnostic): Case {
  const place =
    finding.location === null ? {} : { file: jsonPlace(finding.location).file, line: jsonPlace(finding.location).line };
  const where = finding.location === null ? "" : `${formatPlace(finding.location)} `;
  const error = element("error", { message: finding.message, type: finding.code }, []);
  return {
    text: element("testcase", { name: `${where}${finding.code}`, classname: "spec", ...place }, [error]),
    result: "error",
  };
}
