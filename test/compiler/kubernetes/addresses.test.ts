import { describe, expect, it } from "vitest";
import { parseSloppyAddress, parseSloppyPrefix } from "../../../compiler/kubernetes/addresses.ts";
import { parseGoDuration } from "../../../compiler/kubernetes/duration.ts";

describe("addresses as Kubernetes reads them", () => {
  it.each([
    ["10.96.0.10", "10.96.0.10"],
    ["172.30.0.041", "172.30.0.41"],
    ["0010.0.0.0001", "10.0.0.1"],
    ["FD00:0:0::1", "fd00::1"],
    ["::ffff:010.0.0.1", "10.0.0.1"],
    ["64:ff9b::010.0.0.1", "64:ff9b::a00:1"],
  ])("%s is %s", (text, canonical) => {
    const parsed = parseSloppyAddress(text);
    expect(parsed.ok && parsed.value.text).toBe(canonical);
  });

  it.each([
    "",
    "10.96.0",
    "10.96.0.256",
    "0x0a.0.0.1",
    "10.0.0.1/32",
    "fe80::1%eth0",
    "::g",
    "1.2.3.4.5",
    "::ffff:1.2.3.256",
    "nowhere",
    "٣.0.0.1",
  ])("%j is none", (text) => {
    expect(parseSloppyAddress(text).ok).toBe(false);
  });

  it.each([
    ["192.168.001.077/025", "192.168.1.0/25"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["fd00::5/64", "fd00::/64"],
  ])("%s is the network %s", (text, canonical) => {
    const parsed = parseSloppyPrefix(text);
    expect(parsed.ok && parsed.value.text).toBe(canonical);
  });

  it.each(["192.0.2.1", "192.0.2.0/33", "fd00::/129", "192.0.2.0/", "192.0.2.0/-1", "/24", "x/8"])(
    "%j is no network",
    (text) => {
      expect(parseSloppyPrefix(text).ok).toBe(false);
    },
  );
});

describe("durations as Go writes them", () => {
  it.each([
    ["0", 0],
    ["0s", 0],
    ["15m0s", 900],
    ["1h1m1.5s", 3661.5],
    ["250ms", 0.25],
    ["-5s", -5],
  ])("%s is %d seconds", (text, seconds) => {
    expect(parseGoDuration(text)).toEqual({ ok: true, value: seconds });
  });

  it.each(["", "5", "s", "5 s", "5sec", "1h-5m", "1.2.3s"])("%j is none", (text) => {
    expect(parseGoDuration(text).ok).toBe(false);
  });
});
