import { isDeepStrictEqual } from "node:util";
import type { Subject } from "./judge.ts";
import { type Sameness, sameness } from "./same-way.ts";

const reasons: Readonly<Record<Exclude<Sameness, "differs">, string>> = {
  untouched: "no packet of any kind meets what was changed: each passes the same rules, word by word",
  same: "packets meet it, and each of any kind ends alike, with the same marks, as new client and as known one",
  "own marks": "only a packet that comes with a bit of weir's own fares otherwise, and nobody else may set those",
};

/**
 * The reason for which a survivor means the same, found by comparing what it does with what its original does; null when
 * there is none, which is a defect of something.
 */
export async function equalBecause(subject: Subject, mutant: unknown): Promise<string | null> {
  if (isDeepStrictEqual(withoutNames(mutant), withoutNames(subject.program))) {
    return "only a comment or the name of a service differs, which packets do not see";
  }
  const found = await sameness(subject, mutant);
  return found === "differs" ? null : reasons[found];
}

/** A program without what is there for people: comments, and keys of services on objects. */
function withoutNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => !isComment(item)).map(withoutNames);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => {
      const isName = name === "comment" || (name === "key" && typeof field === "string");
      return [name, isName ? null : withoutNames(field)];
    }),
  );
}

function isComment(item: unknown): boolean {
  return typeof item === "object" && item !== null && "kind" in item && item.kind === "comment";
}
