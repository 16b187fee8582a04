import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { specOf } from "../compiler/pipeline.ts";
import {
  inOrder,
  isRewriting,
  nodeTexts,
  readTexts,
  render,
  type Texts,
  withoutFindings,
  writeTexts,
} from "./support/artifacts.ts";
import { fixtureNames, fixturesFolder, loadInputs, packetTables } from "./support/fixtures.ts";
import { reorderFragment, reversed, shuffledBy } from "./support/shuffle.ts";

/** Whole artifacts of every node that a packet table names, under `expected/NODE/`, and what is found in the inputs. */
async function produce(name: string): Promise<Texts> {
  const { spec, diagnostics, pathInSpec } = await loadInputs(join(fixturesFolder, name));
  const texts = new Map<string, string>();
  if (diagnostics.length > 0) texts.set("diagnostics.txt", render(diagnostics));
  for (const { node } of packetTables(name)) {
    for (const [path, text] of await nodeTexts(spec, node, pathInSpec)) texts.set(`${node}/${path}`, text);
  }
  return inOrder(texts);
}

describe.each(fixtureNames)("%s", (name) => {
  const expected = join(fixturesFolder, name, "expected");

  it("compiles to what is stored", async () => {
    const produced = await produce(name);
    if (isRewriting) writeTexts(expected, produced);
    const stored = readTexts(expected);
    for (const [path, text] of produced) expect.soft(text, join(expected, path)).toBe(stored.get(path));
    expect([...stored.keys()], "every stored file is still produced").toEqual([...produced.keys()]);
  });

  it("compiles to the same bytes again", async () => {
    expect(await produce(name)).toEqual(await produce(name));
  });

  it.each([
    ["backwards", reversed],
    ["shuffled", shuffledBy(name.length)],
  ] as const)("does not depend on the order of declarations: %s", async (_, reorder) => {
    const { fragments, pathInSpec } = await loadInputs(join(fixturesFolder, name));
    const { spec } = specOf(fragments);
    const other = specOf(reorder(fragments).map((fragment) => reorderFragment(fragment, reorder))).spec;
    for (const { node } of packetTables(name)) {
      const [texts, others] = [await nodeTexts(spec, node, pathInSpec), await nodeTexts(other, node, pathInSpec)];
      expect(withoutFindings(others)).toEqual(withoutFindings(texts));
    }
  });
});
