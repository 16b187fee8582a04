import { LabPool } from "../../runtime/lab/lab.ts";
import { type Bundle, bundleSources } from "./bundle.ts";

export interface TestPool {
  readonly pool: LabPool;
  /** The agent as JavaScript. */
  readonly script: string;
  /** `weir` as JavaScript: the present sources, not dist/. */
  readonly command: string;
  /** The module that runs `weir` inside an agent: weir-call.ts. */
  readonly callModule: string;
  close(): Promise<void>;
}

const programs = {
  agent: "runtime/lab/agent.ts",
  weir: "bin/weir.ts",
  "weir-call": "test/support/weir-call.ts",
} as const;

/** What a pool's programs are made from, for a bundle with more in it. */
export const poolInputs: Readonly<Record<string, string>> = programs;

export async function openPool(bundle: Bundle): Promise<TestPool> {
  const script = bundle.path("agent");
  const pool = await LabPool.open(script);
  return {
    pool,
    script,
    command: bundle.path("weir"),
    callModule: bundle.path("weir-call"),
    close: () => pool.close(),
  };
}

/** A pool whose agents run the present sources: Node 20 reads no TypeScript, and dist/ may be older than the tests. */
export async function openTestPool(): Promise<TestPool> {
  const bundle = await bundleSources("lab", programs);
  const test = await openPool(bundle);
  return {
    ...test,
    close: async () => {
      await test.close();
      bundle.remove();
    },
  };
}
