import { describe, expect, it } from "vitest";
import { artifactLines, sampleLines } from "../../../../runtime/lab/demo/show.ts";

const same = (text: string) => text;
const plain = { bold: same, dim: same, green: same, red: same, cyan: same };

describe("sampleLines", () => {
  it("finds an address as a whole, however the line goes on", () => {
    const text = "10.96.0.1:80\n10.96.0.14:80\n110.96.0.1\n1.10.96.0.1\n  -d 10.96.0.1/32 -j X\n[10.96.0.1]\n";
    expect(sampleLines(text, ["10.96.0.1"], 9)).toEqual(["10.96.0.1:80", "-d 10.96.0.1/32 -j X", "[10.96.0.1]"]);
  });

  it("shows as many lines as asked for, and of a long one its beginning", () => {
    const lines = sampleLines("10.0.0.1 a\n10.0.0.2 b\n".repeat(5), ["10.0.0.2", "10.0.0.1"], 3);
    expect(lines).toEqual(["10.0.0.1 a", "10.0.0.2 b", "10.0.0.1 a"]);
    expect(sampleLines(`10.0.0.1 ${"x".repeat(200)}`, ["10.0.0.1"], 1)[0]).toMatch(/^10\.0\.0\.1 x{130}…$/);
  });
});

it("artifactLines lists files with their sizes and rules of the family that is asked for", () => {
  const artifact = {
    backend: "iptables",
    files: [
      { path: "iptables/ipv4.rules", chunks: ["*nat\n", "-d 10.96.0.1\n"] },
      { path: "iptables/ipv6.rules", chunks: ["-d fd00::1\n"] },
    ],
    requirements: [],
    names: [],
    diagnostics: [],
  } as const;
  expect(artifactLines(artifact, { family: "ipv6", vip: "fd00::1", endpoints: [] }, plain)).toEqual([
    "iptables",
    "  iptables/ipv4.rules               2 lines      18 B",
    "  iptables/ipv6.rules               1 lines      11 B",
    "  from iptables/ipv6.rules:",
    "    -d fd00::1",
  ]);
  expect(artifactLines(artifact, null, plain)).toHaveLength(3);
});
