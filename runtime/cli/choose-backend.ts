import type { BackendName } from "../../compiler/backends/backend.ts";
import { TroubleError } from "../../compiler/cli/exit.ts";
import { incarnation } from "../host/identity.ts";
import { linuxHost } from "../host/linux-host.ts";
import { usableBackends } from "../preflight/usable.ts";
import { StateError } from "../state/error.ts";
import { currentRecord, type StateReader } from "../state/state.ts";
import type { ChooseBackend } from "./desired.ts";
import { nodeProbe } from "./node-probe.ts";
import { orNodeTrouble, withHelp } from "./trouble.ts";

/** Backends that the kernel itself carries out, best first: with them `auto` and a fallback need nobody's proxy. */
const preferred = ["nftables", "iptables"] as const satisfies readonly BackendName[];

/**
 * The choice of `--backend`: `auto` is nftables where this node can do it, otherwise iptables; ipvs where the kernel lacks
 * it becomes iptables with a warning, or trouble with --no-fallback. A backend that was named otherwise is taken as it is:
 * preflight says what it lacks. `carried`: what this kernel carries already, see `carriedBackend`; when it is the first
 * choice, the node is not asked what else it could do.
 */
export function chooserOf(
  wanted: BackendName | "auto",
  mayFallBack: boolean,
  carried: BackendName | null,
  warn: (text: string) => void,
): ChooseBackend {
  return async (available) => {
    if (wanted !== "auto" && wanted !== "ipvs") return wanted;
    const first = wanted === "auto" ? preferred[0] : wanted;
    if (first === carried && available.includes(first)) return first;
    return orNodeTrouble(async () => {
      const usable = await usableBackends(linuxHost(), (await nodeProbe()).facts);
      if (wanted === "auto") return firstUsable(preferred, available, usable);
      const { usable: isUsable, reason } = usable.ipvs;
      if (isUsable) return wanted;
      if (!mayFallBack) throw new TroubleError(`this node cannot do ipvs: ${reason}`);
      if (!available.includes("iptables")) {
        throw new TroubleError(`this node cannot do ipvs (${reason}), and the artifact was not compiled for iptables`);
      }
      const other = firstUsable(["iptables"], available, usable);
      warn(`this node cannot do ipvs (${reason}): ${other} is used instead; --no-fallback makes this an error`);
      return other;
    });
  };
}

/**
 * The backend that was applied and read back in this boot and network namespace, so that the node is known to be able to do
 * it: asking takes some twenty processes. null when there is none, or the state folder cannot be read, which who changes
 * it will say.
 */
export function carriedBackend(state: StateReader): BackendName | null {
  try {
    const record = currentRecord(state);
    const isCarried = record?.state === "confirmed" && record.incarnation === incarnation();
    return isCarried ? record.backend : null;
  } catch (error) {
    if (error instanceof StateError) return null;
    throw error;
  }
}

type Usable = Awaited<ReturnType<typeof usableBackends>>;

function firstUsable(names: readonly BackendName[], available: readonly BackendName[], usable: Usable): BackendName {
  const reasons: string[] = [];
  for (const name of names) {
    if (!available.includes(name)) reasons.push(`${name}: the artifact was not compiled for it`);
    else if (usable[name].usable) return name;
    else reasons.push(`${name}: ${usable[name].reason}`);
  }
  const others = available.filter((name) => !names.includes(name));
  const help = others.length === 0 ? null : `it was compiled for ${others.join(", ")}: name one with --backend`;
  throw new TroubleError(withHelp(`no backend can be chosen for this node: ${reasons.join("; ")}`, help));
}
