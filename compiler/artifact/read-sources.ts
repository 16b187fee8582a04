import { z } from "zod";

const sourcesSchema = z.readonly(
  z.strictObject({
    format: z.literal(1),
    services: z.record(z.string(), z.readonly(z.strictObject({ file: z.string(), declaration: z.string() }))),
    names: z.record(z.string(), z.record(z.string(), z.string().nullable())),
  }),
);

/** What sources.json says: where services are declared, and what the names in the rules of each backend serve. */
export type Sources = z.infer<typeof sourcesSchema>;

/** Reads sources.json; null for anything else. */
export function parseSources(text: string): Sources | null {
  try {
    return sourcesSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** `shop.weir: service shop/web`, for the key of a service port; null for a service that is not among them. */
export function declarationOf(sources: Sources, key: string): string | null {
  const colon = key.lastIndexOf(":");
  const found = sources.services[key] ?? (colon === -1 ? undefined : sources.services[key.slice(0, colon)]);
  return found === undefined ? null : `${found.file}: ${found.declaration}`;
}
