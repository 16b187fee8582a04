import { describe, expect, it } from "vitest";
import { restoreTrouble } from "../../../runtime/execute/iptables-errors.ts";

const input = ["*nat\n:WEIR-A - [0:0]\n", "-A WEIR-A -m ipvs --ipvs -j ACCEPT\n-X WEIR-A\nCOMMIT\n"];

/** What 1.8.9 says, in both flavours. */
const cases = [
  {
    name: "a match that the kernel lacks, nft",
    stderr:
      "Warning: Extension ipvs revision 0 not supported, missing kernel module?\niptables-nft-restore v1.8.9 (nf_tables): \nline 3: RULE_APPEND failed (No such file or directory): rule in chain WEIR-A\n",
    trouble: "unsupported",
    message:
      "RULE_APPEND failed (No such file or directory): rule in chain WEIR-A (in: -A WEIR-A -m ipvs --ipvs -j ACCEPT)",
    help: "the kernel has no match or target ipvs: modprobe xt_ipvs",
  },
  {
    name: "a match that the kernel lacks, legacy",
    stderr:
      "Warning: Extension DNAT revision 0 not supported, missing kernel module?\niptables-restore: line 5 failed\n",
    trouble: "unsupported",
    message: "line 5 failed",
    help: "the kernel has no match or target DNAT: modprobe xt_nat",
  },
  {
    name: "a lock that is held",
    stderr:
      "Can't lock /run/xtables.lock: Resource temporarily unavailable\nAnother app is currently holding the xtables lock. Stopped waiting after 60s.\n",
    trouble: "busy",
    message: "Another app is currently holding the xtables lock",
    help: "another program holds the lock",
  },
  {
    name: "no privileges, nft",
    stderr:
      "iptables-nft-restore v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n",
    trouble: "permission",
    message: "Permission denied (you must be root)",
    help: "this needs root",
  },
  {
    name: "no privileges, legacy",
    stderr: "Fatal: can't open lock file /run/xtables.lock: Permission denied\n",
    trouble: "permission",
    message: "Permission denied",
    help: "this needs root",
  },
  {
    name: "a chain that another rule refers to, nft",
    stderr:
      "iptables-nft-restore v1.8.9 (nf_tables): \nline 4: CHAIN_DEL failed (Device or resource busy): chain WEIR-A\n",
    trouble: "refused",
    message: "chain WEIR-A (in: -X WEIR-A)",
    help: "a rule of another program refers",
  },
  {
    name: "a chain that is gone",
    stderr:
      "iptables-nft-restore v1.8.9 (nf_tables): Chain 'WEIR-NOT' does not exist\nError occurred at line: 4\nTry `iptables-nft-restore -h' or 'iptables-nft-restore --help' for more information.\n",
    trouble: "refused",
    message: "cannot load the rules: Chain 'WEIR-NOT' does not exist",
    help: "apply again",
  },
  {
    name: "a set that is gone",
    stderr:
      "iptables-restore v1.8.9 (legacy): Set nope doesn't exist.\n\nError occurred at line: 3\nTry `iptables-restore -h'\n",
    trouble: "refused",
    message: "Set nope doesn't exist. (in: -A WEIR-A -m ipvs --ipvs -j ACCEPT)",
    help: "the set nope",
  },
  {
    name: "a table that the kernel lacks",
    stderr:
      "iptables-restore v1.8.9 (legacy): iptables-restore: unable to initialize table 'nat'\n\nError occurred at line: 1\n",
    trouble: "unsupported",
    message: "unable to initialize table 'nat'",
    help: "modprobe iptable_nat",
  },
  {
    name: "words that nobody has foreseen",
    stderr: "iptables-restore v1.9.0: it will not do\n",
    trouble: "refused",
    message: "it will not do",
    help: null,
  },
] as const;

describe("failures of iptables-restore", () => {
  it.each(cases)("$name", ({ stderr, trouble, message, help }) => {
    const error = restoreTrouble("iptables-nft-restore", 1, stderr, input);
    expect(error.trouble).toBe(trouble);
    expect(error.message).toContain(message);
    expect(error.message).toMatch(/^iptables-nft-restore cannot load the rules: \S/);
    if (help === null) expect(error.help).toBeNull();
    else expect(error.help).toContain(help);
  });

  it("say that the program was ended", () => {
    expect(restoreTrouble("iptables-nft-restore", null, "", input)).toMatchObject({
      trouble: "refused",
      help: expect.stringContaining("15 minutes"),
    });
  });
});
