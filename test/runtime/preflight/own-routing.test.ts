import { expect, it } from "vitest";
import { programOf } from "../../../runtime/desired/programs.ts";
import { findConflicts } from "../../../runtime/preflight/conflicts.ts";
import type { ForeignUse } from "../../../runtime/preflight/foreign.ts";
import { marksOfRules, routingRules } from "../../../runtime/preflight/foreign-routing.ts";
import { withoutRoutingOf } from "../../../runtime/preflight/own-routing.ts";
import { desiredOf } from "../../support/desired.ts";
import { fakeHost, plainFacts } from "../../support/fake-node.ts";

const spec = (bits: string): string => `cluster {
  ${bits}
}
service shop/web {
  vip 10.96.0.10
  port http tcp 80
  endpoint 10.244.1.5
}
`;

async function ipvs(bits: string) {
  const program = await programOf(await desiredOf("ipvs", spec(bits)));
  if (program.backend !== "ipvs") throw new Error(program.backend);
  return program;
}

it("a routing rule of an earlier artifact is weir's own, also where the mark bits were others", async () => {
  const [before, after] = [await ipvs("drop-bit 3"), await ipvs("drop-bit 30")];
  const rule = before.program.routing.ipv4?.rule;
  const mark = `0x${rule?.mark.toString(16)}`;
  const json = [{ priority: rule?.priority, fwmark: mark, fwmask: mark, table: String(rule?.table) }];
  const routing = routingRules(JSON.stringify(json), "ipv4");
  const foreign: ForeignUse = {
    marks: marksOfRules(routing),
    classes: [],
    translated: [],
    closedForward: [],
    chains: [],
    tables: [],
    routing,
    unseen: [],
  };
  const codesWith = async (use: ForeignUse) =>
    (await findConflicts(fakeHost({}), plainFacts, use, after)).map(({ code }) => code).sort();
  expect(await codesWith(foreign)).toEqual(["conflict/mark", "conflict/routing-table"]);
  expect(await codesWith(withoutRoutingOf(foreign, [before]))).toEqual([]);
  expect(await codesWith(withoutRoutingOf(foreign, [after]))).not.toEqual([]);
});
