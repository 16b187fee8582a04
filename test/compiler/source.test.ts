import { describe, expect, it } from "vitest";
import { lineText, positionOf } from "../../compiler/source.ts";

/** As the definition has it: whole characters since the line's start. */
function columnByHand(text: string, offset: number): number {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  return [...text.slice(start, offset)].length + 1;
}

describe("positions", () => {
  it("far into a line of many characters outside of the basic plane", () => {
    const text = `first\n${"a\u{1f600}b".repeat(100_000)}\nlast`;
    const file = { path: "long.json", text };
    const second = text.indexOf("\n") + 1;
    for (const offset of [second, second + 4095, second + 4096, second + 131_072, second + 300_001, 400_005]) {
      expect(positionOf(file, offset)).toEqual({ line: 2, column: columnByHand(text, offset) });
    }
    expect(positionOf(file, text.length)).toEqual({ line: 3, column: 5 });
  });

  it("hundreds of thousands of them in one line", () => {
    const file = { path: "long.json", text: "{},".repeat(1_000_000) };
    let sum = 0;
    for (let offset = 0; offset < file.text.length; offset += 30) sum += positionOf(file, offset).column;
    expect(sum).toBe((100_000 * (2 + (100_000 - 1) * 30)) / 2);
  });
});

it("a line's text has no line ending", () => {
  const file = { path: "x", text: "a\r\n\r\nb\rc\n\n\r" };
  expect([1, 2, 3, 4, 5, 6].map((line) => lineText(file, line))).toEqual(["a", "", "b\rc", "", "", ""]);
});
