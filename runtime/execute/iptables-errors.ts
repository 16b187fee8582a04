import { HostError, type HostTrouble } from "../host/error.ts";

interface Explanation {
  readonly pattern: RegExp;
  readonly trouble: HostTrouble;
  readonly errno?: string;
  /** From the parts that the pattern has found. */
  help(found: readonly (string | undefined)[]): string;
}

/**
 * What the restore tools say (1.8.x, both flavours, LC_ALL=C) and what it means. The first that matches counts: a
 * missing extension is only a warning, followed by a refusal that says nothing.
 */
const explanations: readonly Explanation[] = [
  {
    pattern: /holding the xtables lock|^Can't lock/m,
    trouble: "busy",
    errno: "EAGAIN",
    help: () => "another program holds the lock of iptables: wait for it, or see who with: fuser -v /run/xtables.lock",
  },
  {
    pattern: /Extension (\S+) revision \d+ not supported, missing kernel module/,
    trouble: "unsupported",
    help: ([name = ""]) => `the kernel has no match or target ${name}: modprobe ${moduleOf(name)}`,
  },
  {
    pattern: /(?:unable to|can't) initialize (?:ip6?tables )?table [`'](\w+)'/,
    trouble: "unsupported",
    help: ([table]) => `the kernel has no table ${table} for iptables: modprobe iptable_${table}, or ip6table_${table}`,
  },
  {
    pattern: /Couldn't load (match|target) [`'](\w[\w-]*)'/,
    trouble: "unsupported",
    help: ([kind, name]) => `this version of iptables has no ${kind} ${name}, and there is no chain of that name`,
  },
  {
    pattern: /Set (\S+) doesn't exist/,
    trouble: "refused",
    errno: "ENOENT",
    help: ([name]) => `the set ${name} was removed in the meantime: apply again`,
  },
  {
    pattern: /Permission denied|must be root|Operation not permitted/i,
    trouble: "permission",
    errno: "EPERM",
    help: () => "this needs root, or CAP_NET_ADMIN",
  },
  {
    pattern: /CHAIN_DEL failed|Device or resource busy|Resource busy/,
    trouble: "refused",
    errno: "EBUSY",
    help: () => "a rule of another program refers to a chain of weir's: apply again, which leaves that chain empty",
  },
  {
    pattern: /does not exist|No chain\/target\/match by that name|No such file or directory/,
    trouble: "refused",
    errno: "ENOENT",
    help: () => "rules have changed in the meantime, or a kernel module is missing: apply again, and see weir doctor",
  },
];

/** NAT's targets share modules; the names of most others are those of their modules. */
function moduleOf(extension: string): string {
  switch (extension) {
    case "DNAT":
    case "SNAT":
      return "xt_nat";
    case "REJECT":
      return "ipt_REJECT, or ip6t_REJECT for IPv6";
    case "SET":
      return "xt_set";
    default:
      return `xt_${extension}`;
  }
}

/** The failure of a restore, as one sentence with the line that it is about, when the tool tells. */
export function restoreTrouble(
  tool: string,
  status: number | null,
  stderr: string,
  input: readonly string[],
): HostError {
  const said = saidBy(tool, stderr);
  const line = lineOf(stderr, input);
  const reason = `${said === "" ? `exit status ${status}` : said}${line === null ? "" : ` (in: ${line})`}`;
  for (const { pattern, trouble, errno, help } of explanations) {
    const found = pattern.exec(stderr);
    if (found === null) continue;
    return new HostError(trouble, `${tool} cannot load the rules: ${reason}`, {
      errno: errno ?? null,
      help: help(found.slice(1)),
    });
  }
  const timeout = status === null ? "it was ended after 15 minutes, or by another program" : null;
  return new HostError("refused", `${tool} cannot load the rules: ${reason}`, { help: timeout });
}

/** What it said, in one line, without its name, its version and its advice. */
function saidBy(tool: string, stderr: string): string {
  const advice = /^Try `|^Error occurred at line|^Warning: |^# Warning: /;
  return stderr
    .split("\n")
    .map((line) => line.replace(/^ip6?tables[\w-]*( v\S+ \(\w+\))?: ?/, "").trim())
    .filter((line) => line !== "" && line !== tool && !advice.test(line))
    .join("; ")
    .slice(0, 500);
}

/**
 * The line of the input that the tool names. Only `COMMIT` stands for more than itself: the legacy flavour tells no more
 * of what the kernel refused. After a missing chain the nft flavour counts one too many, so no line is better.
 */
function lineOf(stderr: string, input: readonly string[]): string | null {
  if (/Chain '.*' does not exist/.test(stderr)) return null;
  const number = Number(/(?:at line: |^line |: line )(\d+)/m.exec(stderr)?.[1]);
  if (!Number.isInteger(number) || number < 1) return null;
  const line = lineAt(input, number);
  return line === null || line === "COMMIT" ? null : line;
}

function lineAt(input: readonly string[], number: number): string | null {
  let left = number - 1;
  // pieces end with whole lines
  for (const piece of input) {
    let at = 0;
    for (; left > 0; left--) {
      const end = piece.indexOf("\n", at);
      if (end === -1) break;
      at = end + 1;
    }
    if (left === 0 && at < piece.length) return piece.slice(at, piece.indexOf("\n", at)).slice(0, 200);
  }
  return null;
}
