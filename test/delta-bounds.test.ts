import { diffArrays } from "diff";
import { beforeAll, describe, expect, it } from "vitest";
import { backendNames } from "../compiler/backends/registry.ts";
import { nodeTexts, type Texts } from "./support/artifacts.ts";
import {
  changeService,
  endpointCount,
  frontendCount,
  type LargeSpec,
  largeSpec,
  middleService,
  readLarge,
  serviceKinds,
} from "./support/large-spec.ts";

/**
 * A change of a spec should be a small change of its artifact, or nobody can review it. Lines are counted by a real
 * diff, a changed line as two: one gone, one new. The manifest holds digests of everything and is left out.
 */

const before = largeSpec();
let beforeTexts: Texts;

async function textsOf(spec: LargeSpec): Promise<Texts> {
  return nodeTexts(await readLarge(spec), "worker-1", (file) => file.path);
}

beforeAll(async () => {
  beforeTexts = await textsOf(before);
});

/** Lines that differ in one backend's files. */
function changedLines(backend: string, afterTexts: Texts): readonly string[] {
  const paths = new Set([...beforeTexts.keys(), ...afterTexts.keys()]);
  return [...paths]
    .filter((path) => path.startsWith(`${backend}/`))
    .flatMap((path) => {
      const [old, now] = [beforeTexts.get(path) ?? "", afterTexts.get(path) ?? ""];
      if (old === now) return [];
      return diffArrays(old.split("\n"), now.split("\n")).flatMap((part) =>
        part.added || part.removed ? part.value.map((line) => `${part.added ? "+" : "-"} ${line}`) : [],
      );
    });
}

/** More than the bound is shown line by line. */
function expectAtMost(backend: string, lines: readonly string[], most: number): void {
  expect(lines.length, `${backend}, at most ${most} of:\n${lines.slice(0, 60).join("\n")}\n`).toBeLessThanOrEqual(most);
}

/** Nobody edits one endpoint without meaning to: something must change. */
function expectSome(lines: readonly string[]): void {
  expect(lines.length).toBeGreaterThan(0);
}

describe.each(serviceKinds)("a %s service", (kind) => {
  const at = middleService(kind);
  const frontends = frontendCount(kind);
  const perFrontend = 2 * (endpointCount + 1) + 6;
  const node = at % 250;
  /** Between the third and the fourth endpoint. */
  const between = `10.155.${Math.floor(at / 250)}.${node + 1}`;

  const changes = {
    "an endpoint replaced by its neighbour": {
      most: 12 * frontends,
      spec: changeService(before, at, (service) => ({
        ...service,
        endpoints: service.endpoints.with(2, { address: between, weight: 1 }),
      })),
    },
    "an endpoint added": {
      most: perFrontend * frontends,
      spec: changeService(before, at, (service) => ({
        ...service,
        endpoints: [...service.endpoints, { address: between, weight: 1 }],
      })),
    },
    "an endpoint removed": {
      most: perFrontend * frontends,
      spec: changeService(before, at, (service) => ({ ...service, endpoints: service.endpoints.toSpliced(3, 1) })),
    },
    "an endpoint reweighted": {
      most: perFrontend * frontends,
      spec: changeService(before, at, (service) => ({
        ...service,
        endpoints: service.endpoints.map((endpoint, index) => (index === 3 ? { ...endpoint, weight: 3 } : endpoint)),
      })),
    },
  };

  describe.each(Object.entries(changes))("%s", (_, { most, spec }) => {
    let afterTexts: Texts;
    beforeAll(async () => {
      afterTexts = await textsOf(spec);
    });

    it.each(backendNames)("changes few lines of %s", (backend) => {
      const lines = changedLines(backend, afterTexts);
      expectSome(lines);
      expectAtMost(backend, lines, most);
    });
  });
});
