import type { NodeChange } from "./change.ts";
import { shortList } from "./words.ts";

/** What becomes of connections that exist, for each kind of leaving; backends without the words do as the first. */
export function connectionsOf({ services, change }: NodeChange): readonly string[] {
  if (change === "removed") return ["the node: what it was given stays until `weir cleanup` there"];
  const frontends = services.flatMap((service) => service.frontends);
  const lines: string[] = [];
  const leaving = frontends.flatMap((frontend) =>
    frontend.leaving.map((endpoint) => ({
      ...endpoint,
      isUdp: frontend.protocols.includes("udp"),
      isOther: frontend.protocols.some((one) => one !== "udp"),
    })),
  );
  const places = (test: (one: (typeof leaving)[number]) => boolean): readonly string[] => [
    ...new Set(leaving.filter(test).map(({ place }) => place)),
  ];
  const drained = places((one) => one.drained && one.isOther);
  const gone = places((one) => !one.drained && one.isOther);
  const udp = places((one) => one.isUdp);
  if (drained.length > 0)
    lines.push(`${shortList(drained)}: open connections stay until they end, under every backend`);
  if (gone.length > 0) {
    lines.push(
      `${shortList(gone)}: open connections go on while the server lives (iptables, nftables), drain at weight 0 up to --drain-timeout (ipvs), drain in the proxy (userspace)`,
    );
  }
  if (udp.length > 0)
    lines.push(`${shortList(udp)}: UDP flows are forgotten, the next packet goes to another endpoint`);
  return lines;
}
