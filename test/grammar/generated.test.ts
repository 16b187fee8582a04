import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import grammar from "../../grammar/service.generated.ts";
import { choices, keywords } from "../../grammar/vocabulary.ts";

function literals(): ReadonlySet<string> {
  const found = grammar.ParserRules.flatMap((rule) => rule.symbols).flatMap((symbol) =>
    typeof symbol === "object" && "literal" in symbol ? [String(symbol.literal)] : [],
  );
  return new Set(found);
}

describe("grammar", () => {
  it("is what nearley makes of service.ne: run `npm run grammar` after a change", () => {
    const made = execFileSync(process.execPath, ["node_modules/nearley/bin/nearleyc.js", "grammar/service.ne"], {
      encoding: "utf8",
    });
    expect(readFileSync("grammar/service.generated.ts", "utf8")).toBe(made);
  });

  it("uses every word of the vocabulary, and no other", () => {
    const words = [...literals()].filter((word) => /^[a-z]/.test(word)).sort();
    expect(words).toEqual([...new Set([...keywords, ...choices])].sort());
  });

  it("has a rule for every symbol", () => {
    const names = new Set(grammar.ParserRules.map((rule) => rule.name));
    const missing = grammar.ParserRules.flatMap((rule) => rule.symbols).filter(
      (symbol) => typeof symbol === "string" && !names.has(symbol),
    );
    expect(missing).toEqual([]);
  });

  it("reaches every rule from one of its starts", () => {
    const reached = new Set<string>();
    const visit = (name: string): void => {
      if (reached.has(name)) return;
      reached.add(name);
      for (const rule of grammar.ParserRules) {
        if (rule.name === name) for (const symbol of rule.symbols) if (typeof symbol === "string") visit(symbol);
      }
    };
    for (const start of ["declaration", "cluster_line", "node_line", "service_line"]) visit(start);
    expect(grammar.ParserRules.filter((rule) => !reached.has(rule.name)).map((rule) => rule.name)).toEqual([]);
  });
});
