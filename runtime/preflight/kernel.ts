import { arch } from "node:os";
import type { Host } from "../host/host.ts";
import type { KernelFacts, ModuleFacts, ModuleState, PrivilegeFacts } from "./facts.ts";
import type { Machine } from "./machine.ts";

/** Which kernel runs, and whether this is a container, whose /lib/modules is not the kernel's. */
export async function probeKernel(host: Host, machine: Machine): Promise<KernelFacts> {
  const [release, container, ipv6] = await Promise.all([
    readText(host, "/proc/sys/kernel/osrelease"),
    containerSign(host, machine),
    readText(host, "/proc/net/if_inet6"),
  ]);
  return { release: release?.trim() ?? "", architecture: arch(), container, hasIpv6: ipv6 !== null };
}

/** Signs that engines leave; there is no certain one. */
async function containerSign(host: Host, machine: Machine): Promise<string | null> {
  if ((await readText(host, "/.dockerenv")) !== null) return "docker";
  if ((await readText(host, "/run/.containerenv")) !== null) return "podman";
  const told = (await readText(host, "/run/systemd/container"))?.trim();
  if (told !== undefined && told !== "") return told;
  const group = (await readText(host, "/proc/1/cgroup")) ?? "";
  const sign = /kubepods|docker|lxc|libpod/.exec(group)?.[0];
  if (sign !== undefined) return sign === "kubepods" ? "kubernetes" : sign;
  const [own, first] = await Promise.all([machine.link("/proc/self/ns/pid"), machine.link("/proc/1/ns/pid")]);
  return own !== null && first !== null && own !== first ? "another process namespace" : null;
}

/** Bits of linux/capability.h. */
const capabilities = { netAdmin: 12n, sysAdmin: 21n } as const;

/** Effective capabilities of this process; in a user namespace they count for what was made in it. */
export async function probePrivileges(host: Host): Promise<PrivilegeFacts> {
  const status = (await readText(host, "/proc/self/status")) ?? "";
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  const user = /^Uid:\s*\d+\s+(\d+)/m.exec(status)?.[1];
  const has = (bit: bigint): boolean => ((effective >> bit) & 1n) === 1n;
  return { isRoot: user === "0", netAdmin: has(capabilities.netAdmin), sysAdmin: has(capabilities.sysAdmin) };
}

/** The kernel's lists of its modules. A container seldom has those of the kernel that it runs on. */
export async function probeModules(host: Host, machine: Machine, release: string): Promise<ModuleFacts> {
  const folder = `/lib/modules/${release}`;
  const [loaded, initial, builtIn, loadable, disabled] = await Promise.all([
    readText(host, "/proc/modules"),
    machine.list("/sys/module"),
    readText(host, `${folder}/modules.builtin`),
    readText(host, `${folder}/modules.dep`),
    readText(host, "/proc/sys/kernel/modules_disabled"),
  ]);
  return {
    hasLists: builtIn !== null && loadable !== null,
    loaded: new Set([...lines(loaded).map((line) => moduleName(line.split(" ")[0] ?? "")), ...initial]),
    builtIn: new Set(lines(builtIn).map(moduleOfPath)),
    loadable: new Set(lines(loadable).map((line) => moduleOfPath(line.split(":")[0] ?? ""))),
    isLoadingDisabled: disabled?.trim() === "1",
  };
}

/**
 * What the lists say of a module. `loadable` is not yet certain: modprobe's configuration may forbid it.
 * Without lists `unknown`: then only trying helps.
 */
export function moduleState(facts: ModuleFacts, name: string): ModuleState {
  const module = moduleName(name);
  if (facts.loaded.has(module)) return "loaded";
  if (facts.builtIn.has(module)) return "built-in";
  if (facts.loadable.has(module)) return facts.isLoadingDisabled ? "blocked" : "loadable";
  return facts.hasLists ? "missing" : "unknown";
}

/**
 * Those that modprobe would not load: distributions and hardening guides write `install NAME /bin/false`, which neither a
 * person nor the kernel itself gets around. None where modprobe cannot be asked.
 */
export async function forbiddenModules(host: Host, names: readonly string[]): Promise<readonly string[]> {
  if (names.length === 0 || (await host.find("modprobe")) === null) return [];
  // mostly none is, which one process tells of all
  if (!(await anyIsForbidden(host, names))) return [];
  const forbidden: string[] = [];
  for (const name of names) if (await anyIsForbidden(host, [name])) forbidden.push(name);
  return forbidden;
}

async function anyIsForbidden(host: Host, names: readonly string[]): Promise<boolean> {
  const { stdout } = await host.run({ argv: ["modprobe", "--show-depends", "--all", "--", ...names] });
  return lines(stdout).some((line) => /^install .*(\/false|\/true|disabled)\s*$/.test(line.trim()));
}

function moduleOfPath(path: string): string {
  const file = path.slice(path.lastIndexOf("/") + 1);
  return moduleName(file.replace(/\.ko(\.(gz|xz|zst))?$/, ""));
}

function moduleName(name: string): string {
  return name.replaceAll("-", "_");
}

function lines(text: string | null): readonly string[] {
  return text === null ? [] : text.split("\n").filter((line) => line !== "");
}

/** A file, null when there is none or this user may not read it. */
async function readText(host: Host, path: string): Promise<string | null> {
  return host.read(path).catch(() => null);
}
