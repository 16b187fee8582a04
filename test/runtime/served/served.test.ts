import { describe, expect, it } from "vitest";
import { backendNames } from "../../../compiler/backends/registry.ts";
import { textOf } from "../../../compiler/backends/text.ts";
import { hasErrors } from "../../../compiler/diagnostics/diagnostic.ts";
import type { NodeIr } from "../../../compiler/ir/ir.ts";
import { families } from "../../../compiler/net/address.ts";
import { formatSocket } from "../../../compiler/net/socket.ts";
import { compileBackend, irOf } from "../../../compiler/pipeline.ts";
import { programOf } from "../../../runtime/desired/programs.ts";
import { frontendName } from "../../../runtime/served/served.ts";
import { servedBy } from "../../../runtime/served/served-by.ts";
import { compareServed } from "../../../runtime/status/service-drift.ts";
import { fixtureNames, fixturesFolder, loadInputs } from "../../support/fixtures.ts";

/** `10.96.0.10:80/tcp shop/web:http 10.244.1.5:8080 …` for each frontend of a node, from its IR, sorted. */
function expectedOf(ir: NodeIr): readonly string[] {
  return families
    .flatMap((family) =>
      ir.frontends[family].map((frontend) => {
        const endpoints = frontend.routes.flatMap(({ pool }) =>
          pool.endpoints.map(({ address, port }) => formatSocket(address, port)),
        );
        return line(frontendName(frontend), frontend.key, endpoints);
      }),
    )
    .sort();
}

function line(frontend: string, key: string | null, endpoints: Iterable<string>): string {
  return [frontend, key ?? "-", ...[...new Set(endpoints)].sort()].join(" ");
}

describe("what a program serves", () => {
  it.each(fixtureNames)("is what the IR says, in every backend: %s", async (fixture) => {
    const { spec } = await loadInputs(`${fixturesFolder}/${fixture}`);
    for (const { name } of spec.nodes) {
      const { ir } = irOf(spec, name);
      for (const backend of backendNames) {
        const compiled = await compileBackend(ir, backend);
        if (hasErrors(compiled.diagnostics)) continue;
        const files = new Map(compiled.files.map((file) => [file.path, textOf(file)]));
        const program = await programOf({ backend, files });
        const served = servedBy(program);
        const lines = [...served].map(([frontend, { key, choices }]) => line(frontend, key, choices.values())).sort();
        const expected = expectedOf(ir);
        // rules lead to a proxy's listeners, not to endpoints
        const [have, want] = backend === "userspace" ? [lines, expected].map(withoutEndpoints) : [lines, expected];
        expect(have, `${name} ${backend}`).toEqual(want);
        expect([...served.values()].filter(({ leads }) => leads.size === 0)).toEqual([]);
        expect(compareServed(served, served)).toEqual([]);
        const nodePorts = [...served].filter(([, { address }]) => address === null).map(([frontend]) => frontend);
        expect([...servedBy(program, "node-ports").keys()].sort()).toEqual(nodePorts.sort());
      }
    }
  });
});

function withoutEndpoints(lines: readonly string[]): readonly string[] {
  return lines.map((each) => {
    const words = each.split(" ");
    const at = words.findIndex(
      (word) => word.includes("/") && words.indexOf(word) > 0 && !/\/(tcp|udp|sctp)$/.test(word),
    );
    return `${words.slice(0, at + 1).join(" ")}${words.length > at + 1 ? " …" : ""}`;
  });
}
