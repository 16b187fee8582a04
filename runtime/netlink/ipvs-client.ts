import type { VirtualServerId } from "../../compiler/backends/ipvs/program.ts";
import type { IpvsRequest } from "../../compiler/backends/step.ts";
import { HostError } from "../host/error.ts";
import type { Host } from "../host/host.ts";
import { connectNetlink } from "./connect.ts";
import { hostErrorFromNetlink } from "./errno.ts";
import { findFamily } from "./generic.ts";
import { HelperEndedError } from "./helper.ts";
import { encodeDestDump, encodeGetConfig, encodeServiceDump, genericName } from "./ipvs.ts";
import { compareRealServers, compareServers, decodeConfig, decodeDest, decodeService } from "./ipvs-decode.ts";
import { sendRequests } from "./ipvs-send.ts";
import type { IpvsState, RealServerState } from "./ipvs-state.ts";
import { protocols } from "./message.ts";
import { dump, mostInFlight, type Netlink } from "./netlink.ts";

/** A connection to the kernel's IPVS. */
export interface IpvsClient {
  read(): Promise<IpvsState>;
  /** Of each of these virtual servers, in their order; none for one that is not there. */
  readRealServers(ids: readonly VirtualServerId[]): Promise<readonly (readonly RealServerState[])[]>;
  /**
   * Carries out requests in their order. New ones for what is there change it, deleting what is not there is done.
   * Throws HostError that names the first request that failed and how many were done before it; none of those behind its
   * batch are tried.
   */
  send(requests: readonly IpvsRequest[]): Promise<void>;
  close(): void;
}

/** So few requests take less time one by one than a process for them takes to start. */
const mostAlone = 64;

/**
 * Reads in this process, because the kernel gives a dump as it is read, and no faster; changes little in it too, one
 * request at a time, whose one answer always fits. Many changes are sent by a process of its own: their answers may be
 * more than the receive buffer holds, which ends the process that has it.
 * null where the kernel has no IPVS, even after `modprobe ip_vs`. Throws HostError when netlink cannot be had.
 */
export async function openIpvs(host: Host): Promise<IpvsClient | null> {
  const here = await openLink(host, false);
  if (here === null) return null;
  return {
    read: () => here.work(readState),
    readRealServers: (ids) => here.work((at) => readDests(at, ids)),
    send: async (requests) => {
      if (requests.length <= mostAlone) return here.work((at) => sendRequests(at, requests, 0, 1, () => {}));
      const apart = await openLink(host, true);
      if (apart === null) throw new HostError("unsupported", "the kernel has no IPVS any more");
      let done = 0;
      try {
        await apart.work((at, isRetry) =>
          sendRequests(at, requests, done, isRetry ? mostInFlight / 2 : mostInFlight, (count) => {
            done = count;
          }),
        );
      } finally {
        apart.close();
      }
    },
    close: () => here.close(),
  };
}

interface Link {
  /** Throws HostError. */
  work<T>(task: (opened: Opened, isRetry: boolean) => Promise<T>): Promise<T>;
  close(): void;
}

/** `isApart`: see `connectNetlink`. null where there is no IPVS. */
async function openLink(host: Host, isApart: boolean): Promise<Link | null> {
  const opened = await openFamily(host, isApart);
  if (opened === null) return null;
  let current: Opened = opened;
  return {
    /** Once more, with another process, when the one that held the socket has ended. */
    work: async (task) => {
      try {
        try {
          return await task(current, false);
        } catch (error) {
          if (!(error instanceof HelperEndedError)) throw error;
          const again = await openFamily(host, isApart);
          if (again === null) throw error;
          current = again;
          return await task(current, true);
        }
      } catch (error) {
        if (error instanceof HelperEndedError) throw new HostError("refused", error.message);
        throw hostErrorFromNetlink(error);
      }
    },
    close: () => current.netlink.close(),
  };
}

/** A connection, and the number that the kernel has given to the family of IPVS. */
export interface Opened {
  readonly netlink: Netlink;
  readonly genl: number;
}

/** Once more where the process that waited for work has ended meanwhile: nothing was asked of it yet. */
async function openFamily(host: Host, isApart: boolean): Promise<Opened | null> {
  try {
    return await connectFamily(host, isApart).catch((error: unknown) => {
      if (error instanceof HelperEndedError) return connectFamily(host, isApart);
      throw error;
    });
  } catch (error) {
    if (error instanceof HelperEndedError) throw new HostError("refused", error.message);
    throw hostErrorFromNetlink(error);
  }
}

async function connectFamily(host: Host, isApart: boolean): Promise<Opened | null> {
  const netlink = await connectNetlink(host, protocols.generic, isApart);
  try {
    let genl = await findFamily(netlink, genericName);
    if (genl === null && (await loadModule(host))) genl = await findFamily(netlink, genericName);
    if (genl !== null) return { netlink, genl };
  } catch (error) {
    netlink.close();
    throw error;
  }
  netlink.close();
  return null;
}

async function loadModule(host: Host): Promise<boolean> {
  if ((await host.find("modprobe")) === null) return false;
  return (await host.run({ argv: ["modprobe", "ip_vs"] })).status === 0;
}

async function readState(opened: Opened): Promise<IpvsState> {
  const { netlink, genl } = opened;
  const found = await dump(netlink, encodeServiceDump(genl), "list virtual servers", decodeService);
  const servers = [...found].sort(compareServers);
  const lists = await readDests(
    opened,
    servers.map(({ id }) => id),
  );
  const [answer] = await netlink.request(encodeGetConfig(genl), "read connection timeouts");
  return {
    servers: servers.map((server, index) => ({ ...server, realServers: lists[index] ?? [] })),
    timeouts: answer === undefined ? { tcp: 0, tcpFin: 0, udp: 0 } : decodeConfig(answer),
  };
}

/** So many virtual servers are asked for at once that what comes back stays within some megabytes. */
const dumpsAtOnce = 512;

async function readDests(
  { netlink, genl }: Opened,
  ids: readonly VirtualServerId[],
): Promise<readonly (readonly RealServerState[])[]> {
  const lists: (readonly RealServerState[])[] = [];
  for (let start = 0; start < ids.length; start += dumpsAtOnce) {
    const some = ids.slice(start, start + dumpsAtOnce);
    const frames = some.map((id) => encodeDestDump(genl, id));
    const messages = await netlink.dumps(frames, "list real servers", (message) => message);
    some.forEach((id, index) => {
      const decoded = (messages[index] ?? []).flatMap((message) => decodeDest(message, id) ?? []);
      lists.push(decoded.sort(compareRealServers));
    });
  }
  return lists;
}
