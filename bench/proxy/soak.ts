import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Child, startChild } from "./child.ts";
import type { Contender } from "./contenders.ts";
import { figuresOf } from "./measure.ts";
import type { Role } from "./ports.ts";
import { highestMegabytes, openDescriptors, processorSeconds, residentMegabytes } from "./processes.ts";
import type { Figures } from "./rounds.ts";

/** How much of everything. */
export interface SoakSizes {
  /** There and back, each byte compared. */
  readonly gigabytes: number;
  /** Held open and talking while all the rest happens. */
  readonly connections: number;
  readonly slow: number;
  readonly udp: number;
}

const here = dirname(fileURLToPath(import.meta.url));
const streams = 16;
const megabyte = 1_000_000;
/** Longer than weir remembers a UDP client here, and than a closed socket takes. */
const settleMs = 30_000;

export const soakOptions = ["--udp-timeout", "5s"];

/** Everything at once that real clients do to a proxy; true when no byte was wrong and no descriptor is left. */
export async function soak(weir: Contender, sizes: SoakSizes): Promise<boolean> {
  const pid = weir.processes.mirror?.pid ?? 0;
  const before = openDescriptors(pid);
  let wrong = 0;
  const say = (what: string, text: string): void => void process.stdout.write(`  ${what.padEnd(44)} ${text}\n`);
  const told = (what: string, figures: Figures): void => {
    wrong += figures.wrong ?? 0;
    say(what, `${figures.right ?? 0} right, ${figures.wrong ?? 0} wrong`);
  };
  const client = (kind: string, role: Role, count: number, size: number): Promise<Child> =>
    startChild([process.execPath, join(here, "soak-load.js"), kind, ...[weir.ports[role], count, size].map(String)]);
  const memory = (): string => `${residentMegabytes(pid).toFixed(0)} MB, ${openDescriptors(pid)} descriptors`;

  say("weir with nothing to do", memory());
  const kept = await client("kept", "mirror", sizes.connections, 0);
  told(`${sizes.connections} connections, first word`, await figuresOf(kept));
  say("with them", memory());
  const slow = await client("slow", "source", sizes.slow, 0);
  told(`${sizes.slow} clients that read nothing`, await figuresOf(slow));
  say("with them", memory());

  const processorBefore = processorSeconds(pid);
  const size = Math.ceil((sizes.gigabytes * 1000) / streams) * megabyte;
  const few = Math.ceil(sizes.connections / 4);
  const parts = [
    { what: `${streams} streams, ${sizes.gigabytes} GB there and back`, args: ["exact", streams, size] },
    { what: `${few} clients that end before they read 1 MB`, args: ["half-closed", few, megabyte] },
    { what: `${few} clients that reset in the middle`, args: ["resets", few, megabyte] },
  ] as const;
  let bytes = 0;
  const run = async ({ what, args: [kind, count, length] }: (typeof parts)[number]): Promise<void> => {
    const child = await client(kind, "mirror", count, length);
    const figures = await figuresOf(child);
    bytes += figures.bytes ?? 0;
    told(what, figures);
  };
  await Promise.all(parts.map(run));
  say("compared byte by byte", `${(bytes / 1e9).toFixed(2)} GB`);
  say("weir's processor time", `${(processorSeconds(pid) - processorBefore).toFixed(1)} s`);
  say("weir's highest memory", `${highestMegabytes(pid).toFixed(0)} MB`);

  kept.endInput();
  told("words of the kept connections", await figuresOf(kept));
  slow.endInput();
  await figuresOf(slow);

  const udp = await client("udp", "echo", sizes.udp, 512);
  told(`${sizes.udp} UDP clients, three questions each`, await figuresOf(udp));
  say("with them", memory());
  const after = await settled(pid, before);
  say("afterwards", `${memory()} (before: ${before})`);
  if (wrong > 0 || after > before) {
    say("NOT GOOD", `${wrong} wrong, ${after - before} descriptors too many`);
    process.stdout.write(socketsOf(pid));
  }
  return wrong === 0 && after <= before;
}

/** What a process has open to others, by ss(8). */
function socketsOf(pid: number): string {
  const { stdout } = spawnSync("ss", ["--tcp", "--udp", "--all", "--numeric", "--processes", "--options"], {
    encoding: "utf8",
  });
  const lines = stdout.split("\n").filter((line) => line.includes(`pid=${pid},`) && !/LISTEN|UNCONN/.test(line));
  return lines.map((line) => `${line}\n`).join("");
}

/** The number of descriptors when it has come down to `wanted`, or when there was time enough for it. */
async function settled(pid: number, wanted: number): Promise<number> {
  const deadline = Date.now() + settleMs;
  while (openDescriptors(pid) > wanted && Date.now() < deadline) {
    await new Promise((resolve) => {
      setTimeout(resolve, 200);
    });
  }
  return openDescriptors(pid);
}
