import { z } from "zod";
import { type IpAddress, type Prefix, parseAddress, parsePrefix } from "../../net/address.ts";
import { schedulerFlags, schedulers } from "../../spec/words.ts";
import { ParseError } from "../text.ts";
import { printId } from "./print-servers.ts";
import type { ForwardingMethod, IpvsTimeouts, RealServer, VirtualServer, VirtualServerId } from "./program.ts";

const port = z.number().int().min(1).max(65535);
const whole = z.number().int().min(0).max(4294967295);
const seconds = whole;

const id = {
  protocol: z.enum(["tcp", "udp", "sctp"]).optional(),
  address: z.string().optional(),
  port: port.optional(),
  family: z.enum(["ipv4", "ipv6"]).optional(),
  mark: z
    .string()
    .regex(/^0x[0-9a-f]{1,8}$/)
    .optional(),
};

const newService = z.strictObject({
  op: z.literal("new-service"),
  ...id,
  key: z.string().nullable(),
  scheduler: z.enum(schedulers),
  schedulerFlags: z.array(z.enum(schedulerFlags)).optional(),
  persistence: z.strictObject({ timeoutSeconds: seconds, prefixLength: z.number().int().min(1).max(128) }).optional(),
  onePacket: z.literal(true).optional(),
});

const newDest = z.strictObject({
  op: z.literal("new-dest"),
  ...id,
  server: z.string(),
  serverPort: port,
  method: z.enum(["masq", "route", "tunnel"]),
  tunnel: z.enum(["ipip", "gue", "gre"]).optional(),
  tunnelPort: port.optional(),
  weight: whole,
  upper: whole.optional(),
  lower: whole.optional(),
});

const setConfig = z.strictObject({ op: z.literal("set-config"), tcp: seconds, tcpFin: seconds, udp: seconds });
const keepRange = z.strictObject({ op: z.literal("keep-range"), prefix: z.string() });

/** The schema is chosen by `op`: a discriminated union would try them in turn on each of 180,000 lines. */
const schemas = { "new-service": newService, "new-dest": newDest, "set-config": setConfig, "keep-range": keepRange };

type Operation =
  | z.infer<typeof newService>
  | z.infer<typeof newDest>
  | z.infer<typeof setConfig>
  | z.infer<typeof keepRange>;

export interface OperationList {
  readonly virtualServers: readonly VirtualServer[];
  readonly timeouts: IpvsTimeouts;
  readonly keptRanges: readonly Prefix[];
}

/** Reads what `printOperations` wrote, line by line. Throws ParseError on anything else. */
export function parseOperations(text: string): OperationList {
  const servers = new Map<string, { server: Omit<VirtualServer, "realServers">; realServers: RealServer[] }>();
  const keptRanges: Prefix[] = [];
  let timeouts: IpvsTimeouts | null = null;
  let number = 0;
  let isClosed = false;
  for (const line of text.split("\n")) {
    number++;
    if (line === "" || (line === "[" && number === 1)) continue;
    if (line === "]") isClosed = true;
    if (line === "]") continue;
    if (isClosed) throw new ParseError("something stands behind the end", number);
    const operation = parseOperation(line, number);
    switch (operation.op) {
      case "keep-range":
        keptRanges.push(prefixOf(operation.prefix, number));
        break;
      case "set-config":
        timeouts = { tcp: operation.tcp, tcpFin: operation.tcpFin, udp: operation.udp };
        break;
      case "new-service": {
        const server = serverOf(operation, number);
        const name = printId(server.id);
        if (servers.has(name)) throw new ParseError(`${name} is made twice`, number);
        servers.set(name, { server, realServers: [] });
        break;
      }
      case "new-dest": {
        const name = printId(idOf(operation, number));
        const entry = servers.get(name);
        if (entry === undefined) throw new ParseError(`${name} is not made`, number);
        entry.realServers.push(realServerOf(operation, number));
        break;
      }
    }
  }
  if (!text.startsWith("[\n") || !isClosed) throw new ParseError("this is not one JSON array", number);
  if (timeouts === null) throw new ParseError("set-config is missing", number);
  const virtualServers = [...servers.values()].map(({ server, realServers }) => ({ ...server, realServers }));
  return { virtualServers, timeouts, keptRanges };
}

function parseOperation(line: string, number: number): Operation {
  let value: unknown;
  try {
    value = JSON.parse(line.endsWith(",") ? line.slice(0, -1) : line);
  } catch {
    throw new ParseError("this is not one JSON value", number);
  }
  const op = typeof value === "object" && value !== null && "op" in value ? value.op : undefined;
  const name = Object.keys(schemas).find((each): each is keyof typeof schemas => each === op);
  if (name === undefined) throw new ParseError(`unknown operation ${JSON.stringify(op)}`, number);
  const parsed = schemas[name].safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new ParseError(`${issue?.path.join(".")}: ${issue?.message}`, number);
  }
  return parsed.data;
}

type OperationId = Pick<z.infer<typeof newDest>, keyof typeof id>;

function idOf(operation: OperationId, line: number): VirtualServerId {
  const { protocol, address, port: asked, family, mark } = operation;
  if (family !== undefined && mark !== undefined) return { kind: "mark", family, mark: Number(mark) };
  if (protocol === undefined || address === undefined || asked === undefined) {
    throw new ParseError("neither protocol, address and port nor family and mark", line);
  }
  return { kind: "address", address: addressOf(address, line), protocol, port: asked };
}

function serverOf(operation: z.infer<typeof newService>, line: number): Omit<VirtualServer, "realServers"> {
  return {
    id: idOf(operation, line),
    key: operation.key,
    scheduler: operation.scheduler,
    schedulerFlags: operation.schedulerFlags ?? [],
    persistence: operation.persistence ?? null,
    onePacket: operation.onePacket ?? false,
  };
}

function realServerOf(operation: z.infer<typeof newDest>, line: number): RealServer {
  return {
    address: addressOf(operation.server, line),
    port: operation.serverPort,
    method: methodOf(operation, line),
    weight: operation.weight,
    upperThreshold: operation.upper ?? 0,
    lowerThreshold: operation.lower ?? 0,
  };
}

function methodOf({ method, tunnel, tunnelPort }: z.infer<typeof newDest>, line: number): ForwardingMethod {
  if (method !== "tunnel") return { kind: method };
  if (tunnel === undefined) throw new ParseError("a tunnel has no type", line);
  return { kind: method, type: tunnel, port: tunnelPort ?? null };
}

function addressOf(text: string, line: number): IpAddress {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new ParseError(parsed.reason, line);
  return parsed.value;
}

function prefixOf(text: string, line: number): Prefix {
  const parsed = parsePrefix(text);
  if (!parsed.ok) throw new ParseError(parsed.reason, line);
  return parsed.value;
}
