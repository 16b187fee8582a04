import { beforeAll, describe, expect, it } from "vitest";
import { parseVirtualServers } from "../../compiler/backends/ipvs/parse-servers.ts";
import { printId } from "../../compiler/backends/ipvs/print-servers.ts";
import type { VirtualServer } from "../../compiler/backends/ipvs/program.ts";
import { bundleSources } from "../support/bundle.ts";
import { runInVm, type VmResult, vmTestsWanted } from "../support/vm/vm.ts";
import { plain, servers, timeouts } from "./netlink-servers.ts";

/**
 * IPVS through netlink, on a kernel that has it: netlink-program.ts does things there and tells what came of them.
 * Run with WEIR_VM_TESTS=1; takes a minute or two.
 */

/** As a dump has it: nobody has connected yet. */
function listed(list: readonly VirtualServer[]): unknown {
  const idle = { activeConnections: 0, inactiveConnections: 0, persistentConnections: 0, unusual: null };
  return plain(
    list.map((server) => ({
      ...server,
      realServers: server.realServers.map((real) => ({ ...real, ...idle })),
      unusual: null,
    })),
  );
}

const names = [
  ...["loaded-before", "loaded-after", "sent", "sent-ipvsadm", "sent-timeouts", "sent-twice", "deleted", "restored"],
  ...["emptied", "change-before", "change-after", "no-scheduler", "no-server", "no-dest", "no-port", "nothing-done"],
  ...["foreign", "connections", "powerless-read", "powerless-send", "aborted", "many", "in-one-process"],
  ...["many-restored", "figures"],
] as const;

describe.runIf(vmTestsWanted)("netlink in a virtual machine", () => {
  let result: VmResult;
  const told = (name: (typeof names)[number]): unknown => {
    const text = result.output.get(name);
    if (text === undefined) throw new Error(`nothing told of ${name}: ${result.log}`);
    return JSON.parse(text);
  };

  beforeAll(async () => {
    const bundle = await bundleSources("netlink-vm", {
      program: "test/vm/netlink-program.ts",
      helper: "test/support/netlink-helper.ts",
    });
    const script = `exec node ${bundle.path("program")} ${bundle.path("helper")}`;
    result = await runInVm({ script, output: names, seconds: 280 });
    bundle.remove();
  }, 300_000);

  it("runs to its end", () => {
    expect(result.code, result.log).toBe(0);
  });

  it("loads the module where it is not loaded", () => {
    expect([told("loaded-before"), told("loaded-after")]).toEqual([false, true]);
  });

  it("sets everything that a program can say, by our own dump", () => {
    expect(told("sent")).toEqual({ servers: listed(servers), timeouts });
  });

  it("... and by ipvsadm's, as far as that tells", () => {
    const { virtualServers } = parseVirtualServers(String(told("sent-ipvsadm")));
    // ipvsadm lists no thresholds
    const shown = servers.map((server) => ({
      ...server,
      realServers: server.realServers.map((real) => ({ ...real, upperThreshold: 0, lowerThreshold: 0 })),
    }));
    expect(new Map(virtualServers.map((server) => [printId(server.id), server]))).toEqual(
      new Map(shown.map((server) => [printId(server.id), server])),
    );
    expect(told("sent-timeouts")).toBe("Timeout (tcp tcpfin udp): 901 121 301\n");
  });

  it("does the same twice without a change", () => {
    expect(told("sent-twice")).toEqual(told("sent"));
  });

  it("deletes, also what is not there", () => {
    expect(told("deleted")).toEqual({ servers: [], timeouts });
  });

  it("agrees with ipvsadm --restore of our text", () => {
    expect(told("restored")).toEqual({ servers: listed(servers), timeouts });
  });

  it("deletes real servers one by one", () => {
    expect(told("emptied")).toEqual({ servers: listed(servers.map((one) => ({ ...one, realServers: [] }))), timeouts });
  });

  it("changes settings in place, in the order asked for", () => {
    const persistence = { timeoutSeconds: 60, prefixLength: 24 };
    const weights = { 8080: 1, 8081: 1 };
    expect(told("change-before")).toMatchObject([
      { scheduler: "sh", schedulerFlags: ["port"], persistence, realServers: realsOf(weights) },
    ]);
    expect(told("change-after")).toMatchObject([
      {
        scheduler: "mh",
        schedulerFlags: ["fallback"],
        persistence: null,
        realServers: realsOf({ 8080: 0, 8082: 5 }),
      },
    ]);
  });

  it("names the request that is refused, and what to do", () => {
    expect(told("no-scheduler")).toEqual({
      trouble: "unsupported",
      errno: "ENOENT",
      message: "cannot add virtual server 10.96.0.1:80/tcp: this kernel has no scheduler twos (ENOENT)",
      help: "modprobe ip_vs_twos, or choose another scheduler",
    });
    expect(told("no-server")).toMatchObject({
      errno: "ESRCH",
      message:
        "cannot add real server 10.244.1.5:1 of 10.96.0.1:80/tcp: there is none (ESRCH); 0 of 200 requests came before it",
      help: "the virtual server is gone: somebody else has removed it",
    });
    expect(told("no-dest")).toMatchObject({ errno: "ENOENT", help: "somebody else has removed it" });
    const powerless = {
      trouble: "permission",
      errno: "EPERM",
      help: "this needs root, or CAP_NET_ADMIN in this network namespace",
    };
    expect(told("powerless-read")).toMatchObject(powerless);
    expect(told("powerless-send")).toMatchObject(powerless);
  });

  it("sends nothing at all when one request makes no sense", () => {
    expect(told("no-port")).toMatchObject({ trouble: "refused", errno: null });
    expect(told("nothing-done")).toEqual([]);
  });

  it("reads what others have made, and says what a program cannot", () => {
    expect(told("foreign")).toMatchObject([
      { id: { port: 0 }, persistence: { timeoutSeconds: 300, prefixLength: 32 }, unusual: null },
      {
        id: { port: 5060 },
        unusual: "persistence engine sip",
        realServers: [{ unusual: "tunnel checksum flags 1" }],
      },
    ]);
  });

  it("counts connections", () => {
    expect(told("connections")).toMatchObject([[{ activeConnections: 2, persistentConnections: 0 }], []]);
  });

  it("goes on when the process that holds the socket is aborted", () => {
    expect(told("aborted")).toMatchObject({ result: "done", servers: 300 });
  });

  it("reads in one process, whatever the buffer, and changes a little there", () => {
    const read = { servers: 1000, realServers: 8000 };
    expect(told("in-one-process")).toEqual({ ...read, refused: "done", started: 0 });
  });

  it("takes a thousand virtual servers, and tells what that costs", () => {
    expect([told("many"), told("many-restored")]).toEqual([1000, 1000]);
    console.log("seconds, in the virtual machine:", told("figures"));
  });
});

function realsOf(weights: Readonly<Record<number, number>>): unknown {
  return Object.entries(weights).map(([port, weight]) => ({ port: Number(port), weight }));
}
