import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { ServiceCounters } from "./counters.ts";
import { healthKey, type PoolEndpoint } from "./endpoint.ts";
import type { ProxyEngine } from "./engine.ts";
import type { Pool } from "./pool.ts";

/** Seconds. A dial on one machine takes less than a millisecond; attempts end after 0.25, 0.5, 1 and 2 s. */
const dialBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2];

/** What the proxy tells Prometheus. */
export interface ProxyMetrics {
  readonly contentType: string;
  text(): Promise<string>;
  dialed(service: string, seconds: number): void;
  reloaded(result: "taken" | "refused"): void;
}

/**
 * Counts are kept where they are made, as plain numbers, and read when somebody asks. Labels are service ports and
 * endpoints of the table, never clients: their number is bounded, and what leaves the table leaves the metrics.
 */
export function proxyMetrics(engine: () => ProxyEngine): ProxyMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  byEndpoint(registry, engine);
  byService(registry, engine);
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  };
  gauge("weir_proxy_clients", "TCP connections and UDP clients", () => engine().admissions.count);
  gauge("weir_proxy_client_addresses", "Addresses that clients come from", () => engine().admissions.clients);
  gauge("weir_proxy_max_clients", "How many clients there may be", () => engine().settings.maxConnections);
  gauge("weir_proxy_places", "Addresses and ports that the table wants", () => engine().places.length);
  gauge(
    "weir_proxy_places_listening",
    "Those that are listened on",
    () => engine().places.filter(({ port }) => port !== null).length,
  );
  gauge("weir_proxy_buffer_bytes", "Lent to connections with much to say", () => engine().buffers.lentBytes);
  const dials = new Histogram({
    name: "weir_proxy_dial_seconds",
    help: "Until an endpoint accepted a connection",
    labelNames: ["service"],
    buckets: dialBuckets,
    registers,
  });
  const reloads = new Counter({
    name: "weir_proxy_reloads_total",
    help: "New tables",
    labelNames: ["result"],
    registers,
  });
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    dialed: (service, seconds) => dials.observe({ service }, seconds),
    reloaded: (result) => reloads.inc({ result }),
  };
}

type PerEndpoint = (endpoint: PoolEndpoint, pool: Pool) => Readonly<Record<string, number>>;

/** `label`: the name of the label whose values are the names in what `read` gives; null: the one number is called `all`. */
function byEndpoint(registry: Registry, engine: () => ProxyEngine): void {
  const define = (
    kind: "counter" | "gauge",
    name: string,
    help: string,
    label: string | null,
    read: PerEndpoint,
  ): void => {
    const labelNames = ["service", "protocol", "endpoint", ...(label === null ? [] : [label])];
    const fill = (metric: Counter | Gauge): void => {
      metric.reset();
      for (const pool of engine().pools) {
        for (const endpoint of pool.endpoints) {
          const labels = { service: pool.counters.key, protocol: pool.protocol, endpoint: endpoint.id };
          for (const [value, count] of Object.entries(read(endpoint, pool))) {
            metric.inc(label === null ? labels : { ...labels, [label]: value }, count);
          }
        }
      }
    };
    const options = { name, help, labelNames, registers: [registry] };
    if (kind === "counter")
      new Counter({
        ...options,
        collect() {
          fill(this);
        },
      });
    else
      new Gauge({
        ...options,
        collect() {
          fill(this);
        },
      });
  };
  define("gauge", "weir_proxy_connections", "Connections and UDP clients that an endpoint has", null, ({ active }) => ({
    all: active,
  }));
  define(
    "counter",
    "weir_proxy_connections_total",
    "Connections and UDP clients that it got",
    null,
    ({ connections }) => ({ all: connections }),
  );
  define(
    "counter",
    "weir_proxy_bytes_total",
    "Payload that was passed on",
    "to",
    ({ bytesToClient, bytesToEndpoint }) => ({
      client: bytesToClient,
      endpoint: bytesToEndpoint,
    }),
  );
  define(
    "counter",
    "weir_proxy_dial_failures_total",
    "Attempts that failed",
    "reason",
    ({ refused, timedOut, failed }) => ({
      refused,
      timeout: timedOut,
      other: failed,
    }),
  );
  define(
    "counter",
    "weir_proxy_endpoint_resets_total",
    "Connections that the endpoint has broken",
    null,
    ({ resets }) => ({ all: resets }),
  );
  define(
    "gauge",
    "weir_proxy_endpoint_failing",
    "1 while it gets no clients because it failed",
    null,
    (endpoint, pool) => ({
      all: engine().health.isUp(healthKey(pool.protocol, endpoint)) ? 0 : 1,
    }),
  );
}

function byService(registry: Registry, engine: () => ProxyEngine): void {
  const define = (
    name: string,
    help: string,
    label: string | null,
    read: (counters: ServiceCounters) => object,
  ): void => {
    new Counter({
      name,
      help,
      labelNames: ["service", ...(label === null ? [] : [label])],
      registers: [registry],
      collect() {
        this.reset();
        for (const counters of engine().counters) {
          for (const [value, count] of Object.entries(read(counters))) {
            this.inc({ service: counters.key, ...(label === null ? {} : { [label]: value }) }, Number(count));
          }
        }
      },
    });
  };
  define("weir_proxy_ends_total", "Connections and UDP clients that are over", "reason", ({ ends }) => ends);
  define("weir_proxy_refusals_total", "Clients that were not taken on", "reason", ({ refusals }) => refusals);
  define("weir_proxy_retries_total", "Attempts after the first", null, ({ retries }) => ({ all: retries }));
  define("weir_proxy_dropped_datagrams_total", "For want of room", null, ({ dropped }) => ({ all: dropped }));
}
