import { setTimeout as wait } from "node:timers/promises";
import type { ProxyListener } from "../../compiler/backends/userspace/program.ts";
import type { Applied } from "../desired/desired.ts";
import { programOf } from "../desired/programs.ts";
import type { Host } from "../host/host.ts";
import { silentListeners, silentText } from "../preflight/proxy-listening.ts";
import { currentRecord, type StateReader } from "../state/state.ts";

/** How long a proxy may take to listen for what is about to be applied. */
const patienceMs = 5000;
const againMs = 20;

/**
 * Before rules lead to new ports of the proxy: a proxy that runs sees what is coming in the state folder, and listens there
 * first. Where none runs there is nothing to wait for.
 */
export async function awaitProxy(host: Host, state: StateReader, desired: Applied): Promise<void> {
  const wanted = await listenersOf(desired);
  if (wanted.length === 0 || !(await isAnyHeard(host, state))) return;
  const deadline = performance.now() + patienceMs;
  while ((await silentListeners(host, wanted)).length > 0 && performance.now() < deadline) await wait(againMs);
}

/** What is to be said after an apply; null when a proxy listens everywhere. */
export async function silenceOf(host: Host, desired: Applied): Promise<string | null> {
  const wanted = await listenersOf(desired);
  return silentText(await silentListeners(host, wanted), wanted.length);
}

/** Whether a proxy listens for what is applied now. */
async function isAnyHeard(host: Host, state: StateReader): Promise<boolean> {
  const current = currentRecord(state);
  if (current?.backend !== "userspace") return false;
  const listeners = await listenersOf(state.artifact(current));
  return listeners.length > (await silentListeners(host, listeners)).length;
}

async function listenersOf(applied: Applied): Promise<readonly ProxyListener[]> {
  const found = await programOf(applied);
  return found.backend === "userspace" ? found.program.table.listeners : [];
}
