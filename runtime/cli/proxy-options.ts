import { UsageError } from "../../compiler/cli/exit.ts";
import { listOption } from "../../compiler/cli/nodes.ts";
import { type IpAddress, parseAddress } from "../../compiler/net/address.ts";
import { type Port, type PortRange, parsePort } from "../../compiler/net/port.ts";
import type { ListenMode } from "../proxy/plan.ts";
import { usualPortRange } from "../proxy/plan.ts";
import { descriptorLimit, memoryLimit } from "../proxy/process-limits.ts";
import { type ProxySettings, usualSettings } from "../proxy/settings.ts";
import type { DesiredOptions } from "./desired.ts";
import { parseDuration } from "./duration.ts";
import type { StateOptions } from "./with-site.ts";

export interface ProxyCommandOptions extends DesiredOptions, StateOptions {
  readonly listen?: readonly string[];
  readonly ports?: string;
  readonly drain: string;
  readonly dialTimeout: string;
  readonly idleTimeout: string;
  readonly stallTimeout: string;
  readonly udpTimeout: string;
  readonly maxConnections?: string;
  readonly maxPerClient?: string;
  readonly maxMemory?: string;
  readonly resend?: string;
  readonly metrics?: string;
  readonly log: "text" | "json";
}

/** `--listen` and `--ports`. Throws UsageError. */
export function listenModeOf({ listen, ports }: ProxyCommandOptions): ListenMode {
  const words = listOption(listen);
  if (words.length === 0) {
    if (ports !== undefined) throw new UsageError("--ports is about the ports of --listen ADDRESS");
    return { kind: "rules" };
  }
  if (words.includes("services")) {
    if (words.length > 1 || ports !== undefined) throw new UsageError("--listen services stands alone");
    return { kind: "services" };
  }
  const addresses = words.map((word): IpAddress => {
    const parsed = parseAddress(word);
    if (!parsed.ok) throw new UsageError(`--listen: ${parsed.reason}; name an address of this machine, or services`);
    return parsed.value;
  });
  return { kind: "addresses", addresses, range: ports === undefined ? usualPortRange : rangeOf(ports) };
}

function rangeOf(text: string): PortRange {
  const [low = "", high = "", ...rest] = text.split("-");
  const [first, last] = [parsePort(low), parsePort(high)];
  if (!first.ok || !last.ok || rest.length > 0 || first.value > last.value) {
    throw new UsageError(`--ports: ${JSON.stringify(text)} is no range of ports; write 20000-29999`);
  }
  return { first: first.value, last: last.value };
}

/** `--metrics`; null: nobody asks for them. Throws UsageError. */
export function metricsPlaceOf({
  metrics,
}: ProxyCommandOptions): { readonly address: IpAddress; readonly port: Port } | null {
  if (metrics === undefined) return null;
  const [, bracketed, plain, digits = ""] = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(metrics) ?? [];
  const address = parseAddress(bracketed ?? plain ?? "");
  const port = parsePort(digits);
  if (address.ok && port.ok) return { address: address.value, port: port.value };
  throw new UsageError(
    `--metrics: ${JSON.stringify(metrics)} is no address with a port; write 127.0.0.1:9090 or [::1]:9090`,
  );
}

/** What the options say, and what this process may have beside `places` to listen on. Throws UsageError. */
export function settingsOf(options: ProxyCommandOptions, places: number): ProxySettings {
  const ms = (option: string, text: string, least: number) => parseDuration(option, text, least) * 1000;
  const descriptors = descriptorLimit() - places;
  return {
    ...usualSettings,
    drainMs: ms("--drain", options.drain, 0),
    dialMs: ms("--dial-timeout", options.dialTimeout, 1),
    idleMs: ms("--idle-timeout", options.idleTimeout, 1),
    stallMs: ms("--stall-timeout", options.stallTimeout, 1),
    udpIdleMs: ms("--udp-timeout", options.udpTimeout, 1),
    maxConnections: count("--max-connections", options.maxConnections, 1) ?? connectionsFor(descriptors),
    maxPerClient: count("--max-per-client", options.maxPerClient, 1) ?? 0,
    maxMemoryBytes: bytes("--max-memory", options.maxMemory) ?? Math.floor(memoryLimit() * 0.8),
    resendBytes: bytes("--resend", options.resend) ?? 0,
  };
}

/** A connection has two descriptors; listeners, files and probes need some as well. */
function connectionsFor(descriptors: number): number {
  return Math.max(16, Math.floor((descriptors - 256) / 2));
}

function count(option: string, text: string | undefined, least: number): number | null {
  if (text === undefined) return null;
  if (/^\d{1,9}$/.test(text) && Number(text) >= least) return Number(text);
  throw new UsageError(`${option}: ${JSON.stringify(text)} is no number from ${least}`);
}

const units: Readonly<Record<string, number>> = { "": 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** `16KiB`, `512MiB`, `2GiB`; a bare number is bytes. */
function bytes(option: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const match = /^(\d{1,12})(KiB|MiB|GiB|)$/.exec(text);
  if (match !== null) return Number(match[1]) * (units[match[2] ?? ""] ?? 1);
  throw new UsageError(`${option}: ${JSON.stringify(text)} is no size; write 512MiB or 2GiB`);
}
