import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { parseIpvs } from "../../compiler/backends/ipvs/parse.ts";
import type { IpvsProgram } from "../../compiler/backends/ipvs/program.ts";
import type { Step } from "../../compiler/backends/step.ts";
import { executeStep } from "../../runtime/execute/execute.ts";
import type { Host } from "../../runtime/host/host.ts";
import { linuxHost } from "../../runtime/host/linux-host.ts";
import { ipvsPlane } from "../../runtime/planes/ipvs.ts";
import type { Observed } from "../../runtime/planes/plane.ts";
import { essenceOf } from "../support/ipvs-model.ts";

/**
 * Runs in the virtual machine, in the node's namespace of topology.sh: puts programs on the node with the IPVS plane and
 * writes what came of it to /mnt/output, a list of findings for each test; an empty list is as it should be.
 * With the argument `serve`: a server that answers each line, and each datagram, with its own name.
 */

const host = linuxHost();
const text = (name: string) => readFileSync(`/mnt/input/${name}`, "utf8");
const known: IpvsProgram[] = [];

function programOf(files: Readonly<Record<string, string>>): IpvsProgram {
  const program = parseIpvs(new Map(Object.entries(files)));
  known.push(program);
  return program;
}

function sh(command: string): string {
  return execFileSync("bash", ["-c", command], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

const observe = () => ipvsPlane.observe(host, { known });

async function carryOut(steps: readonly Step[]): Promise<void> {
  for (const step of steps) await executeStep(host, step);
}

/** Plans, executes, and reads back. */
async function applyTo(after: IpvsProgram | null, atOnce = false): Promise<Observed<IpvsProgram>> {
  await carryOut(ipvsPlane.plan(await observe(), after, { atOnce }));
  return observe();
}

/** What is read without a listing of rules is the same, and read without any program. */
async function spared(wanted: IpvsProgram | undefined): Promise<readonly string[]> {
  const { snapshot } = await observe();
  const unchanged = ipvsPlane.facts?.(snapshot) ?? {};
  const runs: string[] = [];
  const watched: Host = {
    ...host,
    run: (command) => {
      runs.push(command.argv.join(" "));
      return host.run(command);
    },
  };
  const seen = await ipvsPlane.observe(watched, { known, unchanged });
  const findings = [...runs, ...holds(seen, wanted ?? null, "with rules that are known")];
  for (const [name, each] of Object.entries(snapshot)) findings.push(...difference(seen.snapshot[name] ?? "", each));
  sh("ipset flush weir-frontends; ipvsadm -C; ip rule del fwmark 0x40000000/0x40000000");
  const harmed = lasting(ipvsPlane.plan(await ipvsPlane.observe(watched, { known, unchanged }), wanted ?? null));
  for (const sign of ["element", "virtual server", "rule"]) {
    if (!harmed.some((line) => line.includes(sign))) findings.push(`not seen with rules that are known: ${sign}`);
  }
  findings.push(...holds(await applyTo(wanted ?? null), wanted ?? null, "after it"));
  return findings;
}

function lasting(steps: readonly Step[]): readonly string[] {
  return steps.flatMap((step) =>
    step.kind === "flows" ? [] : step.operations.map((each) => `${each.action} ${each.object} ${each.name}`),
  );
}

/** Lines that only one of two texts has. */
function difference(now: string, wanted: string): readonly string[] {
  const [have, want] = [new Set(now.split("\n")), new Set(wanted.split("\n"))];
  const lost = [...want].filter((line) => !have.has(line)).map((line) => `- ${line}`);
  return [...lost, ...[...have].filter((line) => !want.has(line)).map((line) => `+ ${line}`)].slice(0, 20);
}

function holds(now: Observed<IpvsProgram>, wanted: IpvsProgram | null, label: string): readonly string[] {
  const findings = [
    ...difference(essenceOf(now.program), essenceOf(wanted)),
    ...lasting(ipvsPlane.plan(now, wanted)),
    ...now.foreign.map((part) => `foreign: ${part.place}: ${part.text}`),
  ];
  return findings.map((finding) => `${label}: ${finding}`);
}

const foreignState = () =>
  [
    sh("ipvsadm -S -n | grep 203.0.113.99"),
    sh("ipset save others | grep -v initval"),
    sh("iptables-save -t mangle | grep OTHERS"),
    sh("ip rule list | grep 'fwmark 0x77'"),
  ].join("\n");

function makeForeign(): void {
  sh(`ipvsadm -A -t 203.0.113.99:99 -s rr; ipvsadm -a -t 203.0.113.99:99 -r 203.0.113.98:99 -m
    ipset create others hash:ip; ipset add others 192.0.2.200
    iptables -t mangle -N OTHERS; iptables -t mangle -A OTHERS -m mark --mark 0x77 -j ACCEPT
    iptables -t mangle -A PREROUTING -j OTHERS
    ip rule add fwmark 0x77 lookup 77`);
}

const tests: Readonly<Record<string, () => Promise<readonly string[]>>> = {
  async drains() {
    const programs: Readonly<Record<string, IpvsProgram>> = Object.fromEntries(
      Object.entries<Record<string, string>>(JSON.parse(text("drains.json"))).map(([name, files]) => [
        name,
        programOf(files),
      ]),
    );
    const { both, far, without } = programs;
    if (both === undefined || far === undefined || without === undefined) return ["programs are missing"];
    const findings: string[] = [];
    const say = (what: string, is: unknown, wanted: unknown) => {
      if (JSON.stringify(is) !== JSON.stringify(wanted))
        findings.push(`${what}: ${JSON.stringify(is)}, not ${JSON.stringify(wanted)}`);
    };
    const drain = async (after: IpvsProgram | null, isOverdue = false) => {
      const result = await ipvsPlane.drain?.(host, { known }, after, isOverdue, null);
      await carryOut(result?.steps ?? []);
      return { waiting: result?.waiting, done: (result?.steps.length ?? 0) > 0 };
    };
    await applyTo(both, true);
    const tcp = (at: string) => open("tcp", at, "80");
    const udp = (at: string) => open("udp", at, "53");

    // an endpoint leaves
    const near = await openTo(() => tcp("10.96.0.10"), "near");
    const chatty = await openTo(() => udp("10.96.0.10"), "near");
    const left = await applyTo(far);
    say("plan while it drains", lasting(ipvsPlane.plan(left, far)), []);
    say("old connection", await near.ask(), "near");
    say("udp flow", await chatty.ask(), "far");
    for (let at = 0; at < 3; at++) say("new connection", await once("tcp", "10.96.0.10", "80"), "far");
    say(
      "drain while connected",
      (
        await until(
          () => drain(far),
          ({ done }) => !done,
        )
      ).waiting,
      1,
    );
    say("old connection, drained", await near.ask(), "near");
    near.close();
    say(
      "drained",
      await until(
        () => drain(far),
        ({ done }) => done,
      ),
      { waiting: 0, done: true },
    );
    findings.push(...holds(await observe(), far, "after the connection"));
    chatty.close();

    // an endpoint leaves, and its connection does not end
    await applyTo(both, true);
    const stubborn = await openTo(() => tcp("10.96.0.10"), "near");
    await applyTo(far);
    say("overdue", await drain(far, true), { waiting: 0, done: true });
    findings.push(...holds(await observe(), far, "after the deadline"));
    say("overdue connection", await stubborn.ask(), "none");
    stubborn.close();

    // services leave: a VIP that another port is on, one that nothing is on, a node port, an external address
    await applyTo(both, true);
    const places = [
      ["10.96.0.10", "80", "refused"],
      ["10.96.0.12", "80", "none"],
      ["198.51.100.1", "30080", "refused"],
      ["192.0.2.7", "80", "refused"],
    ] as const;
    const olds = await Promise.all(places.map(([at, port]) => open("tcp", at, port)));
    for (const [at, old] of olds.entries()) say(`first ${at}`, typeof (await old.ask()), "string");
    const names = await Promise.all(olds.map((old) => old.ask()));
    const ended = await applyTo(without);
    say("plan while services drain", lasting(ipvsPlane.plan(ended, without)), []);
    for (const [at, old] of olds.entries()) say(`left ${places[at]?.[0]}`, await old.ask(), names[at]);
    for (const [at, port, outcome] of places) say(`new to ${at}`, await once("tcp", at, port), outcome);
    say(
      "four wait",
      (
        await until(
          () => drain(without),
          ({ waiting }) => waiting === 4,
        )
      ).waiting,
      4,
    );
    for (const old of olds) old.close();
    await until(
      () => drain(without),
      ({ waiting, done }) => done && waiting === 0,
    );
    findings.push(...holds(await observe(), without, "after the services"));

    // a move to another backend, imitated by a rule of nat
    await applyTo(both, true);
    const stay = await Promise.all([
      open("tcp", "10.96.0.10", "80"),
      open("udp", "10.96.0.10", "53"),
      open("tcp", "192.0.2.7", "80"),
      open("tcp", "198.51.100.1", "30080"),
    ]);
    const before = await Promise.all(stay.map((each) => each.ask()));
    sh(
      "iptables -t nat -A PREROUTING -d 10.96.0.10 -p tcp --dport 80 -j DNAT --to-destination 10.244.1.6:8080; iptables -t nat -A PREROUTING -d 192.0.2.7 -p tcp --dport 80 -j DNAT --to-destination 10.244.1.6:8080; iptables -t nat -A PREROUTING -d 10.96.0.10 -p udp --dport 53 -j DNAT --to-destination 10.244.1.6:8080; iptables -t nat -A PREROUTING -d 198.51.100.1 -p tcp --dport 30080 -j DNAT --to-destination 10.244.1.6:8080",
    );
    for (const [protocol, at, port] of [
      ["tcp", "10.96.0.10", "80"],
      ["udp", "10.96.0.10", "53"],
      ["tcp", "198.51.100.1", "30080"],
    ] as const) {
      say(`${at} while both serve`, await once(protocol, at, port), "other");
    }
    const leaving = await applyTo(null);
    say("plan while it leaves", lasting(ipvsPlane.plan(leaving, null)), []);
    say("connections while it leaves", await Promise.all(stay.map((each) => each.ask())), before);
    say("new while it leaves", await once("tcp", "10.96.0.10", "80"), "other");
    say("new external while it leaves", await once("tcp", "192.0.2.7", "80"), "other");
    say("new udp while it leaves", await once("udp", "10.96.0.10", "53"), "other");
    say("new node port while it leaves", await once("tcp", "198.51.100.1", "30080"), "other");
    // flows of UDP are known for five minutes
    say("all wait", ((await drain(null)).waiting ?? 0) >= 4, true);
    stay[1]?.close();
    // and back again, with connections that have lived through both
    const back = await applyTo(both);
    findings.push(...holds(back, both, "back"));
    for (const at of [0, 2, 3]) say(`back ${at}`, await stay[at]?.ask(), before[at]);
    await applyTo(null);
    for (const at of [0, 2, 3]) stay[at]?.close();
    say("overdue at the end", (await drain(null, true)).waiting, 0);
    findings.push(...holds(await observe(), null, "at the end"));
    sh("iptables -t nat -F PREROUTING");
    return findings;
  },

  async damage() {
    const [one] = JSON.parse(text("worlds.json")).map(programOf);
    const findings: string[] = [];
    const harms = [
      "ipvsadm -C",
      "ipset flush weir-frontends",
      "iptables -t mangle -F",
      "ip rule del fwmark 0x40000000/0x40000000",
      "ip route flush table 30569",
      "sysctl -qw net.ipv4.vs.conntrack=0",
      "iptables -t mangle -F; iptables -t mangle -X; iptables -t nat -F; iptables -F; ip6tables -t mangle -F; ip6tables -F; ip6tables -t nat -F; ipset destroy; ipset create weir-frontends bitmap:port range 0-99; ipset create weir-vips hash:ip timeout 100",
      "id=$(ipvsadm -S -n | awk '/^-A/ { print $2, $3; exit }'); ipvsadm -E $id -s dh",
    ];
    await applyTo(one, true);
    findings.push(...(await spared(one)));
    for (const harm of harms) {
      sh(`{ ${harm}; } 2>/dev/null || true`);
      const seen = await observe();
      if (lasting(ipvsPlane.plan(seen, one)).length === 0) findings.push(`not seen: ${harm}`);
      findings.push(...holds(await applyTo(one), one, harm));
    }
    return findings;
  },

  async restores() {
    const [one, other] = JSON.parse(text("worlds.json")).slice(0, 2).map(programOf);
    const findings: string[] = [];
    const empty = (await applyTo(null, true)).snapshot;
    await applyTo(one, true);
    sh(
      "ipset add weir-frontends 192.0.2.201,tcp:1; ipset add weir-vips 192.0.2.202; ip rule add fwmark 0x5 lookup 30569 priority 7",
    );
    const now = await observe();
    if (now.foreign.length !== 2) findings.push(`foreign parts: ${JSON.stringify(now.foreign)}`);
    for (const [label, program] of [
      ["other", other],
      ["nothing", null],
    ] as const) {
      findings.push(...holds(await applyTo(program, true), program, label));
      await carryOut(ipvsPlane.restore(await observe(), now.snapshot));
      // what the snapshot does not have goes on with its connections
      await carryOut((await ipvsPlane.drain?.(host, { known }, one, true, null))?.steps ?? []);
      const back = (await observe()).snapshot;
      for (const name of new Set([...Object.keys(back), ...Object.keys(now.snapshot)])) {
        findings.push(
          ...difference(back[name] ?? "", now.snapshot[name] ?? "").map((line) => `${label} ${name}: ${line}`),
        );
      }
      findings.push(...lasting(ipvsPlane.restore(await observe(), now.snapshot)).map((line) => `again: ${line}`));
    }
    await carryOut(ipvsPlane.restore(await observe(), empty));
    await carryOut((await ipvsPlane.drain?.(host, { known }, null, true, null))?.steps ?? []);
    findings.push(...holds(await observe(), null, "before it all"));
    return findings;
  },

  async pairs() {
    makeForeign();
    const before = foreignState();
    const findings: string[] = [];
    const worlds: readonly Readonly<Record<string, string>>[] = JSON.parse(text("worlds.json"));
    const programs = [...worlds.map(programOf), null];
    for (const [at, program] of programs.entries()) {
      findings.push(...holds(await applyTo(program, true), program, `world ${at}`));
    }
    return [...findings, ...difference(foreignState(), before)];
  },
};

interface Open {
  /** Sends a line; the answer, or `none`. */
  ask(): Promise<string>;
  close(): void;
}

const clientScript = `
exec 3<>/dev/$1/$2/$3 || { echo refused; exit; }
while read -r line; do
  # an answer that nobody reads makes the end a reset, of which IPVS needs no two minutes to be sure
  [ "$line" = quit ] && { echo x >&3; sleep 1; exit; }
  echo "$line" >&3 || { echo none; continue; }
  # all of a datagram at once
  answer=$(timeout 4 dd bs=64 count=1 2>/dev/null <&3)
  echo "\${answer:-none}"
done`;

/** A client beyond the uplink that keeps its connection. */
async function open(protocol: "tcp" | "udp", address: string, port: string): Promise<Open> {
  const child: ChildProcessWithoutNullStreams = spawn("ip", [
    "netns",
    "exec",
    "out",
    "bash",
    "-c",
    clientScript,
    "client",
    protocol,
    address,
    port,
  ]);
  let heard = "";
  const waiting: ((answer: string) => void)[] = [];
  const answer = () => {
    for (let end = heard.indexOf("\n"); end !== -1; end = heard.indexOf("\n")) {
      waiting.shift()?.(heard.slice(0, end));
      heard = heard.slice(end + 1);
    }
  };
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    heard += part;
    answer();
  });
  child.stdin.on("error", () => {});
  child.on("close", () => {
    for (const each of waiting.splice(0)) each("closed");
  });
  return {
    ask: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        child.stdin.write("x\n");
      }),
    close: () => child.stdin.write("quit\n"),
  };
}

async function once(protocol: "tcp" | "udp", address: string, port: string): Promise<string> {
  const client = await open(protocol, address, port);
  const answer = await Promise.race([
    client.ask(),
    new Promise<string>((resolve) => setTimeout(() => resolve("none"), 6000).unref()),
  ]);
  client.close();
  return answer;
}

/** Connections until one meets the named server. */
async function openTo(make: () => Promise<Open>, name: string): Promise<Open> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const client = await make();
    if ((await client.ask()) === name) return client;
    client.close();
  }
  throw new Error(`no connection to ${name}`);
}

async function until<T>(poll: () => Promise<T>, isDone: (value: T) => boolean): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    const value = await poll();
    if (isDone(value) || attempt === 150) return value;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function serve(name: string): void {
  createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => socket.write(`${name}\n`));
  }).listen(8080, "::", () => console.log("ready"));
  const udp = createSocket("udp6", (_, from) => udp.send(`${name}\n`, from.port, from.address));
  udp.bind(8080, "::");
}

async function main(): Promise<void> {
  for (const [name, test] of Object.entries(tests)) {
    const start = Date.now();
    const findings = await test().catch((error: unknown) => [
      error instanceof Error ? (error.stack ?? error.message) : String(error),
    ]);
    writeFileSync(`/mnt/output/${name}`, JSON.stringify(findings));
    console.log(`${name}: ${findings.length} findings, ${Date.now() - start} ms`);
  }
  process.exit(0);
}

if (process.argv[2] === "serve") serve(process.argv[3] ?? "");
else await main();
