import { HostError } from "../host/error.ts";
import type { Host } from "../host/host.ts";
import { readSets } from "../netlink/ipset.ts";

/** The kernel lets go of sets some moments after the rules that spoke of them: iptables-nft frees rules behind an RCU grace period. */
const patience = { attempts: 60, pauseMs: 50 } as const;

/**
 * Feeds lines to `ipset -exist restore`: what is there already is changed, what is not there need not be removed.
 * Lines before one that fails are done. Lines that only destroy sets are tried again while a set is in use.
 * Throws HostError.
 */
export async function restoreSets(host: Host, input: readonly string[]): Promise<void> {
  const mayWait = input.every((piece) => piece.split("\n").every((line) => line === "" || line.startsWith("destroy ")));
  for (let attempt = 1; ; attempt++) {
    const { status, stderr } = await host.run({ argv: ["ipset", "-exist", "restore"], input, discardOutput: true });
    if (status === 0) return;
    const error = errorFrom(stderr, status, "change sets", input);
    if (error.trouble !== "busy" || !mayWait || attempt === patience.attempts) throw error;
    await new Promise((resolve) => setTimeout(resolve, patience.pauseMs));
  }
}

/**
 * The sets whose names match, as `ipset save` prints them; none where there is no ipset, in the kernel or on the node. The
 * tool is asked only for sets of others' making that are not known here. Throws HostError.
 */
export async function listSets(host: Host, isWanted: RegExp): Promise<string> {
  if ((await host.find("ipset")) === null) return "";
  const listed = await readSets(host, isWanted);
  if (listed !== null) return listed;
  const names = await listSetNames(host);
  return saveSets(
    host,
    names.filter((name) => isWanted.test(name)),
  );
}

/** Names of all sets; none where there is no ipset, in the kernel or on the node. Throws HostError. */
export async function listSetNames(host: Host): Promise<readonly string[]> {
  if ((await host.find("ipset")) === null) return [];
  const { status, stdout, stderr } = await host.run({ argv: ["ipset", "list", "-name"] });
  if (status === 0) return stdout.split("\n").filter((name) => name !== "");
  const error = errorFrom(stderr, status, "list sets", []);
  if (error.trouble === "unsupported") return [];
  throw error;
}

/** What `ipset save` lists of these sets, in one run. Throws HostError. */
export async function saveSets(host: Host, names: readonly string[]): Promise<string> {
  if (names.length === 0) return "";
  const input = [`${names.map((name) => `save ${name}\n`).join("")}quit\n`];
  const { status, stdout, stderr } = await host.run({ argv: ["ipset", "-"], input });
  if (status !== 0 || stderr !== "") throw errorFrom(stderr, status, "list sets", input);
  // the prompts of its interactive mode
  return stdout.replace(/^(ipset> )+/gm, "");
}

/** `ipset v7.17: Error in line 2: The sets cannot be swapped: …`: the line is quoted, the version left out. */
function errorFrom(stderr: string, status: number | null, doing: string, input: readonly string[]): HostError {
  const text = stderr.trim().split("\n")[0] ?? "";
  const number = Number(/Error in line ([0-9]+)/.exec(text)?.[1] ?? 0);
  const line = number === 0 ? undefined : lineOf(input, number);
  const reason = text.replace(/^ipset v[^:]*: /, "").replace(/^Error in line [0-9]+: /, "");
  const why = reason === "" ? `ipset ended with ${status ?? "a signal"}` : reason;
  const message = `cannot ${doing}: ${why}${line === undefined ? "" : ` (${line})`}`;
  if (/Operation not permitted|Permission denied/.test(reason)) {
    return new HostError("permission", message, {
      errno: "EPERM",
      help: "this needs root, or CAP_NET_ADMIN in this network namespace",
    });
  }
  if (/in use by a kernel component/.test(reason)) {
    return new HostError("busy", message, { errno: "EBUSY", help: "rules of someone else speak of this set" });
  }
  if (/Cannot open session to kernel|Kernel support protocol/.test(reason)) {
    return new HostError("unsupported", message, { help: "modprobe ip_set" });
  }
  const type = /^create \S+ (\S+)/.exec(line ?? "")?.[1];
  if (type !== undefined && /(not|un)( ?)supported|Invalid argument|unknown/i.test(reason)) {
    const module = `ip_set_${type.replace(":", "_").replaceAll(",", "")}`;
    return new HostError("unsupported", message, { help: `modprobe ${module}, with ipset 6.22 or later` });
  }
  return new HostError("refused", message);
}

function lineOf(input: readonly string[], number: number): string | undefined {
  let left = number;
  for (const piece of input) {
    const lines = piece.split("\n");
    // pieces end with a line
    if (left < lines.length) return lines[left - 1];
    left -= lines.length - 1;
  }
  return undefined;
}
