import { resolve } from "node:path";

/** Commands that weir starts itself; no help and no completion knows them. Null: it is none of them. */
export async function runInternal(args: readonly string[]): Promise<number | null> {
  switch (args[0]) {
    case "internal-keeper":
      return runKeeper(args);
    case "internal-ipvs":
      await (await import("../netlink/ipvs-child.ts")).runIpvsChild();
      return 0;
    default:
      return null;
  }
}

async function runKeeper(args: readonly string[]): Promise<number> {
  const [{ keep }, { reportReady }, { loadPlanes }] = await Promise.all([
    import("../keeper/keeper.ts"),
    import("../keeper/start.ts"),
    import("../apply/load-planes.ts"),
  ]);
  try {
    await keep(resolve(args[2] ?? "."), await loadPlanes({ flavour: null }), reportReady);
    return 0;
  } catch (error) {
    process.stderr.write(`${new Date().toISOString()} ${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
}
