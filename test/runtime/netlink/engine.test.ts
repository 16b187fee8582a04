import { describe, expect, it } from "vitest";
import { engineOver } from "../../../runtime/netlink/engine.ts";
import {
  encodeMessage,
  joinFrames,
  messageFlags,
  messageTypes,
  type NetlinkMessage,
  payloadOf,
  readMessages,
} from "../../../runtime/netlink/message.ts";
import { batchesOf, dump, mostBytesInFlight } from "../../../runtime/netlink/netlink.ts";

/** Conversations over a socket that plays the kernel, for what a kernel does too seldom to wait for. */

/** A message of the kernel's: an error number for errors and ends, otherwise one word of data. */
function answer(sequence: number, type: number, value: number, flags = 0): Buffer {
  const frame = encodeMessage(type, flags, (writer) => writer.header32(value));
  frame.writeUInt32LE(sequence, 8);
  return frame;
}

const error = (sequence: number, errno: number): Buffer => answer(sequence, messageTypes.error, -errno >>> 0);
const done = (sequence: number, errno = 0): Buffer => answer(sequence, messageTypes.done, -errno >>> 0);
const data = (sequence: number, value: number, flags = 0): Buffer => answer(sequence, 100, value, flags);

type Kernel = (messages: readonly NetlinkMessage[], call: number) => readonly Buffer[];

async function engine(kernel: Kernel, silenceMs = 10_000) {
  let sockets = 0;
  let calls = 0;
  const netlink = await engineOver(
    async () => {
      sockets++;
      let receive: (datagram: Buffer) => void = () => {};
      return {
        send: (datagram) => {
          const answers = kernel(readMessages(Buffer.from(datagram)), ++calls);
          for (const each of answers) queueMicrotask(() => receive(each));
        },
        onDatagram: (listener) => {
          receive = listener;
        },
        onError: () => {},
        close: () => {},
      };
    },
    { silenceMs, sockets: 4 },
  );
  return { netlink, sockets: () => sockets, calls: () => calls };
}

const frame = () => encodeMessage(50, 0, (writer) => writer.header32(0));
const frames = (count: number) => Array.from({ length: count }, frame);
const wordOf = (message: NetlinkMessage) => payloadOf(message).readUInt32LE(0);
const sequenceOf = (messages: readonly NetlinkMessage[]) => messages[0]?.sequence ?? 0;

describe("a batch", () => {
  it("asks for an answer to the last only, and tells which were refused", async () => {
    const { netlink } = await engine((messages) => {
      const asked = messages.map(({ flags }) => (flags & messageFlags.ack) !== 0);
      expect(asked).toEqual([false, false, false, true]);
      const first = sequenceOf(messages);
      return [error(first + 1, 17), joinFrames([error(first + 2, 3), error(first + 3, 0)])];
    });
    for (const _ of [1, 2]) {
      expect(await netlink.batch(frames(4), "try")).toEqual([
        { index: 1, errno: "EEXIST" },
        { index: 2, errno: "ESRCH" },
      ]);
    }
  });

  it("can be refused in its last message too", async () => {
    const { netlink } = await engine((messages) => [error(sequenceOf(messages) + 1, 2)]);
    expect(await netlink.batch(frames(2), "try")).toEqual([{ index: 1, errno: "ENOENT" }]);
    expect(await netlink.batch([], "try")).toEqual([]);
  });

  it("takes no answer to an earlier conversation for its own", async () => {
    const { netlink } = await engine((messages) => {
      const first = sequenceOf(messages);
      return [error(first - 1, 1), error(first + 9, 1), error(first, 0)];
    });
    expect(await netlink.batch(frames(1), "try")).toEqual([]);
    expect(await netlink.batch(frames(1), "try")).toEqual([]);
  });

  it("gives up on a silent kernel, and the next one is heard", async () => {
    const { netlink } = await engine((messages, call) => (call === 1 ? [] : [error(sequenceOf(messages), 0)]), 20);
    await expect(netlink.batch(frames(1), "add something")).rejects.toMatchObject({
      errno: "ETIMEDOUT",
      operation: "add something",
    });
    expect(await netlink.batch(frames(1), "try")).toEqual([]);
  });
});

describe("a dump", () => {
  it("is all of its messages, in whatever pieces they come", async () => {
    const { netlink } = await engine((messages) => {
      const at = sequenceOf(messages);
      return [joinFrames([data(at, 1), data(at, 2)]), joinFrames([data(at, 3), done(at)])];
    });
    expect(await dump(netlink, frame(), "list", wordOf)).toEqual([1, 2, 3]);
    expect(await dump(netlink, frame(), "list", (message) => (wordOf(message) === 2 ? 2 : null))).toEqual([2]);
  });

  it("starts again when the kernel says that it was disturbed, and forgets what it had", async () => {
    const { netlink, calls } = await engine((messages, call) => {
      const at = sequenceOf(messages);
      return [data(at, call, call < 3 ? messageFlags.dumpInterrupted : 0), done(at)];
    });
    expect(await dump(netlink, frame(), "list", wordOf)).toEqual([3]);
    expect(calls()).toBe(3);
  });

  it("starts again when another one is under way", async () => {
    const { netlink } = await engine((messages, call) => {
      const at = sequenceOf(messages);
      return call === 1 ? [error(at, 16)] : [data(at, 7), done(at)];
    });
    expect(await dump(netlink, frame(), "list", wordOf)).toEqual([7]);
  });

  it("does not start again for ever", async () => {
    const { netlink } = await engine((messages) => [
      done(sequenceOf(messages)).fill(messageFlags.dumpInterrupted, 6, 7),
    ]);
    await expect(dump(netlink, frame(), "list rules", wordOf)).rejects.toMatchObject({ errno: "EINTR" });
  });

  it("fails as its end says", async () => {
    const { netlink } = await engine((messages) => [data(sequenceOf(messages), 1), done(sequenceOf(messages), 12)]);
    await expect(dump(netlink, frame(), "list", wordOf)).rejects.toMatchObject({ errno: "ENOMEM", operation: "list" });
  });

  it("runs beside others on sockets of its own, four at most, each with its own result", async () => {
    const { netlink, sockets } = await engine((messages) => {
      const at = sequenceOf(messages);
      return [data(at, messages[0] === undefined ? 0 : wordOf(messages[0])), done(at)];
    });
    const asked = Array.from({ length: 20 }, (_, value) => encodeMessage(50, 0, (writer) => writer.header32(value)));
    const lists = await netlink.dumps(asked, "list", wordOf);
    expect(lists).toEqual(asked.map((_, value) => [value]));
    expect(sockets()).toBe(4);
  });
});

describe("a request", () => {
  it("gives what came before the end", async () => {
    const { netlink } = await engine((messages) => [data(sequenceOf(messages), 5), error(sequenceOf(messages), 0)]);
    expect((await netlink.request(frame(), "ask")).map(wordOf)).toEqual([5]);
  });

  it("fails with the name of the error", async () => {
    const { netlink } = await engine((messages) => [error(sequenceOf(messages), 1)]);
    await expect(netlink.request(frame(), "ask")).rejects.toMatchObject({
      errno: "EPERM",
      message: "cannot ask: EPERM",
    });
  });
});

describe("what is sent in one piece", () => {
  const split = (items: readonly string[], window: number, size = 1) =>
    batchesOf(
      items,
      window,
      () => size,
      (item) => item,
    ).map((batch) => batch.join(""));

  it.each([
    ["nothing", [], 3, 1, []],
    ["at most the window", [..."abcdefg"], 3, 1, ["abc", "def", "g"]],
    ["no object twice", [..."abcacb"], 9, 1, ["abc", "acb"]],
    ["at most so many bytes", [..."abcde"], 9, mostBytesInFlight / 2, ["ab", "cd", "e"]],
    ["one that is too large alone", [..."ab"], 9, mostBytesInFlight + 1, ["a", "b"]],
  ])("%s", (_, items, window, size, batches) => {
    expect(split(items, window, size)).toEqual(batches);
  });
});
