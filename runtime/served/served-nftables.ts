import type { NftAtom, NftProgram, NftTable, NftVerdict } from "../../compiler/backends/nftables/program.ts";
import type { Family, IpAddress } from "../../compiler/net/address.ts";
import type { Protocol } from "../../compiler/net/port.ts";
import { formatSocket } from "../../compiler/net/socket.ts";
import { ServedCollector, type ServedFrontends, type Wanted } from "./served.ts";

/** The frontends of nftables' maps: verdict maps lead to chains, `pool` maps name an endpoint for each class id. */
export function servedByNft(program: NftProgram, wanted: Wanted = "all"): ServedFrontends {
  const found = new ServedCollector();
  for (const table of program.tables) addTable(found, table, wanted);
  return found.all();
}

const verdictMaps = /^(frontends|node-ports)(-from-(pods|node))?$/;
const poolMaps = /^(node-port-)?pool$/;

function addTable(found: ServedCollector, table: NftTable, wanted: Wanted): void {
  const family: Family = table.family === "ip" ? "ipv4" : "ipv6";
  for (const set of table.sets) {
    if (wanted === "node-ports" && !set.name.startsWith("node-ports")) continue;
    if (set.kind === "verdict-map" && verdictMaps.test(set.name)) {
      for (const { key, comment, verdict } of set.elements) {
        const place = placeOf(key, family);
        if (place !== null) found.at({ ...place, key: comment }).leads.add(`${set.name}: ${verdictText(verdict)}`);
      }
    } else if (set.kind === "map" && poolMaps.test(set.name)) {
      for (const { key, data } of set.elements) {
        const place = placeOf(key.slice(0, -1), family);
        const [address, port] = data;
        if (place === null || !isAddress(address) || typeof port !== "number") continue;
        found.at({ ...place, key: null }).choices.set(String(key.at(-1)), formatSocket(address, port));
      }
    }
  }
}

function placeOf(key: readonly NftAtom[], family: Family) {
  const [first] = key;
  const [protocol, port] = isAddress(first) ? key.slice(1) : key;
  if (!isProtocol(protocol) || typeof port !== "number") return null;
  return { family, address: isAddress(first) ? first : null, protocol, port };
}

function isAddress(atom: NftAtom | undefined): atom is IpAddress {
  return typeof atom === "object" && "bits" in atom;
}

function isProtocol(atom: NftAtom | undefined): atom is Protocol {
  return atom === "tcp" || atom === "udp" || atom === "sctp";
}

function verdictText(verdict: NftVerdict): string {
  return "chain" in verdict ? `${verdict.kind} ${verdict.chain}` : verdict.kind;
}
