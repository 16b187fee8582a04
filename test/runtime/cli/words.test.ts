import { describe, expect, it } from "vitest";
import type { Operation } from "../../../compiler/backends/step.ts";
import { formatDuration, parseDuration } from "../../../runtime/cli/duration.ts";
import { operationLines } from "../../../runtime/cli/operations.ts";

describe("times on the command line", () => {
  it.each([
    ["60s", 60, "1m"],
    ["90", 90, "90s"],
    ["15m", 900, "15m"],
    ["2h", 7200, "2h"],
    ["1s", 1, "1s"],
  ])("%s is %i seconds, written %s", (text, seconds, written) => {
    expect(parseDuration("--confirm", text, 1)).toBe(seconds);
    expect(formatDuration(seconds)).toBe(written);
  });

  it.each(["", "0s", "25h", "-1s", "1.5m", "1d", "99999999999"])("%s is none", (text) => {
    expect(() => parseDuration("--confirm", text, 1)).toThrow("is no time between 1s and 24h");
  });
});

describe("operations for people", () => {
  const operation = (key: string | null, name: string, action: Operation["action"] = "add"): Operation => ({
    action,
    object: "element",
    name,
    key,
  });

  it("show nothing that moves a cursor, whatever things are called", () => {
    const lines = operationLines([operation("a\u001b[2J/b:c", "pool \u202e1")]);
    expect(lines).toEqual(["a\\u{1b}[2J/b:c", "  add element pool \\u{202e}1"]);
  });

  it("stand under the services that they are for, what serves all at the end", () => {
    const lines = operationLines([
      operation(null, "chain"),
      operation("shop/web:http", "pool 1"),
      operation("dns/main:dns", "pool 2", "delete"),
    ]);
    expect(lines).toEqual([
      "dns/main:dns",
      "  delete element pool 2",
      "shop/web:http",
      "  add element pool 1",
      "for all services",
      "  add element chain",
    ]);
  });

  it("are counted when there are many", () => {
    const many = Array.from({ length: 5000 }, (_, at) => operation(`shop/web-${at % 50}:http`, `pool ${at}`));
    const lines = operationLines(many);
    expect(lines).toHaveLength(22);
    expect(lines[0]).toBe("shop/web-0:http: add element: 100");
    expect(lines.at(-2)).toBe("and 30 more services");
    expect(lines.at(-1)).toBe("in all: add element: 5,000");
  });
});
