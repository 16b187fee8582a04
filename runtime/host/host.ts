/** A program to run: never a shell. The program is looked up in fixed folders, not in the caller's PATH. */
export interface HostCommand {
  /** Program and arguments. */
  readonly argv: readonly string[];
  /** Standard input, in pieces; none without it. */
  readonly input?: readonly string[];
  /** What comes out is thrown away: for tools that list a table as a side effect. */
  readonly discardOutput?: boolean;
  /** Ends the program after so many milliseconds; 120,000 when left out. */
  readonly timeoutMs?: number;
}

export interface CommandResult {
  /** null when a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  /** Its first 64 KB. */
  readonly stderr: string;
}

/**
 * The machine that rules are put on: the only door to it. Tests wrap it to see or to break what goes through.
 * Messages of programs are in English (LC_ALL=C) whatever the caller's language.
 */
export interface Host {
  /** Resolves whatever the exit status. Throws HostError `tool-missing` when there is no such program. */
  run(command: HostCommand): Promise<CommandResult>;
  /** Where the program is; null when it is not installed. */
  find(tool: string): Promise<string | null>;
  /** A file of /proc or /sys; null when it does not exist. Throws HostError. */
  read(path: string): Promise<string | null>;
  /** Writes a file of /proc/sys. Throws HostError. */
  write(path: string, text: string): Promise<void>;
  /**
   * A host that is not where this process is, in another network namespace, names the program that speaks netlink there,
   * with arguments: one that calls `runIpvsChild` of runtime/netlink. Left out: netlink is that of this process.
   */
  readonly netlinkHelper?: readonly string[];
}
