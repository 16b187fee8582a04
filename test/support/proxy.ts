import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { parseProxyTable } from "../../compiler/backends/userspace/parse.ts";
import type { ProxyTable } from "../../compiler/backends/userspace/program.ts";
import { type IpAddress, parseAddress } from "../../compiler/net/address.ts";
import { ProxyEngine } from "../../runtime/proxy/engine.ts";
import type { Place } from "../../runtime/proxy/places.ts";
import { planProxy } from "../../runtime/proxy/plan.ts";
import { type ProxySettings, usualSettings } from "../../runtime/proxy/settings.ts";

export function address(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.value;
}

export interface TestEndpoint {
  readonly address?: string;
  readonly port: number;
  readonly weight?: number;
}

export interface TestService {
  readonly name?: string;
  readonly protocol?: "tcp" | "udp";
  readonly port: number;
  readonly endpoints: readonly TestEndpoint[];
  readonly drained?: readonly TestEndpoint[];
  readonly affinity?: { readonly timeoutSeconds: number; readonly prefixLength: number } | null;
  readonly scheduler?: string | null;
  readonly sourceRanges?: readonly string[] | null;
}

/** A table with a cluster VIP for each service, as `weir compile` would write it. */
export function tableOf(services: readonly TestService[]): ProxyTable {
  const named = services.map((service, at) => ({ ...service, key: `${service.name ?? `test/web-${at}`}:http` }));
  const text = {
    format: 1,
    listeners: named.flatMap(
      ({ key, port, protocol = "tcp", endpoints, drained = [], affinity = null, scheduler = null }) =>
        endpoints.length === 0
          ? []
          : [
              {
                name: key,
                key,
                listen: { family: "ipv4", protocol, address: "127.0.0.1", port },
                affinity,
                scheduler,
                endpoints: endpoints.map(({ address = "127.0.0.1", port, weight = 1 }) => ({ address, port, weight })),
                drained: drained.map(({ address = "127.0.0.1", port }) => ({ address, port })),
              },
            ],
    ),
    frontends: named.map(({ key, port, protocol = "tcp", endpoints, sourceRanges = null }, at) => ({
      key,
      kind: "cluster",
      family: "ipv4",
      protocol,
      address: `10.96.0.${at + 1}`,
      port,
      sourceRanges,
      routes: [endpoints.length === 0 ? { sources: "any", verdict: "reject" } : { sources: "any", listener: key }],
    })),
    pods: { ipv4: { kind: "none" }, ipv6: { kind: "none" } },
    nodePortAddresses: { ipv4: { kind: "any" }, ipv6: { kind: "any" } },
  };
  return parseProxyTable(JSON.stringify(text));
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listen(server: Server, host = "127.0.0.1", port = 0): Promise<number> {
  server.listen({ host, port, backlog: 1000 });
  await once(server, "listening");
  const found = server.address();
  return typeof found === "object" && found !== null ? found.port : 0;
}

export interface Endpoint {
  readonly port: number;
  /** Connections that it has accepted. */
  readonly accepted: () => number;
  readonly close: () => void;
}

/** A server on loopback until the test ends; each connection goes to `serve`. */
export async function endpoint(serve: (socket: Socket) => void, host = "127.0.0.1", port = 0): Promise<Endpoint> {
  let accepted = 0;
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    accepted++;
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    serve(socket);
  });
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  const own = await listen(server, host, port);
  onTestFinished(close);
  return { port: own, accepted: () => accepted, close };
}

export const echo = (socket: Socket): void => void socket.pipe(socket);
/** Answers a line of its own to whatever comes first. */
export const saying = (text: string) => (socket: Socket) => void socket.once("data", () => socket.end(text));

/** A UDP server on loopback until the test ends, which answers as `answer` says; null is no answer. */
export async function udpEndpoint(answer: (bytes: Buffer) => Buffer | string | null, host = "127.0.0.1", port = 0) {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  const peers = new Set<number>();
  socket.on("message", (bytes, peer) => {
    peers.add(peer.port);
    const text = answer(bytes);
    if (text !== null) socket.send(text, peer.port, peer.address);
  });
  socket.bind(port, host);
  await once(socket, "listening");
  let isOpen = true;
  const close = (): void => {
    if (isOpen) socket.close();
    isOpen = false;
  };
  onTestFinished(close);
  return { port: socket.address().port, clients: () => peers.size, close };
}

export interface UdpClient {
  /** Sends a datagram and waits for the next one that comes. */
  readonly ask: (bytes: Buffer | string) => Promise<string>;
  readonly send: (bytes: Buffer | string) => void;
  readonly close: () => void;
}

/** A connected socket: it hears nobody but the address that it speaks to. */
export async function udpClient(port: number, host = "127.0.0.1"): Promise<UdpClient> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  await new Promise<void>((resolve) => socket.connect(port, host, resolve));
  let isOpen = true;
  const close = (): void => {
    if (isOpen) socket.close();
    isOpen = false;
  };
  onTestFinished(close);
  return {
    ask: async (bytes) => {
      const heard = once(socket, "message");
      socket.send(bytes);
      const [answer] = await heard;
      return String(answer);
    },
    send: (bytes) => socket.send(bytes),
    close,
  };
}

export interface RunningProxy {
  readonly engine: ProxyEngine;
  readonly places: readonly Place[];
  readonly log: readonly string[];
  /** The port that stands for the service with this number in the table. */
  readonly portOf: (at: number) => number;
  /** Moves the proxy's clock on, and lets it look at its times. */
  readonly later: (milliseconds: number) => void;
  readonly take: (services: readonly TestService[]) => Promise<void>;
}

/** An engine on loopback until the test ends, each service on a port of the kernel's choice. */
export async function runningProxy(
  services: readonly TestService[],
  settings: Partial<ProxySettings> = {},
): Promise<RunningProxy> {
  let ahead = 0;
  const log: string[] = [];
  const engine = new ProxyEngine({
    settings: { ...usualSettings, ...settings },
    log: (level, event, fields) => log.push(`${level} ${event} ${JSON.stringify(fields ?? {})}`),
    now: () => performance.now() + ahead,
    nodeAddresses: () => new Set(),
  });
  onTestFinished(async () => {
    const closed = engine.close();
    engine.abort();
    await closed;
  });
  const first = 20_000 + (process.pid % 9000);
  const planFor = (wanted: readonly TestService[]) =>
    planProxy(
      tableOf(wanted),
      { kind: "addresses", addresses: [address("127.0.0.1")], range: { first, last: first + 1000 } },
      [],
    );
  const places = await engine.take(planFor(services));
  return {
    engine,
    places,
    log,
    portOf: (at) => {
      const place = engine.places.find(({ binding }) => binding.serves?.startsWith(`10.96.0.${at + 1}:`));
      if (place?.port == null) throw new Error(`service ${at} does not listen: ${place?.trouble}`);
      return place.port;
    },
    later: (milliseconds) => {
      ahead += milliseconds;
      engine.sweep();
    },
    take: async (wanted) => void (await engine.take(planFor(wanted))),
  };
}

/** What came until the other side ended; rejects when it was reset. */
export async function exchange(port: number, send: string | Buffer, host = "127.0.0.1"): Promise<string> {
  const socket = connect({ host, port, allowHalfOpen: true });
  socket.end(send);
  return (await received(socket)).toString("utf8");
}

export function received(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    socket.on("data", (part: Buffer) => parts.push(part));
    socket.on("end", () => resolve(Buffer.concat(parts)));
    socket.on("error", reject);
  });
}
