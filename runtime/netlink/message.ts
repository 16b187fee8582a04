import type { Family } from "../../compiler/net/address.ts";
import { type Attributes, createWriter, type Writer } from "./attributes.ts";

/** Headers of messages. Source: include/uapi/linux/netlink.h, genetlink.h, netfilter/nfnetlink.h. */

export const protocols = { route: 0, netfilter: 12, generic: 16 } as const;
export type NetlinkProtocol = (typeof protocols)[keyof typeof protocols];

export const messageTypes = { error: 2, done: 3 } as const;

export const messageFlags = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  dumpInterrupted: 0x10,
  dump: 0x300,
  /** With a new object: it must not be there. */
  exclusive: 0x200,
  create: 0x400,
} as const;

/** Numbers of families in messages: AF_INET, AF_INET6. */
export const familyNumbers = { ipv4: 2, ipv6: 10 } as const satisfies Record<Family, number>;

export function familyOf(number: number): Family | null {
  return number === familyNumbers.ipv4 ? "ipv4" : number === familyNumbers.ipv6 ? "ipv6" : null;
}

/** A whole message without a sequence number, which the engine gives. */
export type Frame = Buffer;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Where the message with its header is: a dump has hundreds of thousands, and a Buffer for each would cost most. */
  readonly datagram: Buffer;
  readonly start: number;
  readonly end: number;
}

export const headerSize = 16;

/** Frames are written one after the other, never one inside another. */
const writer = createWriter();

/** nlmsghdr: u32 length, u16 type, u16 flags, u32 sequence, u32 port. `flags` are those beside `request`. */
export function encodeMessage(type: number, flags: number, fill: (writer: Writer) => void): Frame {
  writer.header32(0);
  writer.header16(type);
  writer.header16(flags | messageFlags.request);
  writer.header32(0);
  writer.header32(0);
  fill(writer);
  const frame = writer.take();
  frame.writeUInt32LE(frame.length, 0);
  return frame;
}

/** Gives a frame its place in a conversation. Changes the frame: it is sent once. */
export function stamp(frame: Frame, sequence: number, flags: number): void {
  frame.writeUInt16LE(frame.readUInt16LE(6) | flags, 6);
  frame.writeUInt32LE(sequence, 8);
}

/** The messages of one datagram. Stops where one claims more bytes than there are. */
export function readMessages(datagram: Buffer): readonly NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  let at = 0;
  while (at + headerSize <= datagram.length) {
    const size = datagram.readUInt32LE(at);
    if (size < headerSize || at + size > datagram.length) break;
    messages.push({
      type: datagram.readUInt16LE(at + 4),
      flags: datagram.readUInt16LE(at + 6),
      sequence: datagram.readUInt32LE(at + 8),
      datagram,
      start: at,
      end: at + size,
    });
    at += (size + 3) & ~3;
  }
  return messages;
}

/** Frames one behind the other, each from a multiple of 4 on, as one send has them. */
export function joinFrames(frames: readonly Buffer[]): Buffer {
  const joined = Buffer.alloc(frames.reduce((sum, { length }) => sum + ((length + 3) & ~3), 0));
  let at = 0;
  for (const frame of frames) {
    joined.set(frame, at);
    at += (frame.length + 3) & ~3;
  }
  return joined;
}

/** What was joined, in the same memory. */
export function splitFrames(joined: Buffer): readonly Buffer[] {
  return readMessages(joined).map(({ start, end }) => joined.subarray(start, end));
}

export function joinMessages(messages: readonly NetlinkMessage[]): Buffer {
  const joined = Buffer.alloc(messages.reduce((sum, { start, end }) => sum + ((end - start + 3) & ~3), 0));
  let at = 0;
  for (const { datagram, start, end } of messages) {
    datagram.copy(joined, at, start, end);
    at += (end - start + 3) & ~3;
  }
  return joined;
}

/** What follows the header. */
export function payloadOf({ datagram, start, end }: NetlinkMessage): Buffer {
  return datagram.subarray(start + headerSize, end);
}

/** What follows the header and the fixed fields of so many bytes. */
export function attributesOf({ datagram, start, end }: NetlinkMessage, fixedBytes: number): Attributes {
  return { buffer: datagram, start: start + headerSize + fixedBytes, end };
}

/** The error number of an error or done message, 0 for success. */
export function errorNumberOf({ datagram, start, end }: NetlinkMessage): number {
  return end < start + headerSize + 4 ? 0 : Math.abs(datagram.readInt32LE(start + headerSize));
}

/** genlmsghdr: u8 command, u8 version, u16 zero. */
export function encodeGeneric(
  family: number,
  command: number,
  flags: number,
  fill: (writer: Writer) => void = () => {},
): Frame {
  return encodeMessage(family, flags, (writer) => {
    writer.header8(command);
    writer.header8(1);
    writer.header16(0);
    fill(writer);
  });
}

export const genericHeaderSize = 4;

/** nfgenmsg: u8 family, u8 version, be16 resource; the type is the subsystem and its message. */
export function encodeNetfilter(
  subsystem: number,
  message: number,
  flags: number,
  family: number,
  fill: (writer: Writer) => void = () => {},
): Frame {
  return encodeMessage((subsystem << 8) | message, flags, (writer) => {
    writer.header8(family);
    writer.header8(0);
    writer.header16(0);
    fill(writer);
  });
}

export const netfilterHeaderSize = 4;
