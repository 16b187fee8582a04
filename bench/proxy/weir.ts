import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { type Child, startChild } from "./child.ts";
import type { Contender } from "./contenders.ts";
import { ports, type Role, roles } from "./ports.ts";

const command = join(dirname(fileURLToPath(import.meta.url)), "../../bin/weir.js");

const offset = 300;
const mappingSchema = z.object({ listening: z.array(z.object({ service: z.string(), port: z.number() })) });

/** A service for each server, as a spec of one node. */
function spec(): string {
  const services = roles.flatMap((role, at) => [
    `service bench/${role} {`,
    `  vip 10.96.0.${at + 1}`,
    `  port main ${role === "echo" ? "udp" : "tcp"} ${ports[role] + offset} -> ${ports[role]}`,
    "  endpoint 127.0.0.1 on here",
    "}",
  ]);
  return ["node here {", "  address 127.0.0.1", "}", ...services, ""].join("\n");
}

/** `weir proxy` as a user runs it, with `more` options. `nodeOptions` go to node, to profile it for instance. */
export async function weir(
  folder: string,
  nodeOptions: readonly string[],
  more: readonly string[],
): Promise<Contender> {
  const file = join(folder, "bench.weir");
  writeFileSync(file, spec());
  const options = ["--listen", "127.0.0.1", "--node", "here", "--json", "--quiet", ...more];
  const child = await startChild([process.execPath, ...nodeOptions, command, "proxy", file, ...options]);
  return {
    name: "weir",
    ports: await mapping(child),
    processes: Object.fromEntries(roles.map((role): [Role, Child] => [role, child])),
  };
}

/** What it printed about where it listens for which service. */
async function mapping(child: Child): Promise<Contender["ports"]> {
  let text = "";
  while (!text.endsWith("\n}")) text += `\n${await child.line()}`;
  const { listening } = mappingSchema.parse(JSON.parse(text));
  const portOf = new Map(listening.map(({ service, port }) => [service, port]));
  return Object.fromEntries(
    roles.map((role) => {
      const port = portOf.get(`bench/${role}:main`);
      if (port === undefined) throw new Error(`weir does not listen for ${role}:${text}`);
      return [role, port];
    }),
  );
}
