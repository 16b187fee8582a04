import type { Backend, BackendName } from "./backend.ts";

/** All backends, in the order in which artifacts and reports list them. */
export const backendNames = ["iptables", "ipvs", "nftables", "userspace"] as const satisfies readonly BackendName[];

/** Loads one backend's code; the others stay unread, which keeps short commands short. */
export async function loadBackend(name: BackendName): Promise<Backend<unknown>> {
  switch (name) {
    case "iptables":
      return (await import("./iptables/backend.ts")).iptablesBackend;
    case "ipvs":
      return (await import("./ipvs/backend.ts")).ipvsBackend;
    case "nftables":
      return (await import("./nftables/backend.ts")).nftablesBackend;
    case "userspace":
      return (await import("./userspace/backend.ts")).userspaceBackend;
  }
}
