import { describe, expect, it } from "vitest";
import { printVirtualServers } from "../../../compiler/backends/ipvs/print-servers.ts";
import type { VirtualServer } from "../../../compiler/backends/ipvs/program.ts";
import type { IpvsRequest } from "../../../compiler/backends/step.ts";
import { textOf } from "../../../compiler/backends/text.ts";
import { nestedOf } from "../../../runtime/netlink/attributes.ts";
import {
  commandAttributes,
  encodeDestDump,
  encodeGetConfig,
  encodeRequest,
  encodeServiceDump,
} from "../../../runtime/netlink/ipvs.ts";
import { checkRequest } from "../../../runtime/netlink/ipvs-check.ts";
import { compareServers, decodeConfig, decodeDest, decodeService } from "../../../runtime/netlink/ipvs-decode.ts";
import {
  attributesOf,
  type Frame,
  genericHeaderSize,
  headerSize,
  readMessages,
} from "../../../runtime/netlink/message.ts";
import { additionsOf, servers, timeouts } from "../../vm/netlink-servers.ts";

/** What the kernel gave the family of IPVS in these tests. */
const genl = 30;
const noTimeouts = { tcp: 0, tcpFin: 0, udp: 0 };

/** The bytes, a line for the headers and one for each attribute, those inside others below them. */
function layout(frame: Frame): string {
  const hex = (start: number, end: number) => frame.toString("hex", start, end);
  const lines = [`  ${hex(0, headerSize)} ${hex(headerSize, headerSize + genericHeaderSize)}`];
  const walk = (start: number, end: number, indent: string): void => {
    for (let at = start; at < end; ) {
      const size = frame.readUInt16LE(at);
      const isNested = (frame.readUInt16LE(at + 2) & 0x8000) !== 0;
      const next = at + ((size + 3) & ~3);
      lines.push(`${indent}${hex(at, at + 2)} ${hex(at + 2, at + 4)}${isNested ? "" : ` ${hex(at + 4, next)}`}`);
      if (isNested) walk(at + 4, next, `${indent}  `);
      at = next;
    }
  };
  walk(headerSize + genericHeaderSize, frame.length, "  ");
  return lines.join("\n");
}

/** The lines of ipvsadm that a request stands for. */
function command(request: IpvsRequest): string {
  const first = (list: readonly VirtualServer[], at = 0) =>
    `ipvsadm ${textOf(printVirtualServers("", list, noTimeouts)).split("\n")[at]}`;
  const bare = { key: null, scheduler: "rr", schedulerFlags: [], persistence: null, onePacket: false } as const;
  switch (request.op) {
    case "new-service":
      return first([{ ...request.server, realServers: [] }]);
    case "set-service":
      return first([{ ...request.server, realServers: [] }]).replace(" -A ", " -E ");
    case "delete-service":
      return first([{ ...bare, id: request.id, realServers: [] }]).replace(/ -A (.*) -s rr/, " -D $1");
    case "new-dest":
      return first([{ ...bare, id: request.id, realServers: [request.real] }], 1);
    case "set-dest":
      return first([{ ...bare, id: request.id, realServers: [request.real] }], 1).replace(" -a ", " -e ");
    case "delete-dest": {
      const real = {
        weight: 1,
        method: { kind: "masq" },
        upperThreshold: 0,
        lowerThreshold: 0,
        ...request.real,
      } as const;
      return first([{ ...bare, id: request.id, realServers: [real] }], 1).replace(/ -a (.*) -m -w 1/, " -d $1");
    }
    case "set-config": {
      const { tcp, tcpFin, udp } = request.timeouts;
      return `ipvsadm --set ${tcp} ${tcpFin} ${udp}`;
    }
  }
}

describe("messages to IPVS", () => {
  const byAddress = servers[0];
  const byMark = servers.find(({ id }) => id.kind === "mark");
  if (byAddress === undefined || byMark === undefined) throw new Error("no servers");
  const real = byAddress.realServers[0];
  if (real === undefined) throw new Error("no real server");
  const changes: readonly IpvsRequest[] = [
    { op: "set-service", server: byAddress },
    { op: "set-service", server: byMark },
    { op: "set-dest", id: byAddress.id, real: { ...real, weight: 0 } },
    { op: "set-dest", id: byMark.id, real },
    { op: "delete-dest", id: byAddress.id, real },
    { op: "delete-dest", id: byMark.id, real },
    { op: "delete-service", id: byAddress.id },
    { op: "delete-service", id: byMark.id },
    { op: "set-config", timeouts },
  ];

  it("are these bytes", async () => {
    const requests = [...additionsOf(servers), ...changes];
    const parts = [
      ...requests.map((request) => [command(request), encodeRequest(genl, request)] as const),
      ["ipvsadm -S -n: virtual servers", encodeServiceDump(genl)] as const,
      [
        `ipvsadm -S -n: real servers of ${command({ op: "delete-service", id: byAddress.id }).slice(11)}`,
        encodeDestDump(genl, byAddress.id),
      ] as const,
      ["ipvsadm -L --timeout", encodeGetConfig(genl)] as const,
    ];
    const text = parts.map(([name, frame]) => `${name}\n${layout(frame)}\n`).join("\n");
    await expect(text).toMatchFileSnapshot("ipvs-messages.txt");
  });

  it("say all that there is to say: a dump of the same attributes is the same virtual server", () => {
    for (const server of servers) {
      const [message] = readMessages(encodeRequest(genl, { op: "new-service", server }));
      expect(message && decodeService(message)).toEqual({ ...server, realServers: [], unusual: null });
      for (const one of server.realServers) {
        const [dest] = readMessages(encodeRequest(genl, { op: "new-dest", id: server.id, real: one }));
        expect(dest && decodeDest(dest, server.id)).toEqual({
          ...one,
          activeConnections: 0,
          inactiveConnections: 0,
          persistentConnections: 0,
          unusual: null,
        });
      }
    }
    const [message] = readMessages(encodeRequest(genl, { op: "set-config", timeouts }));
    expect(message && decodeConfig(message)).toEqual(timeouts);
  });

  it("have all attributes of a virtual server inside one", () => {
    const [message] = readMessages(encodeRequest(genl, { op: "delete-service", id: byAddress.id }));
    expect(message && nestedOf(attributesOf(message, genericHeaderSize), commandAttributes.service).end).toBe(
      message?.end,
    );
  });
});

it("virtual servers have an order whatever order the kernel lists them in", () => {
  expect([...servers].reverse().sort(compareServers)).toEqual(servers);
});

describe("requests that make no sense are not sent", () => {
  const id = { kind: "address", address: servers[0]?.realServers[0]?.address, protocol: "tcp", port: 80 } as const;
  const address = id.address;
  if (address === undefined) throw new Error("no address");
  const v4 = { ...id, address };
  const v6 = servers.findLast(({ realServers }) => realServers.length > 0)?.realServers[0]?.address ?? address;
  const server = {
    id: v4,
    key: null,
    scheduler: "wrr",
    schedulerFlags: [],
    persistence: null,
    onePacket: false,
  } as const;
  const real = {
    address,
    port: 80,
    method: { kind: "masq" },
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
  } as const;
  const service = (changes: object): IpvsRequest => ({ op: "new-service", server: { ...server, ...changes } });
  const dest = (changes: object): IpvsRequest => ({ op: "set-dest", id: v4, real: { ...real, ...changes } });

  it.each<[string, IpvsRequest, string]>([
    ["port 0", service({ id: { ...v4, port: 0 } }), "it needs a port"],
    ["mark 0", service({ id: { kind: "mark", family: "ipv4", mark: 0 } }), "a mark is a number"],
    ["flags of rr", service({ scheduler: "rr", schedulerFlags: ["port"] }), "scheduler rr has no flags"],
    ["one packet of TCP", service({ onePacket: true }), "one-packet scheduling is for UDP"],
    [
      "persistence of no time",
      service({ persistence: { timeoutSeconds: 0, prefixLength: 32 } }),
      "persistence is for 1",
    ],
    [
      "persistence for ever",
      service({ persistence: { timeoutSeconds: 2_678_401, prefixLength: 32 } }),
      "persistence is",
    ],
    ["a mask too long", service({ persistence: { timeoutSeconds: 1, prefixLength: 33 } }), "1 to 32 leading bits"],
    ["a mask of nothing", service({ persistence: { timeoutSeconds: 1, prefixLength: 0 } }), "1 to 32 leading bits"],
    ["a server without port", dest({ port: 0 }), "it needs a port"],
    ["a weight below 0", dest({ weight: -1 }), "weights are from 0 to 65535, not -1"],
    ["a weight too large", dest({ weight: 65_536 }), "weights are from 0 to 65535, not 65536"],
    ["thresholds upside down", dest({ upperThreshold: 1, lowerThreshold: 2 }), "the lower threshold is above"],
    ["a server of the other family", dest({ address: v6 }), "only a tunnel leads to"],
    ["gue without port", dest({ method: { kind: "tunnel", type: "gue", port: null } }), "a gue tunnel needs a port"],
    ["gre with port", dest({ method: { kind: "tunnel", type: "gre", port: 1 } }), "a tunnel of type gre has no port"],
    ["timeouts beyond reason", { op: "set-config", timeouts: { tcp: -1, tcpFin: 0, udp: 0 } }, "timeouts are whole"],
  ])("%s", (_, request, reason) => {
    expect(() => checkRequest(request)).toThrow(reason);
  });

  it("what makes sense passes", () => {
    for (const request of additionsOf(servers)) checkRequest(request);
    checkRequest(dest({ upperThreshold: 0, lowerThreshold: 2 }));
  });
});
