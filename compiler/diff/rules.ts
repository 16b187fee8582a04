import { createTwoFilesPatch } from "diff";
import { visible } from "../diagnostics/visible.ts";
import type { NodeIr } from "../ir/ir.ts";
import { compareText } from "../net/order.ts";
import { formatPlace } from "../source.ts";
import type { NodeFiles } from "./programs.ts";

/** Places of service ports by key: `shop/web:http` is `shop.weir:31`. */
export type Places = ReadonlyMap<string, string>;

/** The changed rules as a unified diff, with the places of the services that they are for. */
export function printRules(nodes: readonly NodeFiles[], places: Places): string {
  const parts = nodes.flatMap(({ name, before, after }) =>
    [...new Set([...before.keys(), ...after.keys()])].flatMap((path) => {
      const [old, now] = [before.get(path) ?? "", after.get(path) ?? ""];
      if (old === now) return [];
      const patch = patchOf(`${name}/${path}`, old, now);
      return [...placesIn(patch, places), patch];
    }),
  );
  // tabs stay: the patch is for tools too
  return parts.join("").split("\n").map(visibleButTabs).join("\n");
}

function visibleButTabs(line: string): string {
  return line.split("\t").map(visible).join("\t");
}

/** Where the service ports of specs are declared; a later spec is the one that is named. */
export function placesOf(irs: readonly NodeIr[]): Places {
  const frontends = irs.flatMap(({ services }) => services.flatMap((service) => service.frontends));
  return new Map(frontends.map(({ key, origin }) => [key, formatPlace(origin)] as const));
}

/** Searching for the least patch takes the square of the changes: beyond this the file is told as a whole. */
const mostEdits = 20_000;

function patchOf(path: string, old: string, now: string): string {
  const options = { context: 1, maxEditLength: mostEdits };
  const patch = createTwoFilesPatch(`a/${path}`, `b/${path}`, old, now, undefined, undefined, options);
  if (patch === undefined) return `Files a/${path} and b/${path} differ in more than ${mostEdits} lines\n`;
  return patch.replace(/^=+\n/, "");
}

/** `# shop/web:http is declared at shop.weir:31`, for every service port that a changed line names. */
function placesIn(patch: string, places: Places): readonly string[] {
  const changed = patch.split("\n").filter((line) => /^[+-]/.test(line));
  const words = changed.flatMap((line) => [...line.matchAll(/[a-z0-9.-]+\/[a-z0-9.-]+(?::[a-z0-9-]+)?/g)]);
  const keys = new Set(words.map(([key]) => key));
  return [...keys].sort(compareText).flatMap((key) => {
    const place = places.get(key);
    return place === undefined ? [] : [`# ${key} is declared at ${place}\n`];
  });
}
