import { loaderTrouble, namespaceTrouble } from "../../runtime/lab/availability.ts";
import type { LabPool } from "../../runtime/lab/lab.ts";
import { type LoaderName, labTools, toolsOf } from "../../runtime/lab/loaders.ts";
import { missingTools, type Tool } from "../../runtime/lab/tools.ts";

/** In the full check nothing may be left out: what the machine lacks is then a failure. */
const kernelTestsRequired = process.env.WEIR_KERNEL_TESTS === "required";

/** What a node needs beside a lab, so that one can serve many tests. */
export const nodeTools: readonly Tool[] = [{ tool: "conntrack", debianPackage: "conntrack" }];

/** Why no lab can be made here, or null. `more` are tools that are needed beside the lab's. */
export async function labTrouble(more: readonly Tool[] = []): Promise<string | null> {
  if (process.platform !== "linux") return `network namespaces need Linux, this is ${process.platform}`;
  const missing = await missingTools([...labTools, ...more]);
  if (missing.length > 0) return `missing: ${missing.map((each) => each.tool).join(", ")}`;
  const trouble = await namespaceTrouble();
  return trouble === null ? null : `${trouble} (as an ordinary user: unshare -Urn npm run test:kernel)`;
}

/** Why rules cannot be loaded in this way here, or null. */
export async function troubleWith(pool: LabPool, loader: LoaderName): Promise<string | null> {
  const missing = await missingTools(toolsOf(loader));
  if (missing.length > 0) return `missing: ${missing.map((each) => each.tool).join(", ")}`;
  return loaderTrouble(pool, loader);
}

/**
 * For a test that cannot run here: on a developer's machine the reason is printed and the test skipped,
 * in the full check it fails.
 */
export function skipFor(context: { skip: (note?: string) => void }, reason: string): void {
  if (kernelTestsRequired) throw new Error(`WEIR_KERNEL_TESTS=required, but ${reason}`);
  console.warn(`kernel test left out: ${reason}`);
  context.skip(reason);
}
