import { describe, expect, it } from "vitest";
import type { Step } from "../../../compiler/backends/step.ts";
import { tokenAfter, transactionsOf } from "../../../runtime/planes/generation.ts";

function iptables(flavour: "nft" | "legacy" | null, input: readonly string[]): Step {
  return { kind: "iptables", family: "ipv4", flavour, operations: [], input };
}

describe("the kernel's count of transactions", () => {
  it("goes on behind the last number of 32 bits", () => {
    expect(tokenAfter("boot 4026531840 7", 2)).toBe("boot 4026531840 9");
    expect(tokenAfter("boot 4026531840 4294967295", 2)).toBe("boot 4026531840 1");
  });

  it("counts a file of nft once, and iptables-nft-restore by its commits", () => {
    expect(transactionsOf({ kind: "nft", operations: [], input: ["table ip weir {\n", "}\n"] })).toBe(1);
    expect(transactionsOf(iptables("nft", ["*nat\nCOMMIT\n*filter\n", "COMMIT\n"]))).toBe(2);
    expect(transactionsOf(iptables("legacy", ["*nat\nCOMMIT\n"]))).toBe(0);
  });
});
