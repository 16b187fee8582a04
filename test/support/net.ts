import { type IpAddress, type Prefix, parseAddress, parsePrefix } from "../../compiler/net/address.ts";

/** Values from texts that a test knows to be right. */
export function address(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.value;
}

export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.value;
}
