import type { LabRow } from "../../runtime/lab/expectation.ts";
import { row } from "./lab-rows.ts";

/** Numbers from 0 up to, but without, 1; the same ones for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const head = `
cluster {
  pods 10.244.0.0/16, fd00:10:244::/56
  service-range 10.96.0.0/16
}

node worker-1 {
  address 192.0.2.11, 2001:db8::11
  pods 10.244.1.0/24, fd00:10:244:1::/64
}

node worker-2 {
  address 192.0.2.12, 2001:db8::12
  pods 10.244.2.0/24, fd00:10:244:2::/64
}
`;

interface SoakService {
  readonly declaration: string;
  readonly endpoints: readonly string[];
  /** One of these is in use at all times, whatever becomes of the others. */
  readonly needed: readonly string[];
}

const near = ["10.244.1.5 on worker-1", "10.244.1.6 on worker-1"];
const far = ["10.244.2.7 on worker-2", "10.244.2.8 on worker-2", "10.244.2.9 on worker-2"];
const near6 = ["fd00:10:244:1::5 on worker-1", "fd00:10:244:1::6 on worker-1"];
const far6 = ["fd00:10:244:2::7 on worker-2"];

const services: readonly SoakService[] = [
  {
    declaration: "service shop/web {\n  vip 10.96.0.10\n  port http tcp 80 -> 8080 node-port 30080",
    endpoints: [...near, ...far],
    needed: [...near, ...far],
  },
  {
    declaration: "service shop/dns {\n  vip 10.96.0.11\n  port dns udp 53 -> 5353 node-port 30053",
    endpoints: [...near, ...far],
    needed: [...near, ...far],
  },
  {
    declaration:
      "service shop/front {\n  vip 10.96.0.12\n  load-balancer 198.51.100.7\n  external-policy local\n  port http tcp 80 -> 8080",
    endpoints: [...near, ...far],
    needed: near,
  },
  {
    declaration: "service shop/six {\n  vip fd00:10:96::10\n  port http tcp 80 -> 8080",
    endpoints: [...near6, ...far6],
    needed: [...near6, ...far6],
  },
];

/** The spec with every endpoint that any of the others has: who must be there. */
export const soakUniverse: string =
  head + services.map(({ declaration, endpoints }) => serviceText(declaration, endpoints)).join("");

function serviceText(declaration: string, endpoints: readonly string[]): string {
  return `\n${declaration}\n${endpoints.map((each) => `  endpoint ${each}\n`).join("")}}\n`;
}

/** Endpoints come and go, change their weights and are drained, in services that each keep one in use. */
export function soakText(random: () => number): string {
  const pick = (count: number) => Math.floor(random() * count);
  const texts = services.map(({ declaration, endpoints, needed }) => {
    const kept = needed[pick(needed.length)];
    const lines = endpoints.flatMap((each) => {
      const weight = 1 + pick(3);
      const suffix = weight === 1 ? "" : ` weight ${weight}`;
      if (each === kept) return [`${each}${suffix}`];
      const fate = random();
      if (fate < 0.4) return [];
      return [fate < 0.55 ? `${each} draining` : `${each}${suffix}`];
    });
    return serviceText(declaration, lines);
  });
  return head + texts.join("");
}

const anyone = { verdict: "pass" } as const;

/** Who connects to what, all the time: from the node, from one of its pods, from an endpoint to its own service, from outside. */
export const soakFlows: readonly LabRow[] = [
  "tcp 10.244.1.77 -> 10.96.0.10:80",
  "tcp 10.244.1.5 -> 10.96.0.10:80",
  "tcp 192.0.2.11 -> 10.96.0.10:80",
  "tcp 203.0.113.9 -> 10.96.0.10:80",
  "tcp 203.0.113.9 -> 192.0.2.11:30080",
  "tcp 10.244.1.77 -> 192.0.2.11:30080",
  "tcp 203.0.113.9 -> 198.51.100.7:80",
  "tcp 192.0.2.11 -> 198.51.100.7:80",
  "tcp fd00:10:244:1::77 -> [fd00:10:96::10]:80",
  "tcp 2001:db8::9 -> [fd00:10:96::10]:80",
  "udp 10.244.1.77 -> 10.96.0.11:53",
  "udp 192.0.2.11 -> 10.96.0.11:53",
  "udp 203.0.113.9 -> 192.0.2.11:30053",
].map((text) => row(text, anyone));
