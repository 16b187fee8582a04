import { appendFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { backendNames } from "../../compiler/backends/registry.ts";
import { subjectsOf } from "./judge.ts";
import { describeMutant, mutantsOf, type Sample, survivorsOf, tableOf, tryMutants } from "./run.ts";

/**
 * The proof must notice slips: each mutant is a printed artifact with one change, and either its reader refuses it, or
 * `verify` finds a packet that fares otherwise, or equal.ts tells why it means the same. Nothing may be left over.
 * `npm run mutations` tries all and prints the table; WEIR_MUTATIONS is `all` or the share of mutants to try,
 * WEIR_MUTATIONS_SEED chooses them, WEIR_MUTATIONS_FIXTURES is a pattern, WEIR_MUTATIONS_LOG a file for what means the same.
 */
const wanted = process.env.WEIR_MUTATIONS ?? "";
const sample: Sample = {
  share: wanted === "all" ? 1 : wanted === "" ? 0.006 : Number(wanted),
  seed: Number(process.env.WEIR_MUTATIONS_SEED ?? 1),
};
/** Large ones take long for each mutant, and have no rules that others have not. */
const fixtures = new RegExp(process.env.WEIR_MUTATIONS_FIXTURES ?? "^(?!08|49|50|51|52|90)");

describe.each(backendNames)("mutants of what %s prints", (backend) => {
  it("are found, or mean the same", { timeout: 7_200_000 }, async () => {
    const subjects = await subjectsOf(backend, fixtures);
    const verdicts = await tryMutants(mutantsOf(subjects, sample));
    if (wanted !== "") console.info(`${subjects.length} artifacts\n${tableOf(verdicts).join("\n")}`);
    const log = process.env.WEIR_MUTATIONS_LOG;
    if (log !== undefined) {
      const lines = verdicts
        .filter(({ found }) => found === null || found === "same program")
        .map((each) => `${each.equal ?? "UNEXPLAINED"} | ${describeMutant(each)}\n`);
      appendFileSync(log, lines.join(""));
    }
    // refused mutants say nothing of the proof
    expect(verdicts.filter(({ found }) => found === "differs").length).toBeGreaterThan(30);
    expect(survivorsOf(verdicts).map(describeMutant)).toEqual([]);
  });
});
