import type { IptablesFlavour } from "../../compiler/backends/step.ts";
import { assert } from "../../compiler/result.ts";
import type { Applied } from "../desired/desired.ts";
import { type BackendProgram, programOf } from "../desired/programs.ts";
import { type BoundPlane, bindPlane } from "./planes.ts";

export interface PlaneOptions {
  /** The flavour of iptables to use; null: the one that suits the node. */
  readonly flavour: IptablesFlavour | null;
}

/** All planes of a node, in the order in which reports list them. */
export async function loadPlanes({ flavour }: PlaneOptions): Promise<readonly BoundPlane[]> {
  const [nftables, iptables, ipvs] = await Promise.all([
    import("../planes/nftables.ts"),
    import("../planes/iptables.ts"),
    import("../planes/ipvs.ts"),
  ]);
  return [
    bindPlane(nftables.nftablesPlane, async (applied) => (await programFor("nftables", applied)).program),
    bindPlane(iptables.rulesPlane("main", flavour), async (applied) =>
      applied.backend === "userspace"
        ? (await programFor("userspace", applied)).program.rules
        : (await programFor("iptables", applied)).program,
    ),
    bindPlane(ipvs.ipvsPlaneWith(flavour), async (applied) => (await programFor("ipvs", applied)).program),
  ];
}

async function programFor<B extends BackendProgram["backend"]>(
  backend: B,
  applied: Applied,
): Promise<Extract<BackendProgram, { readonly backend: B }>> {
  const parsed = await programOf(applied);
  assert(isOf(parsed, backend), `an artifact for ${applied.backend} in the plane of ${backend}`);
  return parsed;
}

function isOf<B extends BackendProgram["backend"]>(
  parsed: BackendProgram,
  backend: B,
): parsed is Extract<BackendProgram, { readonly backend: B }> {
  return parsed.backend === backend;
}
