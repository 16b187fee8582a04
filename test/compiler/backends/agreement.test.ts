import { describe, expect, it } from "vitest";
import { contradiction, contradictionAgain } from "../../../compiler/backends/agreement.ts";
import type { BackendName } from "../../../compiler/backends/backend.ts";
import type { Ending } from "../../../compiler/backends/simulation.ts";
import { parseAddress } from "../../../compiler/net/address.ts";
import { type Fraction, fraction } from "../../../compiler/net/fraction.ts";
import { irOf, specOf } from "../../../compiler/pipeline.ts";
import { packetOf } from "../../support/fixtures.ts";
import { fragmentOf } from "../../support/language.ts";

const text = `cluster { pods 10.244.0.0/16 }
node worker-1 { address 192.0.2.11 }
service shop/web {
  vip 10.96.0.10
  scheduler rr
  port tcp 80
  endpoint 10.244.1.5 weight 3
  endpoint 10.244.1.6
}
`;
const { ir } = irOf(specOf([fragmentOf(text)]).spec, "worker-1");
const packet = packetOf("tcp 8.8.8.8 -> 10.96.0.10:80", null);

function to(last: number, share: Fraction | null, masquerade = true): Ending {
  const address = parseAddress(`10.244.1.${last}`);
  if (!address.ok) throw new Error(address.reason);
  return { end: { kind: "translated", address: address.value, port: 80, masquerade }, share };
}

const [half, most, least] = [fraction(1, 2), fraction(3, 4), fraction(1, 4)];
const nearlyMost = fraction(3n * 2n ** 29n + 1n, 2n ** 31n);
const nearlyLeast = fraction(2n ** 29n - 1n, 2n ** 31n);

describe("a client that comes first", () => {
  it.each<readonly [string, BackendName, boolean, readonly Ending[]]>([
    ["in turn, where the backend keeps the scheduler", "ipvs", true, [to(5, half), to(6, half)]],
    ["by weight, where it does not", "nftables", true, [to(5, most), to(6, least)]],
    ["by weight where it keeps the scheduler", "ipvs", false, [to(5, most), to(6, least)]],
    ["in turn where it does not", "nftables", false, [to(5, half), to(6, half)]],
    ["nearly by weight, which iptables rounds", "iptables", true, [to(5, nearlyMost), to(6, nearlyLeast)]],
    ["nearly by weight, which nobody else does", "nftables", false, [to(5, nearlyMost), to(6, nearlyLeast)]],
    ["with its own address", "nftables", false, [to(5, most, false), to(6, least, false)]],
    ["to one of them", "nftables", false, [to(5, most)]],
    ["to a stranger", "nftables", false, [to(5, most), to(7, least)]],
    ["to nobody", "nftables", false, [{ end: { kind: "drop" }, share: null }]],
  ])("is sent %s: %s", (_, backend, isMeant, ways) => {
    expect(contradiction(backend, ir, packet, ways) === null).toBe(isMeant);
  });
});

describe("a client that comes again", () => {
  it.each<readonly [string, boolean, readonly Ending[]]>([
    ["to the one it had", true, [to(6, fraction(1, 1))]],
    ["to any of them, however often", true, [to(5, least), to(6, most)]],
    ["to a stranger", false, [to(7, fraction(1, 1))]],
    ["with its own address", false, [to(6, fraction(1, 1), false)]],
    ["to nobody", false, [{ end: { kind: "reject" }, share: null }]],
  ])("may be sent %s: %s", (_, isMeant, ways) => {
    expect(contradictionAgain("nftables", ir, packet, ways) === null).toBe(isMeant);
  });
});
