import { resolve } from "node:path";
import type { IptablesFlavour } from "../../compiler/backends/step.ts";
import type { Context } from "../../compiler/cli/context.ts";
import { showProgress } from "../../compiler/cli/progress.ts";
import { loadPlanes } from "../apply/load-planes.ts";
import { openSite } from "../apply/open.ts";
import { recover } from "../apply/recover.ts";
import type { Site } from "../apply/site.ts";
import { usualStateFolder } from "../state/state.ts";
import { note } from "./say.ts";
import { orNodeTrouble } from "./trouble.ts";

export interface StateOptions {
  readonly state?: string;
}

export interface SiteOptions extends StateOptions {
  readonly command: string;
  readonly flavour: IptablesFlavour | null;
  /** How long to wait for another command. */
  readonly waitMs: number;
}

export function stateFolderOf(options: StateOptions): string {
  return resolve(options.state ?? usualStateFolder);
}

/**
 * Runs work on the locked node, after what killed processes left behind is brought to its end. While it runs, a signal
 * asks it to stop at its next step, and the end of the terminal is no reason to stop at all.
 */
export async function withSite<T>(
  context: Context,
  options: SiteOptions,
  work: (site: Site, notes: readonly string[]) => Promise<T>,
): Promise<T> {
  let stopReason: string | null = null;
  const stop = (signal: NodeJS.Signals): void => {
    stopReason = `it was stopped by ${signal}`;
  };
  const ignore = (): void => {};
  process.on("SIGINT", stop).on("SIGTERM", stop).on("SIGHUP", ignore);
  try {
    return await orNodeTrouble(async () => {
      const { site, close } = await openSite({
        stateFolder: stateFolderOf(options),
        command: options.command,
        planes: await loadPlanes({ flavour: options.flavour }),
        waitMs: options.waitMs,
        // a terminal that went away is no reason to go back
        progress: (text) => showProgress(context, text).catch(() => {}),
        stopReason: () => stopReason,
      });
      try {
        const { notes } = await recover(site);
        for (const text of notes) await note(context, text);
        return await work(site, notes);
      } finally {
        await showProgress(context, "").catch(() => {});
        close();
      }
    });
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop).off("SIGHUP", ignore);
  }
}
