import { parseIptables } from "../iptables/parse.ts";
import { ParseError } from "../text.ts";
import type { ProxyProgram, ProxyTable } from "./program.ts";
import { proxyTableSchema } from "./schema.ts";

/** Reads what `printUserspace` wrote into `folder`. Throws ParseError on anything else. */
export function parseUserspace(folder: string, files: ReadonlyMap<string, string>): ProxyProgram {
  const text = files.get(`${folder}/proxy.json`);
  if (text === undefined) throw new ParseError(`there is no ${folder}/proxy.json`, 1);
  return { table: parseProxyTable(text), rules: parseIptables(folder, files) };
}

/** Reads a proxy's table. Throws ParseError when it is not one, or when a route leads to no listener. */
export function parseProxyTable(text: string): ProxyTable {
  const parsed = proxyTableSchema.safeParse(jsonOf(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ParseError(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not a proxy table"}`, 1);
  }
  const names = new Set(parsed.data.listeners.map((listener) => listener.name));
  for (const { key, routes } of parsed.data.frontends) {
    for (const route of routes) {
      if ("listener" in route && !names.has(route.listener)) {
        throw new ParseError(`${key} leads to ${route.listener}, which does not listen`, 1);
      }
    }
  }
  return parsed.data;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ParseError(`not JSON: ${error instanceof Error ? error.message : String(error)}`, 1);
  }
}
