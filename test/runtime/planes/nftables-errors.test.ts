import { describe, expect, it } from "vitest";
import type { Step } from "../../../compiler/backends/step.ts";
import { nftExecutor } from "../../../runtime/execute/nft.ts";
import { HostError } from "../../../runtime/host/error.ts";
import type { CommandResult, Host } from "../../../runtime/host/host.ts";
import { nftablesPlane } from "../../../runtime/planes/nftables.ts";
import { carryOut } from "../../support/nft-plane.ts";

interface Seen {
  readonly host: Host;
  readonly runs: (readonly string[])[];
}

/** A node whose nft always ends in this way; null: there is none. */
function nodeWith(nft: Partial<CommandResult> | null): Seen {
  const runs: (readonly string[])[] = [];
  const host: Host = {
    find: async (tool) => (nft === null ? null : `/usr/sbin/${tool}`),
    run: async ({ argv }) => {
      runs.push(argv);
      return { status: 0, stdout: "", stderr: "", ...nft };
    },
    read: async () => null,
    write: async () => {},
  };
  return { host, runs };
}

const step: Step = {
  kind: "nft",
  operations: [],
  input: ["delete element ip weir pool {\n\t10.96.0.10 . tcp ", ". 80 . 5700:1,\n}\n"],
};

async function errorOf(promise: Promise<unknown>): Promise<HostError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof HostError) return error;
  throw new Error(`expected a HostError, found ${String(error)}`);
}

/** As nft 1.0.6 wrote it. */
const refusals = [
  {
    stderr:
      "/dev/stdin:1:1-15: Error: Could not process rule: Operation not permitted\nadd table ip t\n^^^^^^^^^^^^^^^\n",
    trouble: "permission",
    errno: "EPERM",
    help: /root, or CAP_NET_ADMIN/,
  },
  {
    stderr:
      "Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted\n",
    trouble: "permission",
    errno: "EPERM",
    help: /root, or CAP_NET_ADMIN/,
  },
  {
    stderr: "/dev/stdin:2:2-30: Error: Could not process rule: No such file or directory\n\t10.96.0.10\n\t^^^^\n",
    trouble: "refused",
    errno: "ENOENT",
    help: /gone since it was read/,
    message: /, at: 10\.96\.0\.10 \. tcp \. 80 \. 5700:1,$/,
  },
  {
    stderr: "/dev/stdin:3:21-24: Error: Could not process rule: Device or resource busy\n",
    trouble: "busy",
    errno: "EBUSY",
    help: /do it again/,
  },
  {
    stderr: "netlink: Error: Could not process rule: Message too long\n",
    trouble: "refused",
    errno: "EMSGSIZE",
    help: /net\.core\.wmem_max/,
  },
  {
    stderr: "netlink: Error: cache initialization failed: Protocol not supported\n",
    trouble: "unsupported",
    errno: "EPROTONOSUPPORT",
    help: /modprobe nf_tables/,
  },
  {
    stderr: "/dev/stdin:1:1-3: Error: syntax error, unexpected string\nfoo\n^^^\n",
    trouble: "refused",
    errno: null,
    help: null,
    message: /nft: syntax error, unexpected string, at: delete element ip weir pool \{$/,
  },
  { stderr: "", trouble: "refused", errno: null, help: null, message: /nft ended with status 1$/ },
] as const;

describe("what nft refuses", () => {
  it.each(refusals)("$errno, $trouble", async (given) => {
    const error = await errorOf(nftExecutor.execute(nodeWith({ status: 1, stderr: given.stderr }).host, step));
    expect([error.trouble, error.errno]).toEqual([given.trouble, given.errno]);
    expect(error.message).toMatch(/^cannot change the nftables tables of weir: nft/);
    if ("message" in given) expect(error.message).toMatch(given.message);
    if (given.help === null) expect(error.help).toBeNull();
    else expect(error.help).toMatch(given.help);
  });

  it("takes a rule of a new table that is not found for a missing module", async () => {
    const input = ["table ip6 weir {\n\tchain services {\n\t\tfib saddr type local ", "ip6 daddr @vips drop\n\t}\n}\n"];
    const stderr = "/dev/stdin:3:3-40: Error: Could not process rule: No such file or directory\n";
    const { host } = nodeWith({ status: 1, stderr });
    const load = { action: "load", object: "table", name: "ip6 weir", key: null } as const;
    const error = await errorOf(nftExecutor.check(host, { kind: "nft", operations: [load], input }));
    expect([error.trouble, error.help]).toEqual([
      "unsupported",
      "the kernel lacks a module for this: modprobe -a nft_fib_ipv6",
    ]);
    const replace = { action: "replace", object: "chain", name: "ip6 weir services", key: null } as const;
    const changed = await errorOf(nftExecutor.check(host, { kind: "nft", operations: [replace], input }));
    expect([changed.trouble, changed.help]).toEqual([
      "refused",
      "a part of the table is gone since it was read, or the kernel lacks a module for this: modprobe -a nft_fib_ipv6",
    ]);
  });

  it("says when it was ended from outside", async () => {
    const error = await errorOf(nftExecutor.execute(nodeWith({ status: null }).host, step));
    expect(error.message).toMatch(/ended by a signal/);
  });

  it("is asked without a change by a check", async () => {
    const { host, runs } = nodeWith({});
    await carryOut(host, [step]);
    expect(runs).toEqual([
      ["nft", "--check", "--file", "-"],
      ["nft", "--file", "-"],
    ]);
  });
});

describe("a node without tables of weir's", () => {
  const nothing = { program: null, foreign: [], snapshot: {} };
  const observe = (nft: Partial<CommandResult> | null) => nftablesPlane.observe(nodeWith(nft).host, { known: [] });

  it("holds nothing: no nft, no table, no nf_tables", async () => {
    expect(await observe(null)).toEqual(nothing);
    expect(await observe({ status: 1, stderr: "Error: No such file or directory\nlist table ip weir\n" })).toEqual(
      nothing,
    );
    expect(
      await observe({ status: 1, stderr: "netlink: Error: cache initialization failed: Protocol not supported\n" }),
    ).toEqual(nothing);
  });

  it("is not to be known without permission", async () => {
    const stderr =
      "Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted\n";
    const error = await errorOf(observe({ status: 1, stderr }));
    expect(error.trouble).toBe("permission");
    expect(error.message).toMatch(/^cannot list the nftables table ip weir: /);
  });
});
