import type { BackendName } from "../../compiler/backends/backend.ts";
import { TroubleError } from "../../compiler/cli/exit.ts";
import { linuxHost } from "../host/linux-host.ts";
import { usableBackends } from "../preflight/usable.ts";
import type { ChooseBackend } from "./desired.ts";
import { nodeProbe } from "./node-probe.ts";
import { orNodeTrouble, withHelp } from "./trouble.ts";

/** Backends that the kernel itself carries out, best first: with them `auto` and a fallback need nobody's proxy. */
const preferred = ["nftables", "iptables"] as const satisfies readonly BackendName[];

/**
 * The choice of `--backend`: `auto` is nftables where this node can do it, otherwise iptables; ipvs where the kernel lacks
 * it becomes iptables with a warning, or trouble with --no-fallback. A backend that was named otherwise is taken as it is:
 * preflight says what it lacks.
 */
export function chooserOf(
  wanted: BackendName | "auto",
  mayFallBack: boolean,
  warn: (text: string) => void,
): ChooseBackend {
  return async (available) => {
    if (wanted !== "auto" && wanted !== "ipvs") return wanted;
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
