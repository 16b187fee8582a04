import { errnoName, NetlinkError } from "./errno.ts";
import {
  errorNumberOf,
  type Frame,
  joinFrames,
  messageFlags,
  messageTypes,
  type NetlinkMessage,
  type NetlinkProtocol,
  readMessages,
  stamp,
} from "./message.ts";
import type { Netlink, Refusal } from "./netlink.ts";
import { type NetlinkSocket, openSocket } from "./socket.ts";

export interface EngineOptions {
  /** How long the kernel may be silent in the middle of a conversation. */
  readonly silenceMs: number;
  /** Dumps side by side, each on a socket of its own: the kernel refuses a second one on the same. */
  readonly sockets: number;
}

const usual: EngineOptions = { silenceMs: 30_000, sockets: 4 };

/** How often a dump that was disturbed, or found another one under way, is started again. */
const mostRestarts = 20;

/** Netlink in this process, and in its network namespace. Throws HostError `unsupported`. */
export function openEngine(protocol: NetlinkProtocol): Promise<Netlink> {
  return engineOver(() => openSocket(protocol), usual);
}

/** Opens the first socket at once, and others when dumps run side by side. */
export async function engineOver(open: () => Promise<NetlinkSocket>, options: EngineOptions): Promise<Netlink> {
  const { silenceMs } = options;
  const lines: Line[] = [openLine(await open(), silenceMs)];
  const lineAt = async (index: number): Promise<Line> => {
    const line = lines[index] ?? openLine(await open(), silenceMs);
    lines[index] = line;
    return line;
  };
  return {
    batch: async (frames, operation) => sendBatch(await lineAt(0), frames, operation),
    request: async (frame, operation) => sendRequest(await lineAt(0), frame, operation),
    dumps: async <T>(frames: readonly Frame[], operation: string, pick: (message: NetlinkMessage) => T | null) => {
      const results: (readonly T[])[] = frames.map(() => []);
      let next = 0;
      const work = async (index: number): Promise<void> => {
        for (let at = next++; at < frames.length; at = next++) {
          const frame = frames[at];
          if (frame !== undefined) results[at] = await sendDump(await lineAt(index), frame, operation, pick);
        }
      };
      await Promise.all(Array.from({ length: Math.min(options.sockets, frames.length) }, (_, index) => work(index)));
      return results;
    },
    close: () => {
      for (const line of lines) line.close();
    },
  };
}

/** What becomes of the messages of one conversation. */
interface Listener {
  /** Whether the conversation is over. Throws NetlinkError. */
  receive(message: NetlinkMessage): boolean;
}

/** One socket. Conversations wait for each other, so that no answer of one can fill the buffer of another. */
interface Line {
  converse(frames: readonly Frame[], operation: string, listener: Listener): Promise<void>;
  close(): void;
}

interface Conversation {
  readonly first: number;
  readonly last: number;
  readonly listener: Listener;
  end(error: unknown): void;
  readonly silence: NodeJS.Timeout;
}

function openLine(socket: NetlinkSocket, silenceMs: number): Line {
  let current: Conversation | null = null;
  let lastSequence = 0;
  let before: Promise<unknown> = Promise.resolve();

  socket.onError((errno) => current?.end(errno));
  socket.onDatagram((datagram) => {
    for (const message of readMessages(datagram)) {
      if (current === null || message.sequence < current.first || message.sequence > current.last) continue;
      current.silence.refresh();
      try {
        if (current.listener.receive(message)) current.end(null);
      } catch (error) {
        current.end(error);
      }
    }
  });

  const talk = (frames: readonly Frame[], operation: string, listener: Listener): Promise<void> =>
    new Promise((resolve, reject) => {
      if (lastSequence + frames.length > 0xffff_ffff) lastSequence = 0;
      const first = lastSequence + 1;
      lastSequence += frames.length;
      const end = (error: unknown): void => {
        if (current !== conversation) return;
        current = null;
        clearTimeout(conversation.silence);
        if (error === null) resolve();
        else reject(typeof error === "string" ? new NetlinkError(error, operation) : error);
      };
      const silence = setTimeout(() => end("ETIMEDOUT"), silenceMs);
      const conversation: Conversation = { first, last: lastSequence, listener, end, silence };
      current = conversation;
      frames.forEach((frame, index) => {
        stamp(frame, first + index, 0);
      });
      socket.send(joinFrames(frames), end);
    });

  return {
    converse: (frames, operation, listener) => {
      const turn = before.then(() => talk(frames, operation, listener));
      before = turn.catch(() => {});
      return turn;
    },
    close: () => {
      current?.end("ECANCELED");
      socket.close();
    },
  };
}

async function sendBatch(line: Line, frames: readonly Frame[], operation: string): Promise<readonly Refusal[]> {
  const last = frames.at(-1);
  if (last === undefined) return [];
  stamp(last, 0, messageFlags.ack);
  const refusals: Refusal[] = [];
  let first = 0;
  await line.converse(frames, operation, {
    receive: (message) => {
      if (message.type !== messageTypes.error) return false;
      // sequence numbers are known once the conversation has started
      if (first === 0) first = frames[0]?.readUInt32LE(8) ?? 0;
      const errno = errorNumberOf(message);
      const index = message.sequence - first;
      if (errno !== 0) refusals.push({ index, errno: errnoName(errno) });
      return index === frames.length - 1;
    },
  });
  return refusals;
}

async function sendRequest(line: Line, frame: Frame, operation: string): Promise<readonly NetlinkMessage[]> {
  stamp(frame, 0, messageFlags.ack);
  const answers: NetlinkMessage[] = [];
  await line.converse([frame], operation, {
    receive: (message) => {
      if (message.type !== messageTypes.error) {
        answers.push(message);
        return false;
      }
      const errno = errorNumberOf(message);
      if (errno !== 0) throw new NetlinkError(errnoName(errno), operation);
      return true;
    },
  });
  return answers;
}

async function sendDump<T>(
  line: Line,
  frame: Frame,
  operation: string,
  pick: (message: NetlinkMessage) => T | null,
): Promise<readonly T[]> {
  for (let restarts = 0; ; restarts++) {
    const result = await tryDump(line, frame, operation, pick);
    if (typeof result !== "string") return result;
    if (restarts === mostRestarts) throw new NetlinkError(result, operation);
    await new Promise((resolve) => setTimeout(resolve, restarts));
  }
}

/** What was picked, or the name of an error that may pass. */
async function tryDump<T>(
  line: Line,
  frame: Frame,
  operation: string,
  pick: (message: NetlinkMessage) => T | null,
): Promise<readonly T[] | "EINTR" | "EBUSY"> {
  const picked: T[] = [];
  let isDisturbed = false;
  let isBusy = false;
  await line.converse([frame], operation, {
    receive: (message) => {
      if ((message.flags & messageFlags.dumpInterrupted) !== 0) isDisturbed = true;
      if (message.type !== messageTypes.error && message.type !== messageTypes.done) {
        const value = pick(message);
        if (value !== null) picked.push(value);
        return false;
      }
      const errno = errorNumberOf(message) === 0 ? null : errnoName(errorNumberOf(message));
      if (errno === "EBUSY") isBusy = true;
      else if (errno === "EINTR") isDisturbed = true;
      else if (errno !== null) throw new NetlinkError(errno, operation);
      return true;
    },
  });
  if (isBusy) return "EBUSY";
  return isDisturbed ? "EINTR" : picked;
}
