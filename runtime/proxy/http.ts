import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { IpAddress } from "../../compiler/net/address.ts";
import type { Port } from "../../compiler/net/port.ts";
import type { ProxyEngine } from "./engine.ts";
import type { ProxyMetrics } from "./metrics.ts";

/** What `/healthz` says, as JSON. */
export interface Health {
  /** `degraded`: it cannot listen everywhere; `draining`: it takes nobody on any more. */
  readonly state: "serving" | "degraded" | "draining";
  readonly places: number;
  readonly listening: number;
  readonly clients: number;
}

export function healthOf(engine: ProxyEngine): Health {
  const { places } = engine;
  const listening = places.filter(({ port }) => port !== null).length;
  const state = engine.isClosing ? "draining" : listening < places.length ? "degraded" : "serving";
  return { state, places: places.length, listening, clients: engine.admissions.count };
}

/** Answers `/metrics` and `/healthz`. Rejects with the error of the system call; resolves to how it is ended. */
export function serveMetrics(
  at: { readonly address: IpAddress; readonly port: Port },
  engine: ProxyEngine,
  metrics: ProxyMetrics,
): Promise<{ readonly port: Port; readonly close: () => void }> {
  const server = createServer({ requestTimeout: 10_000, keepAliveTimeout: 5000 }, (request, response) => {
    answer(request, response, engine, metrics).catch(() => response.destroy());
  });
  server.maxConnections = 64;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: at.address.text, port: at.port, ipv6Only: at.address.family === "ipv6" }, () => {
      server.off("error", reject).on("error", () => {});
      const bound = server.address();
      const close = (): void => {
        server.close();
        server.closeAllConnections();
      };
      resolve({ port: typeof bound === "object" && bound !== null ? bound.port : at.port, close });
    });
  });
}

async function answer(
  { url, method }: IncomingMessage,
  response: ServerResponse,
  engine: ProxyEngine,
  metrics: ProxyMetrics,
): Promise<void> {
  const send = (status: number, type: string, text: string): void => {
    response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(text) }).end(text);
  };
  const path = url?.replace(/\?.*$/, "");
  if (method !== "GET") send(405, "text/plain", "only GET\n");
  else if (path === "/metrics") send(200, metrics.contentType, await metrics.text());
  else if (path === "/healthz") {
    const health = healthOf(engine);
    const isServing = health.state !== "draining" && (health.listening > 0 || health.places === 0);
    send(isServing ? 200 : 503, "application/json", `${JSON.stringify(health)}\n`);
  } else send(404, "text/plain", "there is /metrics and /healthz\n");
}
