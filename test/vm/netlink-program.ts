import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { printVirtualServers } from "../../compiler/backends/ipvs/print-servers.ts";
import type { VirtualServer } from "../../compiler/backends/ipvs/program.ts";
import type { IpvsRequest } from "../../compiler/backends/step.ts";
import { textOf } from "../../compiler/backends/text.ts";
import { HostError } from "../../runtime/host/error.ts";
import type { Host } from "../../runtime/host/host.ts";
import { linuxHost } from "../../runtime/host/linux-host.ts";
import { type IpvsClient, openIpvs } from "../../runtime/netlink/ipvs-client.ts";
import { address } from "../support/net.ts";
import { additionsOf, deletionsOf, manyServers, plain, servers, timeouts } from "./netlink-servers.ts";

/**
 * Runs in the virtual machine: does things to its IPVS and writes what came of them to /mnt/output, one JSON for each
 * name. Argument: the program that speaks netlink.
 */

const helper = [process.execPath, process.argv[2] ?? ""];
const host: Host = { ...linuxHost(), netlinkHelper: helper };
const nothing = { tcp: 0, tcpFin: 0, udp: 0 };

function tell(name: string, value: unknown): void {
  writeFileSync(`/mnt/output/${name}`, JSON.stringify(plain(value)));
}

function ipvsadm(args: readonly string[], input?: string): string {
  return execFileSync("ipvsadm", [...args], { encoding: "utf8", ...(input === undefined ? {} : { input }) });
}

async function outcome(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return "done";
  } catch (error) {
    if (!(error instanceof HostError)) return String(error);
    const { trouble, message, errno, help } = error;
    return { trouble, message, errno, help };
  }
}

function seconds(from: bigint): number {
  return Number(process.hrtime.bigint() - from) / 1e9;
}

/** Processor seconds of a process that runs; `endedProcessor` of this one's children that have ended. */
function processorOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function endedProcessor(): number {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

async function everything(client: IpvsClient): Promise<void> {
  await client.send([{ op: "set-config", timeouts }, ...additionsOf(servers)]);
  tell("sent", await client.read());
  tell("sent-ipvsadm", ipvsadm(["-S", "-n"]));
  tell("sent-timeouts", ipvsadm(["-L", "--timeout"]));
  await client.send(additionsOf(servers));
  tell("sent-twice", await client.read());
  await client.send(deletionsOf(servers));
  await client.send([
    ...deletionsOf(servers),
    { op: "delete-dest", id: at("10.96.0.1", 80), real: { address: address("10.244.1.5"), port: 80 } },
  ]);
  tell("deleted", await client.read());
  ipvsadm(["-R"], textOf(printVirtualServers("", servers, nothing)));
  tell("restored", await client.read());
  await client.send(
    [...servers]
      .reverse()
      .flatMap(({ id, realServers }) => [...realServers.map((real): IpvsRequest => ({ op: "delete-dest", id, real }))]),
  );
  tell("emptied", await client.read());
  await client.send(deletionsOf(servers));
}

function at(text: string, port: number): VirtualServer["id"] {
  return { kind: "address", address: address(text), protocol: "tcp", port };
}

const plainServer: VirtualServer = {
  id: at("10.96.0.1", 80),
  key: null,
  scheduler: "rr",
  schedulerFlags: [],
  persistence: null,
  onePacket: false,
  realServers: [],
};
const plainReal = {
  address: address("10.244.1.5"),
  port: 8080,
  method: { kind: "masq" },
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
} as const;

async function changes(client: IpvsClient): Promise<void> {
  const id = plainServer.id;
  const persistence = { timeoutSeconds: 60, prefixLength: 24 };
  await client.send([
    { op: "new-service", server: { ...plainServer, scheduler: "sh", schedulerFlags: ["port"], persistence } },
    { op: "new-dest", id, real: plainReal },
    { op: "new-dest", id, real: { ...plainReal, port: 8081 } },
  ]);
  tell("change-before", (await client.read()).servers);
  await client.send([
    { op: "set-service", server: { ...plainServer, scheduler: "mh", schedulerFlags: ["fallback"] } },
    { op: "set-dest", id, real: { ...plainReal, weight: 0 } },
    { op: "delete-dest", id, real: { ...plainReal, port: 8081 } },
    // one object several times in a row ends as it was asked for last
    { op: "new-dest", id, real: { ...plainReal, port: 8082, weight: 3 } },
    { op: "new-dest", id, real: { ...plainReal, port: 8082, weight: 4 } },
    { op: "delete-dest", id, real: { ...plainReal, port: 8082 } },
    { op: "new-dest", id, real: { ...plainReal, port: 8082, weight: 5 } },
  ]);
  tell("change-after", (await client.read()).servers);
  await client.send(deletionsOf([plainServer]));
}

async function refusals(client: IpvsClient): Promise<void> {
  const { id } = plainServer;
  const scheduler: VirtualServer["scheduler"] = JSON.parse('"twos"');
  tell("no-scheduler", await outcome(client.send([{ op: "new-service", server: { ...plainServer, scheduler } }])));
  const dests = Array.from(
    { length: 200 },
    (_, port): IpvsRequest => ({
      op: "new-dest",
      id,
      real: { ...plainReal, port: port + 1 },
    }),
  );
  tell("no-server", await outcome(client.send(dests)));
  tell(
    "no-dest",
    await outcome(
      client.send([
        { op: "new-service", server: plainServer },
        { op: "set-dest", id, real: plainReal },
      ]),
    ),
  );
  await client.send(deletionsOf([plainServer]));
  const refused = { ...plainReal, port: 0 };
  tell(
    "no-port",
    await outcome(
      client.send([
        { op: "new-service", server: plainServer },
        { op: "new-dest", id, real: refused },
      ]),
    ),
  );
  tell("nothing-done", (await client.read()).servers);
}

async function foreign(client: IpvsClient): Promise<void> {
  ipvsadm(["-A", "-t", "10.9.9.9:0", "-s", "rr", "-p", "300"]);
  ipvsadm(["-A", "-u", "10.9.9.9:5060", "-s", "rr", "-p", "60", "--pe", "sip"]);
  ipvsadm([
    "-a",
    "-u",
    "10.9.9.9:5060",
    "-r",
    "10.244.1.5:5060",
    "-i",
    "--tun-type",
    "gue",
    "--tun-port",
    "6080",
    "--tun-csum",
  ]);
  tell("foreign", (await client.read()).servers);
  ipvsadm(["-C"]);
}

async function connections(client: IpvsClient): Promise<void> {
  execFileSync("ip", ["address", "add", "10.96.0.1/32", "dev", "lo"]);
  execFileSync("ip", ["address", "add", "10.244.1.5/32", "dev", "lo"]);
  const server = createServer(() => {}).listen(8080, "10.244.1.5");
  await once(server, "listening");
  await client.send(additionsOf([{ ...plainServer, realServers: [plainReal] }]));
  const sockets = [1, 2].map(() => connect(80, "10.96.0.1"));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  tell("connections", await client.readRealServers([plainServer.id, at("10.96.0.99", 1)]));
  for (const socket of sockets) socket.destroy();
  server.close();
  await client.send(deletionsOf([plainServer]));
}

async function powerless(): Promise<void> {
  const weak: Host = { ...host, netlinkHelper: ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--", ...helper] };
  const client = await openIpvs(weak);
  tell("powerless-read", await outcome(client?.read() ?? Promise.resolve()));
  tell("powerless-send", await outcome(client?.send(additionsOf([plainServer])) ?? Promise.resolve()));
  client?.close();
}

/** The process that holds the socket ends as the package ends it, in the middle of the work. */
async function aborted(client: IpvsClient): Promise<void> {
  const many = manyServers(300);
  const sending = outcome(client.send(additionsOf(many)));
  await new Promise((resolve) => setTimeout(resolve, 150));
  const before = childrenOf(process.pid);
  for (const pid of before) process.kill(pid, "SIGABRT");
  const result = await sending;
  tell("aborted", { killed: before.length, result, servers: (await client.read()).servers.length });
  await client.send(deletionsOf(many));
}

/**
 * Reads in this process, and changes a little, with the smallest receive buffer that the kernel gives and a reader that is
 * busy with something else most of the time: more answers than it holds would end this program.
 */
async function inOneProcess(count: number): Promise<void> {
  const setting = "/proc/sys/net/core/rmem_max";
  const usual = readFileSync(setting, "utf8");
  writeFileSync(setting, "2304");
  const own = await openIpvs(linuxHost());
  if (own === null) throw new Error("no IPVS");
  const before = childrenOf(process.pid);
  const late = setInterval(() => {
    for (const from = process.hrtime.bigint(); seconds(from) < 0.02; );
  }, 5);
  const state = await own.read();
  const missing = manyServers(count + 64).slice(count);
  // each is refused, with an answer that has all of it
  const refused = await outcome(own.send(deletionsOf(missing)));
  clearInterval(late);
  writeFileSync(setting, usual);
  own.close();
  tell("in-one-process", {
    servers: state.servers.length,
    realServers: state.servers.reduce((sum, { realServers }) => sum + realServers.length, 0),
    refused,
    started: childrenOf(process.pid).length - before.length,
  });
}

async function figures(client: IpvsClient): Promise<void> {
  const many = manyServers(Number(process.env.WEIR_VM_SERVERS ?? 1000));
  const requests = additionsOf(many);
  const found: Record<string, number> = {};
  const measure = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    const pids = [process.pid, ...childrenOf(process.pid)];
    const [from, before] = [process.hrtime.bigint(), pids.map(processorOf)];
    await work();
    found[`${name}, wall`] = seconds(from);
    pids.forEach((pid, index) => {
      found[`${name}, processor of ${index === 0 ? "weir" : "its helper"}`] = processorOf(pid) - (before[index] ?? 0);
    });
  };
  await measure("send 9,000", () => client.send(requests));
  await measure("read 1,000 x 8", async () => tell("many", (await client.read()).servers.length));
  await inOneProcess(many.length);
  await measure("one weight", () =>
    client.send([{ op: "set-dest", id: plainServer.id, real: { ...plainReal, port: 1 } }]).catch(() => {}),
  );
  await measure("delete 1,000", () => client.send(deletionsOf(many)));
  const text = textOf(printVirtualServers("", many, nothing));
  const [from, before] = [process.hrtime.bigint(), endedProcessor()];
  spawnSync("ipvsadm", ["-R"], { input: text });
  found["ipvsadm --restore of the same, wall"] = seconds(from);
  found["ipvsadm --restore of the same, processor"] = endedProcessor() - before;
  tell("many-restored", (await client.read()).servers.length);
  ipvsadm(["-C"]);
  tell("figures", found);
}

const parts = { everything, changes, refusals, foreign, connections, powerless, aborted, figures } as const;

tell("loaded-before", readFileSync("/proc/modules", "utf8").includes("ip_vs "));
const client = await openIpvs(host);
if (client === null) throw new Error("no IPVS");
tell("loaded-after", readFileSync("/proc/modules", "utf8").includes("ip_vs "));
const wanted = process.argv.slice(3);
for (const [name, part] of Object.entries(parts)) if (wanted.length === 0 || wanted.includes(name)) await part(client);
client.close();
