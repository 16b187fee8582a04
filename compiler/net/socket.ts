import type { IpAddress } from "./address.ts";
import type { Port } from "./port.ts";

/** `10.244.1.5:8080`, `[fd00::5]:8080`. */
export function formatSocket(address: IpAddress, port: Port): string {
  return address.family === "ipv4" ? `${address.text}:${port}` : `[${address.text}]:${port}`;
}
