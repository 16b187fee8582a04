import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Host } from "../host/host.ts";
import { openEngine } from "./engine.ts";
import { type Helper, startHelper } from "./helper.ts";
import { joinFrames, type NetlinkProtocol, readMessages } from "./message.ts";
import type { Netlink, Refusal } from "./netlink.ts";

/**
 * Netlink of the network namespace of a host. `isApart`: for many requests, held by a process of its own where there is
 * a command to start, because an overrun of the receive buffer ends the process that holds the socket.
 * Throws HostError `unsupported`.
 */
export async function connectNetlink(
  host: Pick<Host, "netlinkHelper">,
  protocol: NetlinkProtocol,
  isApart = false,
): Promise<Netlink> {
  const helper = host.netlinkHelper ?? (isApart ? ownHelper() : null);
  if (helper === null) return openEngine(protocol);
  return openRemote(host.netlinkHelper ?? here, helper, protocol);
}

/** The hidden command of weir that calls `runIpvsChild`. */
export const helperCommand = "internal-ipvs";

/** This command, wherever it was installed; null when this is no part of it, as in tests of the sources. */
function ownHelper(): readonly string[] | null {
  // in the bundle beside or below the command, otherwise in dist/runtime/netlink
  for (const path of ["./weir.js", "../weir.js", "../../bin/weir.js"]) {
    const script = new URL(path, import.meta.url);
    if (import.meta.url.endsWith(".js") && existsSync(script)) {
      return [process.execPath, fileURLToPath(script), helperCommand];
    }
  }
  return null;
}

/**
 * Netlink through a process that speaks `child-protocol.ts`, of which `close` makes one that waits for the next user:
 * starting one takes longer than most of what it is asked. All that waits throws HelperEndedError when it ends.
 */
async function openRemote(place: object, argv: readonly string[], protocol: NetlinkProtocol): Promise<Netlink> {
  const helper = takeIdle(place) ?? (await startHelper(argv));
  let isOpen = true;
  return {
    batch: async (frames, operation): Promise<readonly Refusal[]> =>
      (await helper.ask({ protocol, ask: "batch", frames: joinFrames(frames), operation })).refusals,
    request: async (frame, operation) => {
      const { messages } = await helper.ask({ protocol, ask: "request", frames: frame, operation });
      return readMessages(bufferOf(messages));
    },
    dumps: async (frames, operation, pick) => {
      const { messages, counts } = await helper.ask({ protocol, ask: "dumps", frames: joinFrames(frames), operation });
      const all = readMessages(bufferOf(messages));
      let at = 0;
      return counts.map((count) => {
        const own = all.slice(at, at + count);
        at += count;
        return own.map(pick).filter((value) => value !== null);
      });
    },
    close: () => {
      if (isOpen) leaveIdle(place, helper);
      isOpen = false;
    },
  };
}

/** The network namespace of this process; another one is told by what a host names as its helper. */
const here = {};

/** Helpers that nobody uses, by the place where they are. They end with this process. */
const idle = new WeakMap<object, Helper[]>();

function takeIdle(place: object): Helper | null {
  const waiting = idle.get(place) ?? [];
  for (let helper = waiting.pop(); helper !== undefined; helper = waiting.pop()) {
    if (!helper.isEnded()) {
      helper.hold();
      return helper;
    }
  }
  return null;
}

function leaveIdle(place: object, helper: Helper): void {
  helper.letGo();
  idle.set(place, [...(idle.get(place) ?? []), helper]);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
