import { describe, expect, it } from "vitest";
import { attemptsToSeeAll, complaintAbout, type Expectation } from "../../../runtime/lab/expectation.ts";
import type { Seen } from "../../../runtime/lab/protocol.ts";
import { reaches, row } from "../../support/lab-rows.ts";
import { address } from "../../support/net.ts";

const node = [address("192.0.2.11"), address("2001:db8::11")];

function answered(local: string, remote: string): Seen {
  const [localAddress = "", port] = local.split(" ");
  const by = { agent: "host-1", localAddress, localPort: Number(port), remoteAddress: remote, remotePort: 40000 };
  return { kind: "answered", by };
}

const send = "tcp 10.244.1.5 -> 10.96.0.10:80";
const two = ["10.244.1.5 8080", "10.244.2.7 8080"];

const cases: readonly (readonly [string, Expectation, Seen, string | null])[] = [
  ["endpoint, unmasqueraded", reaches(two, "no"), answered("10.244.2.7 8080", "10.244.1.5"), null],
  ["endpoint, masqueraded", reaches(two, "yes"), answered("10.244.2.7 8080", "192.0.2.11"), null],
  ["hairpin, to itself", reaches(two, { to: "10.244.1.5" }), answered("10.244.1.5 8080", "192.0.2.11"), null],
  ["hairpin, to another", reaches(two, { to: "10.244.1.5" }), answered("10.244.2.7 8080", "10.244.1.5"), null],
  [
    "a source that should have been masqueraded",
    reaches(two, "yes"),
    answered("10.244.2.7 8080", "10.244.1.5"),
    "the endpoint saw 10.244.1.5, expected an address of the node",
  ],
  [
    "a source that should have been kept",
    reaches(two, "no"),
    answered("10.244.2.7 8080", "192.0.2.11"),
    "the endpoint saw 192.0.2.11, expected 10.244.1.5",
  ],
  [
    "another port of the right endpoint",
    reaches(two, "no"),
    answered("10.244.2.7 80", "10.244.1.5"),
    "answered by 10.244.2.7:80, which saw 10.244.1.5, expected 10.244.1.5:8080 or 10.244.2.7:8080",
  ],
  [
    "nothing, where endpoints are expected",
    reaches(["10.244.1.6 80"], "no"),
    { kind: "silent" },
    "silent, expected 10.244.1.6:80",
  ],
  ["a refusal", { verdict: "reject" }, { kind: "refused" }, null],
  ["silence for a refusal", { verdict: "reject" }, { kind: "silent" }, "silent, expected a refusal"],
  ["silence", { verdict: "drop" }, { kind: "silent" }, null],
  ["a refusal for silence", { verdict: "drop" }, { kind: "refused" }, "refused, expected no answer at all"],
  ["left alone", { verdict: "pass" }, answered("10.96.0.10 80", "10.244.1.5"), null],
  [
    "translated where it should be left alone",
    { verdict: "pass" },
    answered("10.244.2.7 8080", "10.244.1.5"),
    "answered by 10.244.2.7:8080, which saw 10.244.1.5, expected the packet to be left alone",
  ],
  [
    "masqueraded where it should be left alone",
    { verdict: "pass" },
    answered("10.96.0.10 80", "192.0.2.11"),
    "the endpoint saw 192.0.2.11, expected 10.244.1.5",
  ],
  [
    "another error than refusal",
    { verdict: "reject" },
    { kind: "error", code: "EHOSTUNREACH" },
    "failed with EHOSTUNREACH, expected a refusal",
  ],
];

describe("complaintAbout", () => {
  it.each(cases)("%s", (_, expectation, seen, complaint) => {
    expect(complaintAbout(row(send, expectation), seen, node)).toBe(complaint);
  });

  it("takes an address for itself however it is written", () => {
    const six = row("tcp fd00::9 -> [fd00:96::10]:80", reaches(["fd00:244::5 8080"], "no"));
    expect(complaintAbout(six, answered("fd00:244:0:0:0:0:0:5 8080", "fd00:0::9"), node)).toBeNull();
  });
});

describe("attemptsToSeeAll", () => {
  const shares = (list: readonly (number | null)[]): Expectation => ({
    verdict: "endpoints",
    endpoints: list.map((share, index) => ({
      address: address(`10.0.0.${index + 1}`),
      port: 80,
      share,
      masquerade: false,
    })),
  });

  it.each([
    ["one endpoint", [1], 1],
    ["two equal ones", [1 / 2, 1 / 2], 31],
    ["one in ten", [9 / 10, 1 / 10], 204],
    ["one in a thousand, which is not waited for", [999 / 1000, 1 / 1000], 4],
    ["shares that nobody promises", [null, null], 4],
  ] as const)("%s", (_, list, attempts) => {
    expect(attemptsToSeeAll(shares(list))).toBe(attempts);
  });

  it("is one where a verdict needs no choice", () => {
    expect(attemptsToSeeAll({ verdict: "drop" })).toBe(1);
  });
});
