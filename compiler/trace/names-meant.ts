import { parseAddress } from "../net/address.ts";
import { type Protocol, protocols } from "../net/port.ts";

/** What people copy from a terminal, and the names that it may stand for. */
export function namesMeant(text: string): readonly string[] {
  const bare = text
    .trim()
    .replace(/^"(.*)"$/, "$1")
    .replace(/^-[AaNIgj] /, "")
    .replace(/^(table |chain |set |map )?(ip6? weir |(nat|filter|mangle|raw) )/, "")
    .replace(/^(chain|set|map|list) /, "")
    .replace(/^@/, "");
  const number = numberMeant(text);
  const marks = number === null ? [] : [`0x${number.toString(16)}`, `-f ${number}`, `-f ${number} -6`];
  const asked = placeAsked(text);
  const servers =
    asked === null || asked.address === null
      ? []
      : (["-t", "-u", "--sctp-service"] as const)
          .filter((_, at) => asked.protocol === null || protocols[at] === asked.protocol)
          .map((option) => `${option} ${serverText(asked.address ?? "", asked.port)}`);
  return [...new Set([bare, text, ...marks, ...servers])];
}

function serverText(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A mark: `0x4000`, `0x4000/0x4000`, `fwmark 0x4000`, `-f 16384`. */
export function numberMeant(text: string): number | null {
  const match =
    /^(?:(?:fwmark|FWM|mark|-f|--fwmark-service)\s+)?(0x[0-9a-f]{1,8}|[0-9]{1,10})(?:\/0x[0-9a-f]{1,8})?(?:\s+-6)?$/i.exec(
      text,
    );
  return match === null ? null : Number(match[1]);
}

/** Address, protocol and port, each null where the text leaves it open. A node port has no address. */
export interface PlaceAsked {
  readonly address: string | null;
  readonly protocol: Protocol | null;
  readonly port: number;
}

const options: Readonly<Record<string, Protocol>> = {
  "-t": "tcp",
  "--tcp-service": "tcp",
  "-u": "udp",
  "--udp-service": "udp",
  "--sctp-service": "sctp",
};

/** `10.96.0.10 . tcp . 80`, `tcp . 30080`, `10.96.0.10,tcp:80`, `tcp 10.96.0.10:80`, `-t 10.96.0.10:80`, `node-port 30080`, `30080`. */
export function placeAsked(text: string): PlaceAsked | null {
  const element = /^(?:(\S+) \. )?(tcp|udp|sctp) \. ([0-9]+)$/.exec(text);
  if (element !== null) return place(element[1] ?? null, element[2], element[3]);
  const set = /^([^\s,]+),(tcp|udp|sctp):([0-9]+)$/.exec(text);
  if (set !== null) return place(set[1] ?? null, set[2], set[3]);
  const nodePort = /^(?:node-port )?(?:(tcp|udp|sctp) )?([0-9]{1,5})$/.exec(text);
  if (nodePort !== null) return place(null, nodePort[1], nodePort[2]);
  const socket = /^(?:(\S+)\s+)?(?:\[([^\]]+)\]|([0-9.]+)):([0-9]+)$/.exec(text);
  if (socket === null) return null;
  const word = socket[1]?.toLowerCase();
  return place(socket[2] ?? socket[3] ?? null, word === undefined ? undefined : (options[word] ?? word), socket[4]);
}

function place(address: string | null, protocol: string | undefined, port: string | undefined): PlaceAsked | null {
  const known = protocols.find((each) => each === protocol);
  if (protocol !== undefined && known === undefined) return null;
  const parsed = address === null ? null : parseAddress(address);
  if (parsed !== null && !parsed.ok) return null;
  return { address: parsed?.value.text ?? null, protocol: known ?? null, port: Number(port) };
}
