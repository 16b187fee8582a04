import { endianness } from "node:os";
import { HostError } from "../host/error.ts";
import { type NetlinkProtocol, protocols } from "./message.ts";

/** Datagrams to and from the kernel. */
export interface NetlinkSocket {
  /** Calls back with the name of the error when the kernel took nothing of it. */
  send(datagram: Uint8Array, failed: (errno: string) => void): void;
  onDatagram(receive: (datagram: Buffer) => void): void;
  onError(failed: (errno: string) => void): void;
  close(): void;
}

/** What the kernel gives without privileges is 208 KB; beyond its limit (net.core.rmem_max) it gives the limit. */
const receiveBufferBytes = 1 << 20;
const sendBufferBytes = 212_992;
/** Dumps come in datagrams of at most 32 KB. Reading into a buffer of fixed size spares a system call for each one. */
const datagramBytes = 65_536;

/**
 * A socket of the network namespace of this process. It keeps the process alive until it is closed.
 * Throws HostError: `unsupported` where the netlink package has no binary or the kernel no such protocol.
 */
export async function openSocket(protocol: NetlinkProtocol): Promise<NetlinkSocket> {
  const { RawNetlinkSocket } = await loadPackage();
  try {
    const socket = new RawNetlinkSocket(protocol, {
      recvBufferSize: receiveBufferBytes,
      sendBufferSize: sendBufferBytes,
      // where answers are small and many, a buffer for the longest would be too much for each
      messagePeeking: protocol === protocols.generic,
      msgBufferSize: datagramBytes,
    });
    return {
      send: (datagram, failed) =>
        socket.send(datagram, {}, (error) => {
          if (error !== undefined) failed(error.code);
        }),
      onDatagram: (receive) => void socket.on("message", (datagram) => receive(datagram)),
      onError: (failed) => void socket.on("error", (error) => failed(error.code)),
      close: () => socket.close(),
    };
  } catch (error) {
    const errno = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw new HostError("unsupported", `this kernel gives no netlink socket of protocol ${protocol}: ${errno}`, {
      errno,
    });
  }
}

/** Loaded when it is needed: it holds machine code, and most commands do without. */
async function loadPackage(): Promise<typeof import("netlink")> {
  if (process.platform === "linux" && endianness() === "LE") {
    try {
      return await import("netlink");
    } catch {
      // as below
    }
  }
  throw new HostError("unsupported", `the package netlink has no binary for ${process.platform} ${process.arch}`, {
    help: "use another backend than ipvs, or build the package from its sources",
  });
}
