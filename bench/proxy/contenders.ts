import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Child, startChild } from "./child.ts";
import { ports, type Role } from "./ports.ts";
import { listening } from "./processes.ts";

/** One way from the client to the servers: its name, where each server is reached, and the processes that carry. */
export interface Contender {
  readonly name: string;
  readonly ports: Readonly<Partial<Record<Role, number>>>;
  readonly processes: Readonly<Partial<Record<Role, Child>>>;
}

const tcpRoles = ["source", "sink", "greeter", "http"] as const satisfies readonly Role[];
const haproxyOffset = 100;
const socatOffset = 200;

export const direct: Contender = { name: "direct", ports, processes: {} };

/** A configuration for HAProxy with one thread: `bodies` are its proxies. */
function haproxyConfiguration(bodies: readonly string[], connections: number): string {
  return [
    "global",
    "  nbthread 1",
    `  maxconn ${connections}`,
    "defaults",
    "  timeout connect 5s",
    "  timeout client 10m",
    "  timeout server 10m",
    `  maxconn ${connections}`,
    "  backlog 4096",
    ...bodies,
    "",
  ].join("\n");
}

async function startHaproxy(folder: string, name: string, text: string): Promise<Child> {
  const file = join(folder, `${name}.cfg`);
  writeFileSync(file, text);
  return await startChild(["haproxy", "-db", "-f", file]);
}

/** The server for HTTP: HAProxy that answers itself, as it costs less than the proxies in front of it. */
export async function startHttpServer(folder: string): Promise<Child> {
  const body = [
    "listen http",
    "  mode http",
    `  bind 127.0.0.1:${ports.http}`,
    '  http-request return status 200 content-type text/plain string "weir"',
  ];
  const child = await startHaproxy(folder, "http", haproxyConfiguration(body, 4000));
  await listening("tcp", ports.http);
  return child;
}

export async function haproxy(folder: string, connections: number): Promise<Contender> {
  const bodies = tcpRoles.flatMap((role) => [
    `listen ${role}`,
    "  mode tcp",
    `  bind 127.0.0.1:${ports[role] + haproxyOffset}`,
    `  server one 127.0.0.1:${ports[role]}`,
  ]);
  const child = await startHaproxy(folder, "proxy", haproxyConfiguration(bodies, connections));
  await Promise.all(tcpRoles.map((role) => listening("tcp", ports[role] + haproxyOffset)));
  return {
    name: "haproxy",
    ports: Object.fromEntries(tcpRoles.map((role) => [role, ports[role] + haproxyOffset])),
    processes: Object.fromEntries(tcpRoles.map((role) => [role, child])),
  };
}

export async function socat(): Promise<Contender> {
  const roles = [...tcpRoles, "echo"] as const;
  const started: [Role, Child][] = [];
  for (const role of roles) {
    const [listen, to] = [ports[role] + socatOffset, ports[role]];
    const addresses =
      role === "echo"
        ? [`UDP4-LISTEN:${listen},bind=127.0.0.1,fork,reuseaddr`, `UDP4:127.0.0.1:${to}`]
        : [`TCP4-LISTEN:${listen},bind=127.0.0.1,fork,reuseaddr,backlog=4096,nodelay`, `TCP4:127.0.0.1:${to},nodelay`];
    started.push([role, await startChild(["socat", "-lf", "/dev/null", "-T", "600", ...addresses])]);
    await listening(role === "echo" ? "udp" : "tcp", listen);
  }
  return {
    name: "socat",
    ports: Object.fromEntries(roles.map((role) => [role, ports[role] + socatOffset])),
    processes: Object.fromEntries(started),
  };
}
