import { describe, expect, it } from "vitest";
import { type Diagnostic, diagnostic } from "../../../compiler/diagnostics/diagnostic.ts";
import { plainPaint, renderText } from "../../../compiler/diagnostics/render-text.ts";
import type { Location, SourceFile } from "../../../compiler/source.ts";

const dns: SourceFile = {
  path: "dns.weir",
  text: "# dns\n\nservice dns/main {\n  port dns udp 53\n}\n\n# more\n\n# of\n\n# it\n\nservice dns/spare {\n  port dns udp 53\n}\n",
};

function at(file: SourceFile, text: string, from = 0): Location {
  const start = file.text.indexOf(text, from);
  return { file, start, end: start + text.length };
}

function taken(details: { at: Location; notes?: Diagnostic["notes"]; help?: string }): Diagnostic {
  return diagnostic(
    "spec/vip-port-taken",
    { address: "10.96.0.10", port: 53, protocol: "udp", owner: "dns/main" },
    details,
  );
}

function lines(finding: Diagnostic): readonly string[] {
  return renderText([finding], plainPaint).trimEnd().split("\n");
}

describe("findings as text", () => {
  it("shows both places in the order of the file, aligned, with help", () => {
    const finding = taken({
      at: at(dns, "port dns udp 53", dns.text.indexOf("spare")),
      notes: [{ message: "first used here, by dns/main", location: at(dns, "port dns udp 53") }],
      help: "choose another port or VIP",
    });
    expect(renderText([finding], plainPaint)).toBe(
      [
        "error[spec/vip-port-taken]: 10.96.0.10 port 53/udp is already served by dns/main",
        "  --> dns.weir:14:3",
        "   |",
        " 4 |   port dns udp 53",
        "   |   --------------- first used here, by dns/main",
        "14 |   port dns udp 53",
        "   |   ^^^^^^^^^^^^^^^",
        "   = help: choose another port or VIP",
        "",
      ].join("\n"),
    );
  });

  it("shows places in other files after the first", () => {
    const other: SourceFile = { path: "other.weir", text: "port http tcp 53\n" };
    const finding = taken({ at: at(dns, "port"), notes: [{ message: "here", location: at(other, "port") }] });
    expect(lines(finding).slice(1)).toEqual([
      " --> dns.weir:4:3",
      "  |",
      "4 |   port dns udp 53",
      "  |   ^^^^",
      " ::: other.weir:1:1",
      "  |",
      "1 | port http tcp 53",
      "  | ---- here",
    ]);
  });

  it("names the Kubernetes object, and needs no place", () => {
    const located = { ...at(dns, "service"), object: "Service dns/main" };
    expect(lines(taken({ at: located }))[1]).toBe(" --> dns.weir:3:1 (Service dns/main)");
    const nowhere = diagnostic("spec/undescribed-node", { node: "n" }, { at: null, help: "declare it" });
    expect(lines(nowhere)).toEqual([
      "note[spec/undescribed-node]: nothing describes node n: it has a name, and no address, pods or zone",
      "  = help: declare it",
    ]);
  });

  it("marks what is missing after the end of a line, and the first line of what goes over several", () => {
    const file: SourceFile = { path: "a.weir", text: "service a/b\r\n  vip\r\n" };
    const missing = taken({ at: { file, start: 11, end: 11 } });
    expect(lines(missing).slice(2)).toEqual(["  |", "1 | service a/b", "  |            ^"]);
    const over = taken({ at: { file, start: 8, end: 17 } });
    expect(lines(over).slice(2)).toEqual(["  |", "1 | service a/b", "  |         ^^^"]);
    const beyond = taken({ at: { file, start: 900, end: 901 } });
    expect(lines(beyond).slice(1)).toEqual([" --> a.weir:3:1", "  |", "3 |", "  | ^"]);
  });

  it("widens tabs, counts wide characters twice and combining ones not at all", () => {
    const file: SourceFile = { path: "a.weir", text: "\tvip\t東é x # y" };
    expect(lines(taken({ at: at(file, "x") })).slice(3)).toEqual(["1 |     vip    東é x # y", "  |                ^"]);
  });

  it("lets nothing from a file or its name act on the terminal or hide", () => {
    const file: SourceFile = { path: "a\u001b[2J\n.weir", text: "vip \u001b[31m\u202e 10.0.0.1\r\u0000 # \ud800" };
    const finding = { ...taken({ at: at(file, "10.0.0.1"), help: "a\u0007b\nc" }), message: "no \u009b1m \u2066" };
    const text = renderText([finding], plainPaint);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
    expect(text.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
    expect(lines(finding)).toEqual([
      "error[spec/vip-port-taken]: no \\u{9b}1m \\u{2066}",
      " --> a\\u{1b}[2J\\u{a}.weir:1:12",
      "  |",
      "1 | vip \\u{1b}[31m\\u{202e} 10.0.0.1\\u{d}\\u{0} # \\u{d800}",
      `  | ${" ".repeat(23)}^^^^^^^^`,
      "  = help: a\\u{7}b\\u{a}c",
    ]);
  });

  it("shows the part of a long line that matters", () => {
    const file: SourceFile = { path: "a.json", text: `${"x".repeat(1000)}BAD${"y".repeat(1_000_000)}` };
    const [shown = "", mark = ""] = lines(taken({ at: at(file, "BAD") })).slice(3);
    expect(shown).toBe(`1 | …${"x".repeat(40)}BAD${"y".repeat(77)}…`);
    expect(mark.indexOf("^")).toBe(shown.indexOf("BAD"));
    expect(mark).toMatch(/ \^{3}$/);
    const early = lines(taken({ at: { file, start: 3, end: 900 } }));
    expect(early[3]).toBe(`1 | ${"x".repeat(120)}…`);
    expect(early[4]).toBe(`  |    ${"^".repeat(117)}`);
  });

  it("does not cut a character in two", () => {
    const file: SourceFile = { path: "a.weir", text: `${"\u{1f600}".repeat(200)}BAD` };
    const [shown = ""] = lines(taken({ at: at(file, "BAD") })).slice(3);
    expect(shown).not.toContain("\\u{");
    expect(shown.endsWith("BAD")).toBe(true);
  });

  it("separates findings by an empty line", () => {
    const finding = taken({ at: at(dns, "port") });
    expect(renderText([finding, finding], plainPaint).split("\n\n")).toHaveLength(2);
    expect(renderText([], plainPaint)).toBe("");
  });
});
