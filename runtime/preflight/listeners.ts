import { endianness } from "node:os";
import { addressFromBits, type Family } from "../../compiler/net/address.ts";
import type { Host } from "../host/host.ts";
import type { Listener } from "./facts.ts";

/** State of a socket in /proc/net: include/net/tcp_states.h. A UDP socket without a peer is TCP_CLOSE. */
const listening = { tcp: "0A", udp: "07" } as const;

const tables = [
  ["ipv4", "tcp", "/proc/net/tcp"],
  ["ipv4", "udp", "/proc/net/udp"],
  ["ipv6", "tcp", "/proc/net/tcp6"],
  ["ipv6", "udp", "/proc/net/udp6"],
] as const;

/** Sockets of this network namespace that wait for connections or datagrams, each address and port once. */
export async function probeListeners(host: Host): Promise<readonly Listener[]> {
  const lists = await Promise.all(
    tables.map(async ([family, protocol, path]) => {
      const text = (await host.read(path).catch(() => null)) ?? "";
      return listenersIn(text, family, protocol);
    }),
  );
  return lists.flat();
}

/** One table of /proc/net. Addresses are words of 32 bits in the machine's byte order, ports are plain hexadecimal. */
export function listenersIn(text: string, family: Family, protocol: "tcp" | "udp"): readonly Listener[] {
  const found = new Map<string, Listener>();
  for (const line of text.split("\n")) {
    const [, local, remote, state] = /^\s*\d+: (\S+) (\S+) (\S+) /.exec(line) ?? [];
    if (local === undefined || remote === undefined || state !== listening[protocol]) continue;
    if (protocol === "udp" && !/:0000$/.test(remote)) continue;
    const [words = "", portText = ""] = local.split(":");
    const address = addressOf(words, family);
    const port = Number.parseInt(portText, 16);
    found.set(`${address} ${port}`, { family, protocol, address, port });
  }
  return [...found.values()];
}

function addressOf(words: string, family: Family): string {
  const parts = words.match(/.{8}/g) ?? [];
  const bytes = parts.flatMap((word) => {
    const pairs = word.match(/../g) ?? [];
    return endianness() === "LE" ? pairs.reverse() : pairs;
  });
  return addressFromBits(family, BigInt(`0x${bytes.join("")}`)).text;
}

/**
 * Which process listens there, `nginx (pid 812)`; null when it cannot be told: another user's, or no `ss`.
 * Asked only about ports that matter, because it walks all processes.
 */
export async function holderOf(host: Host, listener: Pick<Listener, "protocol" | "port">): Promise<string | null> {
  if ((await host.find("ss")) === null) return null;
  const kind = listener.protocol === "tcp" ? "-t" : "-u";
  const shown = await host
    .run({ argv: ["ss", "-H", "-l", "-n", "-p", kind, "sport", "=", `:${listener.port}`], timeoutMs: 10_000 })
    .catch(() => null);
  const [, name, pid] = /users:\(\("([^"]*)",pid=(\d+)/.exec(shown?.stdout ?? "") ?? [];
  return name === undefined ? null : `${name} (pid ${pid})`;
}
