import { z } from "zod";
import { parseAddress, parsePrefix } from "../../net/address.ts";
import type { Result } from "../../result.ts";
import { schedulers } from "../../spec/words.ts";
import type { ProxyTable } from "./program.ts";

/** A value that stands as text in the file. */
function text<T>(parse: (text: string) => Result<T>) {
  return z.string().transform((value, context): T => {
    const parsed = parse(value);
    if (parsed.ok) return parsed.value;
    context.addIssue(parsed.reason);
    return z.NEVER;
  });
}

const address = text(parseAddress);
const prefixes = z.array(text(parsePrefix));
const port = z.number().int().min(1).max(65535);
const family = z.enum(["ipv4", "ipv6"]);
const protocol = z.enum(["tcp", "udp"]);
const sources = z.enum(["pod", "node", "outside", "any"]);

const listener = z
  .strictObject({
    name: z.string().min(1),
    key: z.string().min(1),
    listen: z.strictObject({ family, protocol, address: address.nullable(), port }),
    affinity: z
      .strictObject({ timeoutSeconds: z.number().int().min(1), prefixLength: z.number().int().min(1).max(128) })
      .nullable(),
    scheduler: z.enum(schedulers).nullable(),
    endpoints: z.array(z.strictObject({ address, port, weight: z.number().int().min(1) })).min(1),
    drained: z.array(z.strictObject({ address, port })),
  })
  .transform(({ listen, ...rest }) => ({ ...rest, ...listen }));

const frontend = z.strictObject({
  key: z.string().min(1),
  kind: z.enum(["cluster", "external", "load-balancer", "node-port"]),
  family,
  protocol,
  address: address.nullable(),
  port,
  sourceRanges: prefixes.nullable(),
  routes: z
    .array(
      z.union([
        z.strictObject({ sources, listener: z.string().min(1) }),
        z.strictObject({ sources, verdict: z.enum(["reject", "drop"]) }),
      ]),
    )
    .min(1),
});

const detector = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("prefixes"), prefixes }),
  z.strictObject({ kind: z.literal("interface"), name: z.string().min(1) }),
  z.strictObject({ kind: z.literal("interface-prefix"), prefix: z.string().min(1) }),
  z.strictObject({ kind: z.literal("none") }),
]);

const selection = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("any") }),
  z.strictObject({ kind: z.literal("prefixes"), prefixes }),
]);

/** userspace/proxy.json. `format` grows when a reader of the old form would go wrong. */
export const proxyTableSchema = z
  .strictObject({
    format: z.literal(1),
    listeners: z.array(listener),
    frontends: z.array(frontend),
    pods: z.strictObject({ ipv4: detector, ipv6: detector }),
    nodePortAddresses: z.strictObject({ ipv4: selection, ipv6: selection }),
  })
  .transform(({ format: _, ...table }): ProxyTable => table);
