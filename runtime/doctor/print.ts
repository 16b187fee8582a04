import type { Finding } from "../preflight/finding.ts";
import { type DoctorReport, isUnmet } from "./report.ts";

/** The report for people: what stands in the way first, then what the node is in few lines. */
export function printDoctor(report: DoctorReport): string {
  const lines = [
    verdict(report),
    ...report.findings.flatMap(findingLines),
    ...section("backends", backendLines(report)),
    ...section("node", nodeLines(report)),
    ...section("others", otherLines(report)),
    ...section("not seen", report.unseen),
  ];
  return `${lines.join("\n")}\n`;
}

function verdict(report: DoctorReport): string {
  const { subject, findings } = report;
  const errors = findings.filter(({ severity }) => severity === "error").length;
  const warnings = findings.length - errors;
  const counts = [counted(errors, "error"), counted(warnings, "warning")].join(", ");
  const limit = report.probe.facts.privileges.netAdmin ? "" : ", as far as this user sees";
  if (subject === null) {
    return isUnmet(report) ? "no backend can be used on this node" : `this node can be used${limit}`;
  }
  const what = `${subject.from} for ${subject.node}, ${subject.backend}`;
  return isUnmet(report)
    ? `${what}: cannot be applied here (${counts})`
    : `${what}: can be applied here${limit} (${counts})`;
}

function findingLines({ severity, what, why, help, services }: Finding): readonly string[] {
  const few = services.slice(0, 5).join(", ") + (services.length > 5 ? ` and ${services.length - 5} more` : "");
  return [
    `${severity}: ${what}`,
    ...(why === null ? [] : [`  ${why}`]),
    ...(services.length === 0 ? [] : [`  service ports: ${few}`]),
    ...(help === null ? [] : [`  = help: ${help}`]),
  ];
}

function backendLines({ backends, probe }: DoctorReport): readonly string[] {
  // features that only root may try out count as there
  const limit = probe.facts.privileges.netAdmin ? "" : ", as far as this user sees";
  return Object.entries(backends).map(([name, { usable, reason }]) =>
    usable ? `${name}: can be used${limit}` : `${name}: cannot be used: ${reason ?? "the reason is not known"}`,
  );
}

function nodeLines({ probe, flavours }: DoctorReport): readonly string[] {
  const { kernel, privileges, tools, sysctls, listeners } = probe.facts;
  const installed = Object.entries(tools).flatMap(([name, { path, version }]) =>
    path === null ? [] : [version === null ? name : `${name} ${version}`],
  );
  const missing = Object.entries(tools).flatMap(([name, { path }]) => (path === null ? [name] : []));
  const settings = Object.entries(sysctls).flatMap(([name, value]) => (value === null ? [] : [`${name} = ${value}`]));
  return [
    `kernel ${kernel.release} (${kernel.architecture})${kernel.container === null ? "" : `, container: ${kernel.container}`}${kernel.hasIpv6 ? "" : ", no IPv6"}`,
    privileges.netAdmin ? "may change rules" : "may not change rules: this process has no CAP_NET_ADMIN",
    `tools: ${installed.join(", ") || "none"}`,
    ...(missing.length === 0 ? [] : [`not installed: ${missing.join(", ")}`]),
    ...(flavours === null
      ? []
      : [
          `iptables is the flavour ${flavours.system ?? "none"}; rules are in: ${flavours.inUse.join(", ") || "none"}`,
          ...flavours.warnings,
        ]),
    ...settings,
    `${counted(listeners.length, "listening socket")}`,
  ];
}

function otherLines({ probe }: DoctorReport): readonly string[] {
  const { managers } = probe.facts;
  const { marks, closedForward } = probe.foreign;
  const seen = new Set(marks.map(({ place, ones }) => `${place}: mark 0x${ones.toString(16)}`));
  return [
    ...managers.map(({ name, seenBy, isRunning }) => `${name}${isRunning ? " is running" : ""}: ${seenBy.join(", ")}`),
    ...[...seen].slice(0, 10),
    ...(seen.size > 10 ? [`and ${seen.size - 10} more rules with marks (--json has all)`] : []),
    ...closedForward.map((place) => `${place} drops what no rule accepts`),
  ];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  ${line}`)];
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
