import { spawn } from "node:child_process";
import { once } from "node:events";
import { HostError } from "../../runtime/host/error.ts";
import type { Host } from "../../runtime/host/host.ts";
import { linuxHost } from "../../runtime/host/linux-host.ts";
import { bundleSources } from "./bundle.ts";

/** A host in a network namespace of its own, which ends with `close`, and with the test in any case; netlink is in it. */
export interface NetlinkHost extends Host {
  /** Runs a program there; its output, or an error with what it said. */
  readonly must: (argv: readonly string[], input?: string) => Promise<string>;
  /** The same host, with the words before every program that is run there. */
  readonly through: (words: readonly string[]) => NetlinkHost;
  readonly close: () => void;
}

/** Needs the privileges to make network namespaces: see `labTrouble` of kernel.ts. */
export async function openNetlinkHost(): Promise<NetlinkHost> {
  const bundle = await bundleSources("netlink", { helper: "test/support/netlink-helper.ts" });
  // cat ends with its input, which ends with this process
  const holder = spawn("unshare", ["--net", "--", "cat"], { stdio: ["pipe", "pipe", "inherit"] });
  holder.stdin.on("error", () => {});
  holder.stdin.write("ready\n");
  await once(holder.stdout, "data");
  const outer = linuxHost();

  const open = (words: readonly string[]): NetlinkHost => {
    const enter = ["nsenter", `--net=/proc/${holder.pid}/ns/net`, "--", ...words];
    const run: Host["run"] = (command) => outer.run({ ...command, argv: [...enter, ...command.argv] });
    const must = async (argv: readonly string[], input?: string): Promise<string> => {
      const result = await run({ argv, ...(input === undefined ? {} : { input: [input] }) });
      if (result.status !== 0) throw new Error(`${argv.join(" ")}: exit ${result.status}: ${result.stderr}`);
      return result.stdout;
    };
    return {
      run,
      must,
      find: outer.find,
      read: async (path) => {
        const result = await run({ argv: ["cat", path] });
        return result.status === 0 ? result.stdout : null;
      },
      write: async (path, text) => {
        const result = await run({ argv: ["tee", path], input: [text] });
        if (result.status !== 0) throw new HostError("refused", `cannot write ${path}: ${result.stderr.trim()}`);
      },
      netlinkHelper: [...enter, process.execPath, bundle.path("helper")],
      through: (more) => open([...words, ...more]),
      close: () => {
        holder.stdin.end();
        bundle.remove();
      },
    };
  };
  return open([]);
}
