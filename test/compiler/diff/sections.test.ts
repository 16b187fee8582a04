import { describe, expect, it } from "vitest";
import type { Diff, NodeChange } from "../../../compiler/diff/change.ts";
import { outlineOf } from "../../../compiler/diff/outline.ts";
import { renderDiffHtml } from "../../../compiler/diff/render-html.ts";
import { renderDiffMarkdown } from "../../../compiler/diff/render-markdown.ts";
import { sectionsOf } from "../../../compiler/diff/sections.ts";

/** A node whose addresses change, and whose service has a place of its own if `place` is given. */
function node(name: string, setting: string, places: readonly string[] = []): NodeChange {
  const frontend = (place: string) => ({
    change: "changed" as const,
    key: "shop/web:http",
    places: [place],
    kinds: ["external" as const],
    clients: [],
    sourceRanges: null,
    settings: [{ setting: "scheduler", before: "rr", after: setting }],
    leaving: [],
    protocols: ["tcp"],
    declared: "shop.weir:3",
  });
  return {
    nodes: [name],
    change: "changed",
    concerns: [{ kind: "notice", what: `seen on ${setting}` }],
    settings: [{ setting: "node addresses", before: null, after: setting }],
    services: [{ change: "changed", name: "shop/web", frontends: places.map(frontend), settings: [] }],
    touched: [],
    costs: [],
    followed: 1,
  };
}

function diffOf(nodes: readonly NodeChange[]): Diff {
  const common = { old: "old", new: "new", compared: "meaning", concerns: [], settings: [] } as const;
  return { ...common, nodes, nodeCount: nodes.length };
}

describe("nodes whose changes have the same outline", () => {
  it("share a section, with a few of the lines that differ", () => {
    const names = ["a", "b", "c", "d", "e"];
    const sections = sectionsOf(names.map((name, at) => node(name, at < 2 ? "x" : name)));
    expect(sections.map(({ title }) => title)).toEqual(["nodes a, b, c, d, e"]);
    expect(sections[0]?.blocks[0]?.lines).toEqual([
      "on a, b: node addresses: none -> x",
      "on c: node addresses: none -> c",
      "on d: node addresses: none -> d",
      "and likewise on 1 more node",
    ]);
  });

  it("have sections of their own when another place changes", () => {
    const sections = sectionsOf([node("a", "x", ["1.2.3.4:80/tcp"]), node("b", "x", ["1.2.3.5:80/tcp"])]);
    expect(sections.map(({ title }) => title)).toEqual(["node a", "node b"]);
  });

  it("leave it to a concern where it is", () => {
    const concerns = outlineOf(diffOf([node("a", "x"), node("b", "x"), node("c", "y")])).concerns;
    expect(concerns.map(({ what, nodes }) => [what, nodes])).toEqual([
      ["seen on x", ["a", "b"]],
      ["seen on y", ["c"]],
    ]);
    const everywhere = outlineOf(diffOf([node("a", "x"), node("b", "x")])).concerns;
    expect(everywhere.map(({ nodes }) => nodes)).toEqual([null]);
  });
});

it("folds what is very long in HTML", () => {
  const places = Array.from({ length: 70 }, (_, port) => `203.0.113.1:${port + 1}/tcp`);
  const html = renderDiffHtml(outlineOf(diffOf([node("worker-1", "x", places)])), { old: "old", new: "new" });
  expect(html.split('<section class="changed">')).toHaveLength(72);
  const [before = "", folded = ""] = html.split("<details><summary>21 more</summary>");
  expect(before.split('<section class="changed">')).toHaveLength(51);
  expect(folded).toContain("</details>");
});

describe("markdown for a pull request", () => {
  /** Each node has another place, and so a section of its own, with as many blocks and lines as are shown. */
  const many = Array.from({ length: 60 }, (_, at) => {
    const places = Array.from({ length: 40 }, (__, port) => `203.0.113.${at}:${port + 1}/tcp`);
    return node(`worker-${at}`, "x".repeat(100), places);
  });

  it("stays below what GitHub takes, and says what is missing", () => {
    const text = renderDiffMarkdown(outlineOf(diffOf(many)));
    expect(text.length).toBeLessThan(65_536);
    expect(text.length).toBeGreaterThan(30_000);
    const [opened, closed] = [text.split("<details>").length - 1, text.split("</details>").length - 1];
    expect(opened).toBe(closed);
    expect(opened).toBeGreaterThan(3);
    expect(text).toContain(`${60 - opened} of 60 groups of nodes are left out here for their size`);
    expect(text.split("\n")[0]).toContain("1 service changed");
  });

  it("shows of a section that is too long what there is room for", () => {
    const places = Array.from({ length: 99 }, (_, port) => `203.0.113.1:${port + 1}/tcp`);
    const one = renderDiffMarkdown(outlineOf(diffOf([node("worker-1", "y".repeat(900), places)])));
    expect(one.length).toBeLessThan(65_536);
    expect(one.length).toBeGreaterThan(50_000);
    const shown = one.split("\n- changed: ").length - 1;
    expect(one).toContain(`\n- and ${100 - shown} more, which \`weir diff\` prints\n`);
    expect(one).toContain("</details>");
  });

  it("has room for no more than what comes first when that is very long", () => {
    const concerns = Array.from({ length: 20 }, (_, at) => ({ kind: "notice" as const, what: "<".repeat(900 + at) }));
    const text = renderDiffMarkdown(outlineOf({ ...diffOf([node("worker-1", "x")]), concerns }));
    expect(text).toContain("1 of 1 groups of nodes are left out");
  });

  it("cuts long lists of concerns and of changes", () => {
    const concerns = Array.from({ length: 30 }, (_, at) => ({ kind: "notice" as const, what: `n${at}` }));
    const places = Array.from({ length: 130 }, (_, port) => `203.0.113.1:${port + 1}/tcp`);
    const text = renderDiffMarkdown(outlineOf({ ...diffOf([node("worker-1", "x", places)]), concerns }));
    expect(text).toContain("- and 11 more\n");
    expect(text).toContain("- and 31 more, which `weir diff` prints");
  });
});
