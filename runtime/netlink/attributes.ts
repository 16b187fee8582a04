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
  /** In network order; zeros behind it up to `size`, 4 or 16 when left out. */
  address(type: number, value: IpAddress, size?: number): void;
  /** With a zero behind it. */
  text(type: number, value: string): void;
  /** An attribute of attributes. */
  nested(type: number, fill: () => void): void;
  /** A copy of what was written, with which the writer starts again. */
  take(): Buffer;
}

export function createWriter(): Writer {
  let buffer = Buffer.alloc(256);
  let length = 0;
  const reserve = (size: number): number => {
    const at = length;
    length += size;
    if (length > buffer.length) buffer = Buffer.concat([buffer, Buffer.alloc(Math.max(buffer.length, size))]);
    buffer.fill(0, at, length);
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
    address: (type, { family, bits }, size = family === "ipv4" ? 4 : 16) => {
      const at = attribute(type, size);
      if (family === "ipv4") {
        buffer.writeUInt32BE(Number(bits), at);
      } else {
        buffer.writeBigUInt64BE(bits >> 64n, at);
        buffer.writeBigUInt64BE(bits & 0xffff_ffff_ffff_ffffn, at + 8);
      }
    },
    text: (type, value) => bytes(type, Buffer.from(`${value}\0`, "utf8")),
    nested: (type, fill) => {
      const start = attribute(type | nestedFlag, 0) - 4;
      fill();
      buffer.writeUInt16LE(length - start, start);
    },
    take: () => {
      const taken = Buffer.allocUnsafe(length);
      buffer.copy(taken, 0, 0, length);
      length = 0;
      return taken;
    },
  };
}

/** Attributes one behind the other, where they stand: a dump has hundreds of thousands, of which few are looked at. */
export interface Attributes {
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
}

export function attributesFrom(buffer: Buffer, start = 0): Attributes {
  return { buffer, start, end: buffer.length };
}

/** Where the head of the attribute behind this one is; -1 at the end, and where one claims more bytes than there are. */
function next({ buffer, start, end }: Attributes, at: number): number {
  const after = at < 0 ? start : at + ((sizeAt(buffer, at) + 3) & ~3);
  if (after + 4 > end) return -1;
  const size = sizeAt(buffer, after);
  return size < 4 || after + size > end ? -1 : after;
}

/** Of an attribute, with its head. */
function sizeAt(buffer: Buffer, at: number): number {
  return buffer.readUInt16LE(at);
}

function typeAt(buffer: Buffer, at: number): number {
  return buffer.readUInt16LE(at + 2) & typeMask;
}

/** Where the head of the first attribute of a type is; -1 when there is none with so many bytes. */
function find(attributes: Attributes, type: number, leastBytes: number): number {
  const { buffer } = attributes;
  for (let at = next(attributes, -1); at !== -1; at = next(attributes, at)) {
    if (typeAt(buffer, at) === type) return sizeAt(buffer, at) - 4 >= leastBytes ? at : -1;
  }
  return -1;
}

export function typesOf(attributes: Attributes): readonly number[] {
  const types: number[] = [];
  for (let at = next(attributes, -1); at !== -1; at = next(attributes, at)) types.push(typeAt(attributes.buffer, at));
  return types;
}

/** Empty when it is missing. */
export function nestedOf(attributes: Attributes, type: number): Attributes {
  const { buffer } = attributes;
  const at = find(attributes, type, 0);
  return at === -1 ? { buffer, start: 0, end: 0 } : { buffer, start: at + 4, end: at + sizeAt(buffer, at) };
}

/** All of one type, as the attributes that they hold. */
export function eachNestedOf(attributes: Attributes, type: number): readonly Attributes[] {
  const { buffer } = attributes;
  const found: Attributes[] = [];
  for (let at = next(attributes, -1); at !== -1; at = next(attributes, at)) {
    if (typeAt(buffer, at) === type) found.push({ buffer, start: at + 4, end: at + sizeAt(buffer, at) });
  }
  return found;
}

export function bytesOf(attributes: Attributes, type: number): Buffer | null {
  const { buffer } = attributes;
  const at = find(attributes, type, 0);
  return at === -1 ? null : buffer.subarray(at + 4, at + sizeAt(buffer, at));
}

/** null when it is missing or shorter than the number. */
function numberReader(size: number, read: (buffer: Buffer, at: number) => number) {
  return (attributes: Attributes, type: number): number | null => {
    const at = find(attributes, type, size);
    return at === -1 ? null : read(attributes.buffer, at + 4);
  };
}

export const u8Of = numberReader(1, (buffer, at) => buffer.readUInt8(at));
export const u16Of = numberReader(2, (buffer, at) => buffer.readUInt16LE(at));
export const u32Of = numberReader(4, (buffer, at) => buffer.readUInt32LE(at));
export const be16Of = numberReader(2, (buffer, at) => buffer.readUInt16BE(at));
export const be32Of = numberReader(4, (buffer, at) => buffer.readUInt32BE(at));

/** null when it is missing or shorter than the number. */
export function be64Of(attributes: Attributes, type: number): bigint | null {
  const at = find(attributes, type, 8);
  return at === -1 ? null : attributes.buffer.readBigUInt64BE(at + 4);
}

/** Up to the first zero; null when it is missing. */
export function textOf(attributes: Attributes, type: number): string | null {
  const value = bytesOf(attributes, type);
  if (value === null) return null;
  const end = value.indexOf(0);
  return value.toString("utf8", 0, end === -1 ? value.length : end);
}

/** From the first 4 or 16 bytes; null when there are fewer. */
export function addressOf(attributes: Attributes, type: number, family: Family): IpAddress | null {
  const { buffer } = attributes;
  const at = find(attributes, type, family === "ipv4" ? 4 : 16);
  if (at === -1) return null;
  if (family === "ipv4") return addressFromBits(family, BigInt(buffer.readUInt32BE(at + 4)));
  return addressFromBits(family, (buffer.readBigUInt64BE(at + 4) << 64n) | buffer.readBigUInt64BE(at + 12));
}
