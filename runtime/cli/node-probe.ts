import { linuxHost } from "../host/linux-host.ts";
import { type Probe, probeNode } from "../preflight/probe.ts";

let found: Promise<Probe> | null = null;

/** What this node is and has: looked at once for the choice of a backend and for preflight. Throws HostError. */
export function nodeProbe(): Promise<Probe> {
  found ??= probeNode(linuxHost());
  return found;
}

/** For a process that runs several commands: the node is looked at again. */
export function forgetNodeProbe(): void {
  found = null;
}
