import { diffArrays } from "diff";
import { beforeAll, describe, expect, it } from "vitest";
import { backendNames } from "../compiler/backends/registry.ts";
import { textOf } from "../compiler/backends/text.ts";
import { compileBackend, irOf } from "../compiler/pipeline.ts";
import {
  addressBetween,
  changeService,
  endpointCount,
  frontendCount,
  type LargeEndpoint,
  type LargeSpec,
  largeSpec,
  middleService,
  newService,
  readLarge,
  serviceKinds,
} from "./support/large-spec.ts";

/**
 * A change of a spec should be a small change of its rules, or nobody can review it. Lines are counted by a real
 * diff, a changed line as two: one gone, one new. The spec has a thousand services.
 */

/** Lines of each backend's files, under `BACKEND/FILE`. */
type Lines = ReadonlyMap<string, readonly string[]>;

async function linesOf(spec: LargeSpec): Promise<Lines> {
  const { ir } = irOf(await readLarge(spec), "worker-1");
  const lines = new Map<string, readonly string[]>();
  for (const backend of backendNames) {
    for (const file of (await compileBackend(ir, backend)).files) lines.set(file.path, textOf(file).split("\n"));
  }
  return lines;
}

const before = largeSpec();
let beforeLines: Lines;

beforeAll(async () => {
  beforeLines = await linesOf(before);
});

function changedLines(backend: string, afterLines: Lines): readonly string[] {
  const paths = new Set([...beforeLines.keys(), ...afterLines.keys()]);
  return [...paths]
    .filter((path) => path.startsWith(`${backend}/`))
    .flatMap((path) =>
      diffArrays([...(beforeLines.get(path) ?? [])], [...(afterLines.get(path) ?? [])]).flatMap((part) =>
        part.added || part.removed ? part.value.map((line) => `${part.added ? "+" : "-"} ${line}`) : [],
      ),
    );
}

/** Something must change, and no more than `most` lines; what is over the bound is shown. */
function expectFew(lines: readonly string[], most: number): void {
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.length, `at most ${most} of:\n${lines.slice(0, 60).join("\n")}\n`).toBeLessThanOrEqual(most);
}

describe.each(serviceKinds)("a %s service", (kind) => {
  const at = middleService(kind);
  const frontends = frontendCount(kind);
  const few = (2 * (endpointCount + 1) + 6) * frontends;
  /** Between the third endpoint and the fourth. */
  const near: LargeEndpoint = { address: addressBetween(at, 2), weight: 1 };
  /** Behind all others. */
  const far: LargeEndpoint = { address: addressBetween(at, endpointCount - 1), weight: 1 };
  const withEndpoints = (change: (endpoints: readonly LargeEndpoint[]) => readonly LargeEndpoint[]): LargeSpec =>
    changeService(before, at, (service) => ({ ...service, endpoints: change(service.endpoints) }));

  describe.each([
    ["an endpoint replaced by one near it", 12 * frontends, withEndpoints((old) => old.with(2, near))],
    ["an endpoint replaced by one far off", 12 * frontends, withEndpoints((old) => old.with(1, far))],
    ["an endpoint added", few, withEndpoints((old) => [...old, near])],
    ["an endpoint removed", few, withEndpoints((old) => old.toSpliced(3, 1))],
    [
      "an endpoint reweighted",
      few,
      withEndpoints((old) => old.map((endpoint, index) => (index === 3 ? { ...endpoint, weight: 3 } : endpoint))),
    ],
  ] as const)("%s", (_, most, spec) => {
    let afterLines: Lines;
    beforeAll(async () => {
      afterLines = await linesOf(spec);
    });

    it.each(backendNames)("changes few lines of %s", (backend) => {
      expectFew(changedLines(backend, afterLines), most);
    });
  });
});

describe.each(serviceKinds)("a %s service added in the middle", (kind) => {
  const added = newService(kind);
  let afterLines: Lines;
  beforeAll(async () => {
    afterLines = await linesOf([...before, added]);
  });

  it.each(backendNames)("takes lines away from %s only where a full chain splits", (backend) => {
    const lines = changedLines(backend, afterLines);
    const gone = lines.filter((line) => line.startsWith("-"));
    // sixteen frontends are as many as a flat chain of the iptables backend holds
    expect(gone.length, gone.join("\n")).toBeLessThanOrEqual(2 * 16);
    expectFew(lines, gone.length + (6 * (endpointCount + 1) + 24) * frontendCount(kind) + 2 * 16);
  });
});
