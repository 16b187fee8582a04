import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { LabPool } from "../../runtime/lab/lab.ts";

const root = new URL("../../", import.meta.url).pathname;
const agentSource = "runtime/lab/agent.ts";

export interface TestPool {
  readonly pool: LabPool;
  /** The agent as JavaScript. */
  readonly script: string;
  close(): Promise<void>;
}

/**
 * A pool whose agents run the present source: Node 20 reads no TypeScript, and dist/ may be older than the tests.
 * The compiler writes the agent's JavaScript although type errors elsewhere would make it fail.
 */
export async function openTestPool(): Promise<TestPool> {
  const folder = await mkdtemp(join(tmpdir(), "weir-agent-"));
  const options = ["--ignoreConfig", "--target", "es2023", "--module", "nodenext", "--types", "node", "--skipLibCheck"];
  const style = ["--verbatimModuleSyntax", "--rewriteRelativeImportExtensions", "--outDir", folder];
  await promisify(execFile)("node_modules/.bin/tsc", [...options, ...style, agentSource], { cwd: root });
  const script = join(folder, "agent.js");
  const pool = await LabPool.open(script);
  return {
    pool,
    script,
    close: async () => {
      await pool.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
