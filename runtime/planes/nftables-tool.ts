import { HostError, type HostTrouble } from "../host/error.ts";
import type { CommandResult, Host } from "../host/host.ts";

export interface NftCall {
  readonly args: readonly string[];
  /** Operation and object, for the error's sentence: `list the nftables table ip weir`. */
  readonly doing: string;
  readonly input?: readonly string[];
  /** The input makes whole tables, and refers to nothing that was there. */
  readonly isLoad?: boolean;
}

/**
 * Runs nft and returns what it prints.
 * Throws HostError; the kernel's answer is in `errno`, as nft gives it in words and no other way.
 */
export async function runNft(host: Host, call: NftCall): Promise<string> {
  const { args, input } = call;
  const result = await host.run({ argv: ["nft", ...args], ...(input === undefined ? {} : { input }) });
  if (result.status !== 0) throw nftError(call, result);
  return result.stdout;
}

/** The C library's words for the errors that nf_tables gives. */
const errnos: readonly (readonly [words: string, errno: string])[] = [
  ["Operation not permitted", "EPERM"],
  ["Permission denied", "EACCES"],
  ["No such file or directory", "ENOENT"],
  ["File exists", "EEXIST"],
  ["Device or resource busy", "EBUSY"],
  ["Invalid argument", "EINVAL"],
  ["Operation not supported", "EOPNOTSUPP"],
  ["Protocol not supported", "EPROTONOSUPPORT"],
  ["Address family not supported by protocol", "EAFNOSUPPORT"],
  ["Cannot allocate memory", "ENOMEM"],
  ["No buffer space available", "ENOBUFS"],
  ["Message too long", "EMSGSIZE"],
  ["Too many open files in system", "ENFILE"],
  ["Too many links", "EMLINK"],
  ["Too many levels of symbolic links", "ELOOP"],
  ["Directory not empty", "ENOTEMPTY"],
  ["Resource temporarily unavailable", "EAGAIN"],
  ["Interrupted system call", "EINTR"],
];

interface Advice {
  readonly trouble: HostTrouble;
  readonly help: string | null;
}

/** The kernel module behind a word of a rule or a chain's head; nf_tables loads it by itself where it is installed. */
const modules: readonly (readonly [word: RegExp, module: (family: string) => string])[] = [
  [/\btype nat hook\b/, () => "nft_chain_nat"],
  [/\bfib\b/, (family) => `nft_fib_${family}`],
  [/\breject\b/, (family) => `nft_reject_${family}`],
  [/\bdnat\b.* to\b/, () => "nft_nat"],
  [/\bmasquerade\b(?!-)/, () => "nft_masq"],
  [/\bct status\b/, () => "nft_ct"],
  [/\bnumgen\b/, () => "nft_numgen"],
  [/\bjhash\b/, () => "nft_hash"],
];

/** The modules that a line needs which is no element. */
function modulesOf(line: string): readonly string[] {
  const family = line.includes("ip6 ") ? "ipv6" : "ipv4";
  return modules.filter(([word]) => word.test(line)).map(([, module]) => module(family));
}

/**
 * What to do about an error of the kernel's. A rule is not found when its module is missing, or when the chain or set is
 * that it leads to, which can only be so in a table that was there before.
 */
function adviceOn(errno: string | null, line: string | null, isLoad: boolean): Advice {
  const needed = line === null ? [] : modulesOf(line);
  if (needed.length > 0 && (errno === "ENOENT" || errno === "EOPNOTSUPP")) {
    const help = `the kernel lacks a module for this: modprobe -a ${needed.join(" ")}`;
    return isLoad || errno === "EOPNOTSUPP"
      ? { trouble: "unsupported", help }
      : { trouble: "refused", help: `a part of the table is gone since it was read, or ${help}` };
  }
  switch (errno) {
    case "EPERM":
    case "EACCES":
      return { trouble: "permission", help: "this needs root, or CAP_NET_ADMIN in this network namespace" };
    case "EOPNOTSUPP":
    case "EPROTONOSUPPORT":
    case "EAFNOSUPPORT":
      return { trouble: "unsupported", help: "the kernel lacks it: modprobe nf_tables" };
    case "EBUSY":
    case "EEXIST":
    case "EAGAIN":
    case "EINTR":
      return { trouble: "busy", help: "something else changed the table meanwhile: do it again" };
    case "ENOENT":
      return { trouble: "refused", help: "a part of the table is gone since it was read: do it again" };
    case "EMSGSIZE":
    case "ENOBUFS":
      return { trouble: "refused", help: "allow larger messages to the kernel: sysctl -w net.core.wmem_max=67108864" };
    case "ENFILE":
      return { trouble: "refused", help: "a set is full: the ruleset is for another version of weir" };
    default:
      return { trouble: "refused", help: null };
  }
}

function nftError({ doing, input = [], isLoad = false }: NftCall, { status, stderr }: CommandResult): HostError {
  if (status === null) return new HostError("refused", `cannot ${doing}: nft was ended by a signal or took too long`);
  const found = /^(?:[^\s:]+:(\d+):\d+(?:-\d+)?: )?(?:netlink: )?Error: (.+)$/m.exec(stderr);
  const words = found?.[2] ?? (stderr.trim().split("\n")[0] || `nft ended with status ${status}`);
  const line = found?.[1] === undefined ? null : lineOf(input, Number(found[1]));
  const errno = errnos.find(([text]) => words.includes(text))?.[1] ?? null;
  const { trouble, help } = adviceOn(errno, line, isLoad);
  return new HostError(trouble, `cannot ${doing}: nft: ${words}${line === null ? "" : `, at: ${line}`}`, {
    errno,
    help,
  });
}

const longestLine = 200;

/** The line with that number, from 1; null when there is none. */
function lineOf(input: readonly string[], number: number): string | null {
  const line = input.join("").split("\n", number)[number - 1]?.trim();
  if (line === undefined || line === "") return null;
  return line.length > longestLine ? `${line.slice(0, longestLine)}…` : line;
}
