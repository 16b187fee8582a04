import { HostError } from "../../runtime/host/error.ts";
import type { Host } from "../../runtime/host/host.ts";
import { packageOf } from "../../runtime/host/packages.ts";
import type { Agent } from "../../runtime/lab/agent-client.ts";

/** What a test changes of a host: commands that it counts, refuses or answers itself. */
export interface HostChanges {
  readonly missing?: (tool: string) => boolean;
  readonly onRun?: (argv: readonly string[]) => void;
}

/** The namespace of an agent as a host; netlink is still that of the test's own process. */
export function agentHost(agent: Agent, changes: HostChanges = {}): Host {
  const found = new Map<string, string | null>();
  const find = async (tool: string): Promise<string | null> => {
    if (changes.missing?.(tool)) return null;
    const known = found.get(tool);
    if (known !== undefined) return known;
    const { status, stdout } = await agent.tryRun(["which", tool]);
    found.set(tool, status === 0 ? stdout.trim() : null);
    return status === 0 ? stdout.trim() : null;
  };
  return {
    find,
    run: async ({ argv, input, discardOutput }) => {
      const [tool = ""] = argv;
      changes.onRun?.(argv);
      if ((await find(tool)) === null) {
        throw new HostError("tool-missing", `there is no program ${tool} on this node`, { help: packageOf(tool) });
      }
      const result = await agent.tryRun(argv, input?.join("") ?? "");
      return discardOutput === true ? { ...result, stdout: "" } : result;
    },
    read: async (path) => {
      const { status, stdout } = await agent.tryRun(["cat", path]);
      return status === 0 ? stdout : null;
    },
    write: async (path, text) => {
      await agent.run(["tee", path], text);
    },
  };
}
