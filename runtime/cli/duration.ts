import { UsageError } from "../../compiler/cli/exit.ts";

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };
const mostSeconds = 24 * 3600;

/** `30s`, `5m`, `3h`, as in the language; a bare number is seconds. Throws UsageError. */
export function parseDuration(option: string, text: string, leastSeconds: number): number {
  const match = /^(\d{1,7})([smh]?)$/.exec(text);
  const seconds = match === null ? -1 : Number(match[1]) * (unitSeconds[match[2] || "s"] ?? 1);
  if (match !== null && seconds >= leastSeconds && seconds <= mostSeconds) return seconds;
  throw new UsageError(
    `${option}: ${JSON.stringify(text)} is no time between ${leastSeconds}s and 24h; write 30s, 5m or 3h`,
  );
}

/** `90s`, `15m`: the largest unit that tells it wholly. */
export function formatDuration(seconds: number): string {
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600}h`;
  if (seconds >= 60 && seconds % 60 === 0) return `${seconds / 60}m`;
  return `${seconds}s`;
}
