import { createServer, type OnReadOpts, type Server, Socket } from "node:net";
import { getSystemErrorName } from "node:util";
import type { IpAddress } from "../../compiler/net/address.ts";
import type { Port } from "../../compiler/net/port.ts";

/** How an accepted connection becomes a socket, once there is somebody to read it. It does not read yet. */
export type OpenClient = (reader: OnReadOpts) => Socket;

export interface TcpListener {
  /** Takes no new connections; those that were accepted go on. */
  close(): void;
}

export interface TcpListenerOptions {
  readonly address: IpAddress;
  readonly port: Port;
  readonly onClient: (open: OpenClient) => void;
  /** Accepting has failed, for want of descriptors for instance. The listener goes on. */
  readonly onError: (error: NodeJS.ErrnoException) => void;
  /** As with a Node.js that gives no handles; for tests. */
  readonly readsByEvents?: boolean;
}

const backlog = 4096;

/** Listens. Rejects with the error of the system call. */
export function listenTcp(options: TcpListenerOptions): Promise<TcpListener> {
  const { address, port, onClient, onError, readsByEvents = false } = options;
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    server.once("error", reject);
    server.listen({ host: address.text, port, backlog, ipv6Only: address.family === "ipv6", exclusive: true }, () => {
      server.off("error", reject);
      server.on("error", onError);
      const hasHandles = !readsByEvents && takeHandles(server, onClient, onError);
      if (!hasHandles) server.on("connection", (socket) => onClient(readByEvents(socket)));
      resolve({ close: () => void server.close() });
    });
  });
}

/**
 * Node.js offers reading into a given buffer for sockets that connect, not for those that a server accepted. The
 * constructor of both is the same, though, and what it needs is the handle that the server is told about. Where a version
 * of Node.js has no such handle, false: then connections are read by events, at a few percent more processor time.
 */
function takeHandles(
  server: Server,
  onClient: TcpListenerOptions["onClient"],
  onError: TcpListenerOptions["onError"],
): boolean {
  const handle: unknown = Reflect.get(server, "_handle");
  if (typeof handle !== "object" || handle === null || typeof Reflect.get(handle, "onconnection") !== "function") {
    return false;
  }
  const isInherited = setNoDelay(handle);
  const accepted = (status: number, client: unknown): void => {
    if (status !== 0 || client === undefined) onError(acceptError(status));
    else if (isInherited) onClient((reader) => new Socket(handleOptions(client, reader)));
    else onClient((reader) => new Socket(handleOptions(client, reader)).setNoDelay(true));
  };
  return Reflect.set(handle, "onconnection", accepted);
}

/** On Linux an accepted socket has what the one that listens has: one call of the system instead of one for each. */
function setNoDelay(handle: object): boolean {
  const set: unknown = Reflect.get(handle, "setNoDelay");
  return typeof set === "function" && Reflect.apply(set, handle, [true]) === 0;
}

function handleOptions(handle: unknown, onread: OnReadOpts): object {
  return { handle, allowHalfOpen: true, manualStart: true, onread };
}

function acceptError(status: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(status);
  return Object.assign(new Error(`accept ${code}`), { errno: status, syscall: "accept", code });
}

function readByEvents(socket: Socket): OpenClient {
  return ({ callback }) => {
    socket.on("data", (bytes: Buffer) => {
      if (!callback(bytes.length, bytes)) socket.pause();
    });
    socket.pause();
    return socket;
  };
}
