import { type ChildAnswer, type ChildRequest, encodeError } from "./child-protocol.ts";
import { openEngine } from "./engine.ts";
import { joinMessages, type NetlinkProtocol, splitFrames } from "./message.ts";
import type { Netlink } from "./netlink.ts";

/**
 * The life of a process that holds netlink sockets for another one: answers what comes over the channel of
 * `child_process`, and ends with it. The netlink package ends a process that the kernel has more to say to than fits its
 * buffer; this one can be started again.
 */
export function runIpvsChild(): Promise<void> {
  const engines = new Map<NetlinkProtocol, Promise<Netlink>>();
  const engineOf = (protocol: NetlinkProtocol): Promise<Netlink> => {
    const engine = engines.get(protocol) ?? openEngine(protocol);
    engines.set(protocol, engine);
    return engine;
  };
  // who started it decides when it ends, also when a key on the terminal stops both
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  return new Promise((resolve) => {
    if (process.send === undefined) {
      process.stderr.write("this command is one that weir starts itself\n");
      process.exitCode = 2;
      resolve();
      return;
    }
    process.on("message", (request: ChildRequest) => {
      void answerTo(request, engineOf).then((answer) => {
        if (process.connected) process.send?.(answer);
      });
    });
    process.once("disconnect", () => {
      void Promise.allSettled(engines.values()).then((opened) => {
        for (const engine of opened) if (engine.status === "fulfilled") engine.value.close();
        resolve();
      });
    });
  });
}

const nothing = { outcome: "done", refusals: [], messages: Buffer.alloc(0), counts: [] } as const;

async function answerTo(
  request: ChildRequest,
  engineOf: (protocol: NetlinkProtocol) => Promise<Netlink>,
): Promise<ChildAnswer> {
  const { id, operation } = request;
  try {
    const engine = await engineOf(request.protocol);
    const frames = splitFrames(bufferOf(request.frames));
    switch (request.ask) {
      case "batch":
        return { ...nothing, id, refusals: await engine.batch(frames, operation) };
      case "request": {
        const answers = await engine.request(frames[0] ?? Buffer.alloc(0), operation);
        return { ...nothing, id, messages: joinMessages(answers) };
      }
      case "dumps": {
        const dumps = await engine.dumps(frames, operation, (message) => message);
        return { ...nothing, id, messages: joinMessages(dumps.flat()), counts: dumps.map(({ length }) => length) };
      }
    }
  } catch (error) {
    return { id, outcome: "failed", error: encodeError(error) };
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
