import type { Contender } from "./contenders.ts";
import { connections, idle, packets, requests, streams } from "./measure.ts";
import type { Role } from "./ports.ts";
import type { Column } from "./report.ts";
import type { Figures } from "./rounds.ts";

/** How long and how much. */
export interface Sizes {
  readonly seconds: number;
  readonly idle: number;
  /** Requests a second. */
  readonly rate: number;
}

/** One kind of measurement, and how it is shown. */
export interface Row {
  readonly name: string;
  readonly title: string;
  readonly role: Role;
  readonly columns: readonly Column[];
  /** The figure by which weir is compared with HAProxy, if by one. */
  readonly compared: string | null;
  /** Measured once: it does not depend on what else the machine does. */
  readonly isSteady?: true;
  readonly measure: (contender: Contender) => Promise<Figures>;
}

/** A process for each connection: thousands of them say nothing that hundreds do not. */
const idleWithFork = 500;

export function rowsOf({ seconds, idle: idleCount, rate }: Sizes): readonly Row[] {
  const bulk = (["down", "up"] as const).flatMap((direction) =>
    [1, 64].map((count): Row => {
      const where = direction === "down" ? "from the server" : "to the server";
      return {
        name: `${direction}-${count}`,
        title: `${count === 1 ? "one stream" : `${count} streams`} ${where}`,
        role: direction === "down" ? "source" : "sink",
        columns: [
          { figure: "MB/s", digits: 0 },
          { figure: "s/GB", digits: 3 },
          { figure: "MB/cpu-s", digits: 0 },
        ],
        compared: "MB/cpu-s",
        measure: (contender) => streams(contender, direction, count, seconds),
      };
    }),
  );
  return [
    ...bulk,
    {
      name: "connections",
      title: "a new connection for each request, 64 at once",
      role: "http",
      columns: [
        { figure: "conn/s", digits: 0 },
        { figure: "us/conn", digits: 0 },
        { figure: "conn/cpu-s", digits: 0 },
        { figure: "failed", digits: 0 },
      ],
      compared: "conn/cpu-s",
      measure: (contender) => connections(contender, Math.max(1, Math.round(seconds))),
    },
    {
      name: "requests",
      title: `small requests on 64 kept connections, ${rate} a second, microseconds`,
      role: "http",
      columns: [
        { figure: "p50", digits: 0 },
        { figure: "p99", digits: 0 },
        { figure: "us/request", digits: 0 },
        { figure: "missing", digits: 0 },
      ],
      compared: null,
      measure: (contender) => requests(contender, rate, seconds),
    },
    {
      name: "udp",
      title: "UDP, 64 bytes there and back, 32 clients",
      role: "echo",
      columns: [
        { figure: "packets/s", digits: 0 },
        { figure: "us/packet", digits: 0 },
        { figure: "packets/cpu-s", digits: 0 },
        { figure: "resent", digits: 0 },
      ],
      compared: null,
      measure: (contender) => packets(contender, seconds),
    },
    {
      name: "idle",
      title: `memory with ${idleCount} idle connections (socat: ${idleWithFork})`,
      role: "greeter",
      columns: [
        { figure: "MB", digits: 0 },
        { figure: "kB/conn", digits: 1 },
      ],
      compared: null,
      isSteady: true,
      measure: (contender) => idle(contender, contender.name === "socat" ? idleWithFork : idleCount),
    },
  ];
}
