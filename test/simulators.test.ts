import { describe, expect, it } from "vitest";
import { lowerIptables } from "../compiler/backends/iptables/lower.ts";
import { simulateIptables } from "../compiler/backends/iptables/simulate.ts";
import { lowerIpvs } from "../compiler/backends/ipvs/lower.ts";
import { simulateIpvs } from "../compiler/backends/ipvs/simulate.ts";
import { lowerNftables } from "../compiler/backends/nftables/lower.ts";
import { simulateNftables } from "../compiler/backends/nftables/simulate.ts";
import type { Outcome, Packet } from "../compiler/backends/packet.ts";
import { type Branch, endingsOf, type Surroundings } from "../compiler/backends/simulation.ts";
import { lowerUserspace } from "../compiler/backends/userspace/lower.ts";
import { simulateUserspace } from "../compiler/backends/userspace/simulate.ts";
import { hasErrors } from "../compiler/diagnostics/diagnostic.ts";
import { decide } from "../compiler/ir/decide.ts";
import type { NodeIr } from "../compiler/ir/ir.ts";
import { fractionToNumber } from "../compiler/net/fraction.ts";
import { irOf } from "../compiler/pipeline.ts";
import { fixtureNames, fixturesFolder, loadInputs, packetTables } from "./support/fixtures.ts";

type Branches = readonly Branch<unknown, unknown>[];
type Simulate = (ir: NodeIr, surroundings: Surroundings, packet: Packet) => Branches | null;

/** null where the backend cannot do what the spec says. */
const simulators: Readonly<Record<string, Simulate>> = {
  iptables: (ir, surroundings, packet) => {
    const { program, diagnostics } = lowerIptables(ir);
    return hasErrors(diagnostics) ? null : simulateIptables(program, surroundings, packet);
  },
  ipvs: (ir, surroundings, packet) => {
    const { program, diagnostics } = lowerIpvs(ir);
    return hasErrors(diagnostics) ? null : simulateIpvs(program, surroundings, packet);
  },
  nftables: (ir, surroundings, packet) => {
    const { program, diagnostics } = lowerNftables(ir);
    return hasErrors(diagnostics) ? null : simulateNftables(program, surroundings, packet);
  },
  userspace: (ir, surroundings, packet) => {
    const { program, diagnostics } = lowerUserspace(ir);
    return hasErrors(diagnostics) ? null : simulateUserspace(program, surroundings, packet);
  },
};

const digits = 8;

/** One line for each place that a packet may end at: `10.0.0.1:80 masqueraded 0.25`. */
function endingLines(branches: Branches, hidesSource: boolean): readonly string[] {
  return endingsOf(branches)
    .map(({ end, share }) => {
      if (end.kind !== "translated") return end.kind;
      return line(end.address.text, end.port, end.masquerade || hidesSource, share === null ? null : share);
    })
    .sort();
}

function line(
  address: string,
  port: number,
  masquerade: boolean,
  share: Parameters<typeof fractionToNumber>[0] | null,
) {
  const how = masquerade ? "masqueraded" : "as it is";
  return `${address}:${port} ${how} ${share === null ? "?" : fractionToNumber(share).toFixed(digits)}`;
}

function outcomeLines(outcome: Outcome, hidesSource: boolean): readonly string[] {
  if (outcome.verdict !== "endpoints") return [outcome.verdict];
  return outcome.choices
    .map(({ address, port, share, masquerade }) => line(address.text, port, masquerade || hidesSource, share))
    .sort();
}

/** Shares that either side cannot tell are no difference. */
function withoutUnknown(lines: readonly string[], other: readonly string[]): readonly string[] {
  const isKnown = [...lines, ...other].every((each) => !each.endsWith(" ?"));
  return isKnown ? lines : lines.map((each) => each.replace(/ \S+$/, ""));
}

/** Backends that spread by weight whatever the scheduler is: the difference is a warning of theirs. */
function ignoresScheduler(backend: string): boolean {
  return backend !== "ipvs";
}

describe.each(Object.keys(simulators))("%s, followed rule by rule, does what is decided", (backend) => {
  describe.each(fixtureNames)("%s", (name) => {
    const loaded = loadInputs(`${fixturesFolder}/${name}`);
    describe.each(packetTables(name))("on $node", ({ node, rows }) => {
      it.each(rows.map((row) => [row.label, row] as const))("%s", async (_, { packet }) => {
        const { ir } = irOf((await loaded).spec, node);
        const branches = simulators[backend]?.(ir, { nodeAddresses: ir.node.addresses }, packet) ?? null;
        if (branches === null) return;
        const hidesSource = backend === "userspace";
        const decided = outcomeLines(decide(ir, packet), hidesSource);
        const seen = endingLines(branches, hidesSource);
        const isByWeight = ir.frontends[packet.destination.family].every(({ scheduler }) => scheduler !== "rr");
        const compared = ignoresScheduler(backend) && !isByWeight ? ["?"] : [];
        expect(withoutUnknown(seen, [...decided, ...compared.map((each) => ` ${each}`)])).toEqual(
          withoutUnknown(decided, [...seen, ...compared.map((each) => ` ${each}`)]),
        );
      });
    });
  });
});
