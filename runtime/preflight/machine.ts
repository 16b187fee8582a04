import { readdir, readlink } from "node:fs/promises";

/** What the probes look at beyond tools and files: folders of /proc and /lib/modules. Tests give their own. */
export interface Machine {
  /** Names in a folder; empty when it is missing or closed to this user. */
  list(path: string): Promise<readonly string[]>;
  /** Where a link of /proc leads, `net:[4026531840]`; null when it is missing or closed to this user. */
  link(path: string): Promise<string | null>;
}

/** The machine that this process runs on. */
export const thisMachine: Machine = {
  list: (path) => readdir(path).catch(() => []),
  link: (path) => readlink(path).catch(() => null),
};
