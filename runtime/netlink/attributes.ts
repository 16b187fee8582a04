import type { Family, IpAddress } from "../../compiler/net/address.ts";
import { addressFromBits } from "../../compiler/net/address.ts";

/**
 * Attributes of netlink: u16 length with its own four bytes, u16 type, value, and zeros up to the next multiple of 4.
 * Numbers are in the order of the machine unless they are named `be`. Every machine that the netlink package has a
 * binary for is little-endian; socket.ts refuses others.
 * Source: include/uapi/linux/netlink.h.
 */

const nestedFlag = 0x8000;
/** Without the flags for nested and for network byte order. */
const typeMask = 0x3fff;

/** Bytes that grow as they are written. Attributes have a type, the fields of fixed headers none. */
export interface Writer {
  readonly length: number;
  header8(value: number): void;
  header16(value: number): void;
  header32(value: number): void;
  u8(type: number, value: number): void;
  u16(type: number, value: number): void;
  u32(type: number, value: number): void;
  be16(type: number, value: number): void;
  be32(type: number, value: number): void;
  be64(type: number, value: bigint): void;
  bytes(type: number, value: Uint8Array): void;
  /** With a zero behind it. */
  text(type: number, value: string): void;
  /** An attribute of attributes. */
  nested(type: number, fill: () => void): void;
  /** A copy of what was written. */
  take(): Buffer;
}

export function createWriter(): Writer {
  let buffer = Buffer.alloc(256);
  let length = 0;
  const reserve = (size: number): number => {
    const at = length;
    length += size;
    if (length > buffer.length) buffer = Buffer.concat([buffer, Buffer.alloc(Math.max(buffer.length, size))]);
    return at;
  };
  /** Writes the head of an attribute, zeros for the value, and tells where the value is. */
  const attribute = (type: number, size: number): number => {
    const at = reserve((4 + size + 3) & ~3);
    buffer.writeUInt16LE(4 + size, at);
    buffer.writeUInt16LE(type, at + 2);
    return at + 4;
  };
  const header = (size: 1 | 2 | 4, value: number): void => {
    const at = reserve(size);
    buffer.writeUIntLE(value, at, size);
  };
  const bytes = (type: number, value: Uint8Array): void => {
    const at = attribute(type, value.length);
    buffer.set(value, at);
  };
  return {
    get length() {
      return length;
    },
    header8: (value) => header(1, value),
    header16: (value) => header(2, value),
    header32: (value) => header(4, value),
    u8: (type, value) => {
      const at = attribute(type, 1);
      buffer.writeUInt8(value, at);
    },
    u16: (type, value) => {
      const at = attribute(type, 2);
      buffer.writeUInt16LE(value, at);
    },
    u32: (type, value) => {
      const at = attribute(type, 4);
      buffer.writeUInt32LE(value, at);
    },
    be16: (type, value) => {
      const at = attribute(type, 2);
      buffer.writeUInt16BE(value, at);
    },
    be32: (type, value) => {
      const at = attribute(type, 4);
      buffer.writeUInt32BE(value, at);
    },
    be64: (type, value) => {
      const at = attribute(type, 8);
      buffer.writeBigUInt64BE(value, at);
    },
    bytes,
    text: (type, value) => bytes(type, Buffer.from(`${value}\0`, "utf8")),
    nested: (type, fill) => {
      const start = attribute(type | nestedFlag, 0) - 4;
      fill();
      buffer.writeUInt16LE(length - start, start);
    },
    take: () => Buffer.from(buffer.subarray(0, length)),
  };
}

/** Values by type; of one type that stands there twice the last. */
export type Attributes = ReadonlyMap<number, Buffer>;

/** Reads what is well formed, and stops where an attribute claims more bytes than there are. */
export function readAttributes(buffer: Buffer): Attributes {
  const found = new Map<number, Buffer>();
  let at = 0;
  while (at + 4 <= buffer.length) {
    const size = buffer.readUInt16LE(at);
    if (size < 4 || at + size > buffer.length) break;
    found.set(buffer.readUInt16LE(at + 2) & typeMask, buffer.subarray(at + 4, at + size));
    at += (size + 3) & ~3;
  }
  return found;
}

export function nestedOf(attributes: Attributes, type: number): Attributes {
  const value = attributes.get(type);
  return value === undefined ? new Map() : readAttributes(value);
}

/** null when it is missing or shorter than the number. */
function numberOf(attributes: Attributes, type: number, size: number, read: (value: Buffer) => number): number | null {
  const value = attributes.get(type);
  return value === undefined || value.length < size ? null : read(value);
}

export const u8Of = (attributes: Attributes, type: number): number | null =>
  numberOf(attributes, type, 1, (value) => value.readUInt8(0));
export const u16Of = (attributes: Attributes, type: number): number | null =>
  numberOf(attributes, type, 2, (value) => value.readUInt16LE(0));
export const u32Of = (attributes: Attributes, type: number): number | null =>
  numberOf(attributes, type, 4, (value) => value.readUInt32LE(0));
export const be16Of = (attributes: Attributes, type: number): number | null =>
  numberOf(attributes, type, 2, (value) => value.readUInt16BE(0));
export const be32Of = (attributes: Attributes, type: number): number | null =>
  numberOf(attributes, type, 4, (value) => value.readUInt32BE(0));

/** Up to the first zero; null when it is missing. */
export function textOf(attributes: Attributes, type: number): string | null {
  const value = attributes.get(type);
  if (value === undefined) return null;
  const end = value.indexOf(0);
  return value.toString("utf8", 0, end === -1 ? value.length : end);
}

/** 4 or 16 bytes in network order. */
export function encodeAddress({ family, bits }: IpAddress): Buffer {
  const hex = bits.toString(16).padStart(family === "ipv4" ? 8 : 32, "0");
  return Buffer.from(hex, "hex");
}

/** From the first 4 or 16 bytes; null when there are fewer. */
export function decodeAddress(family: Family, bytes: Buffer | undefined): IpAddress | null {
  const size = family === "ipv4" ? 4 : 16;
  if (bytes === undefined || bytes.length < size) return null;
  return addressFromBits(family, BigInt(`0x${bytes.toString("hex", 0, size)}`));
}
