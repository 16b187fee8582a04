import { type IpAddress, prefixContains } from "../net/address.ts";
import { matchesPattern } from "./pattern.ts";
import type { GuardSpec } from "./schema.ts";

/** The first guard that keeps an address from a service; null where none holds it, or one of them admits the service. */
export function guardAgainst(address: IpAddress, service: string, guards: readonly GuardSpec[]): GuardSpec | null {
  const holding = guards.filter((guard) => guard.prefixes.some((prefix) => prefixContains(prefix, address)));
  const isAdmitted = holding.some((guard) => guard.services.some((pattern) => matchesPattern(pattern, service)));
  return isAdmitted ? null : (holding[0] ?? null);
}

/** `10.96.0.0/12, 198.51.100.0/24 for shop/*`. */
export function guardText({ prefixes, services }: GuardSpec): string {
  return `${prefixes.map(({ text }) => text).join(", ")} for ${services.join(", ")}`;
}
