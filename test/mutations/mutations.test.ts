import { appendFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { backendNames } from "../../compiler/backends/registry.ts";
import { subjectsOf } from "./judge.ts";
import { describeMutant, mutantsOf, type Sample, survivorsOf, tableOf, tryMutants } from "./run.ts";

/**
 * The proof must notice slips: each mutant is a printed artifact with one change, and either its reader refuses it, or
 * `verify` finds a packet that goes elsewhere, or it reads as the same program, or equal.ts tells why it means the same.
 * `npm run mutations` tries all and prints the table; WEIR_MUTATIONS is `all` or the share of mutants to try,
 * WEIR_MUTATIONS_SEED chooses them, WEIR_MUTATIONS_FIXTURES is a pattern, WEIR_MUTATIONS_LOG a file for survivors.
 */
const wanted = process.env.WEIR_MUTATIONS ?? "";
const sample: Sample = {
  share: wanted === "all" ? 1 : wanted === "" ? 0.02 : Number(wanted),
  seed: Number(process.env.WEIR_MUTATIONS_SEED ?? 1),
};
/** Large ones take long for each mutant, and have no rules that others have not. The regular run tries some. */
const usual = wanted === "" ? "^(01|07|14|15|22|23|26|36|37|38|47)-" : "^(?!08|49|50|51|52|90)";
const fixtures = new RegExp(process.env.WEIR_MUTATIONS_FIXTURES ?? usual);

/** Changes that always matter: no survivor of these can be explained away. Others are listed and not yet held to. */
const always: ReadonlySet<string> = new Set(["probability", "weight"]);

describe.each(backendNames)("mutants of what %s prints", (backend) => {
  it("are found, or mean the same", { timeout: 3_600_000 }, async () => {
    const subjects = await subjectsOf(backend, fixtures);
    const verdicts = await tryMutants(mutantsOf(subjects, sample));
    const survivors = survivorsOf(verdicts);
    if (wanted !== "") console.info(`${subjects.length} artifacts\n${tableOf(verdicts).join("\n")}`);
    const log = process.env.WEIR_MUTATIONS_LOG;
    if (log !== undefined)
      appendFileSync(
        log,
        verdicts
          .filter(({ found }) => found === null || found === "same program")
          .map((each) => `${each.equal ?? "SURVIVED"} | ${describeMutant(each)}\n`)
          .join(""),
      );
    expect(verdicts.filter(({ found }) => found === "differs").length).toBeGreaterThan(5);
    expect(survivors.filter(({ change }) => always.has(change.operator)).map(describeMutant)).toEqual([]);
  });
});
