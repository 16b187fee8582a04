import { describe, expect, it } from "vitest";
import { didYouMean, nearest } from "../../../compiler/diagnostics/suggest.ts";

describe("the nearest word", () => {
  it.each([
    ["a letter too few", "servce", ["service", "cluster"], "service"],
    ["two letters swapped", "prot", ["vip", "port"], "port"],
    ["another case", "WRR", ["rr", "wrr"], "wrr"],
    ["the first of equals", "bat", ["cat", "hat"], "cat"],
    ["too far away", "balancer", ["vip", "port"], null],
    ["half of a short word", "ab", ["cd"], null],
    ["another number is another name", "worker-2", ["worker-1"], null],
    ["a slip beside a number", "wroker-2", ["worker-1", "worker-2"], "worker-2"],
    ["no candidates", "port", [], null],
  ])("%s: %s", (_, word, candidates, expected) => expect(nearest(word, candidates)).toBe(expected));

  it("is said as a question, or not at all", () => {
    expect(didYouMean("prot", ["port"])).toBe("did you mean `port`?");
    expect(didYouMean("zone", ["port"])).toBeUndefined();
  });
});
