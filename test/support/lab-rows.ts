import type { Packet } from "../../compiler/backends/packet.ts";
import type { Expectation, LabRow } from "../../runtime/lab/expectation.ts";
import type { LabEndpoint } from "../../runtime/lab/plan.ts";
import { address } from "./net.ts";

/** `tcp 10.244.9.9 -> [fd00::1]:80` as a packet. */
export function packet(text: string, via: string | null = null): Packet {
  const match = /^(tcp|udp|sctp) (\S+) -> \[?([^\s\]]+?)\]?:(\d+)$/.exec(text);
  const [, protocol, source = "", destination = "", port] = match ?? [];
  if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp") throw new Error(`no packet: ${text}`);
  return {
    protocol,
    source: address(source),
    destination: address(destination),
    port: Number(port),
    inputInterface: via,
  };
}

export function row(text: string, expect: Expectation, via: string | null = null): LabRow {
  return { label: text, packet: packet(text, via), expect };
}

/** Endpoints that share equally, as `address port`; connections to all of them, none, or one are masqueraded. */
export function reaches(endpoints: readonly string[], masquerade: "yes" | "no" | { readonly to: string }): Expectation {
  return {
    verdict: "endpoints",
    endpoints: endpoints.map((text) => {
      const [host = "", port] = text.split(" ");
      return {
        address: address(host),
        port: Number(port),
        share: 1 / endpoints.length,
        masquerade: typeof masquerade === "string" ? masquerade === "yes" : masquerade.to === host,
      };
    }),
  };
}

/** The same servers for TCP and UDP. */
export function servers(texts: readonly string[], local: boolean): readonly LabEndpoint[] {
  return texts.flatMap((text) => {
    const [host = "", port] = text.split(" ");
    return (["tcp", "udp"] as const).map((protocol) => ({
      protocol,
      address: address(host),
      port: Number(port),
      local,
    }));
  });
}
