import { fail, ok, type Result } from "../result.ts";

const unitSeconds: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  μs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};

/**
 * Seconds of a duration as Go writes it: `1h30m`, `250ms`, `-5s`, `0`. May be a fraction or negative.
 * Source: Go's time.ParseDuration.
 */
export function parseGoDuration(text: string): Result<number> {
  const signless = /^[-+]?(.*)$/s.exec(text)?.[1] ?? "";
  const sign = text.startsWith("-") ? -1 : 1;
  if (signless === "0") return ok(0);
  if (!/^(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(signless)) {
    return fail("is no duration, as in 30s or 1h15m");
  }
  let seconds = 0;
  for (const [, number, unit] of signless.matchAll(/([0-9.]+)([a-zµμ]+)/g)) {
    seconds += Number(number) * (unitSeconds[unit ?? ""] ?? 0);
  }
  return ok(sign * seconds);
}
