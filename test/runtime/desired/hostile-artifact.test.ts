import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { backendsIn, readNodeFolder } from "../../../compiler/cli/node-folder.ts";
import type { BackendName } from "../../../compiler/index.ts";
import { desiredFrom } from "../../../runtime/desired/artifact-folder.ts";
import { checkArtifact } from "../../../runtime/desired/checked.ts";
import { temporaryFolder } from "../../support/command.ts";
import { fixtureNames } from "../../support/fixtures.ts";

const pristine = "fixtures/01-plain-tcp/expected/worker-1";

function copy(): string {
  const folder = join(temporaryFolder(), "worker-1");
  cpSync(pristine, folder, { recursive: true });
  return folder;
}

/** Files changed as somebody would who knows how digests are made. */
function changed(changes: Readonly<Record<string, (text: string) => string>>): string {
  const folder = copy();
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  for (const [name, change] of Object.entries(changes)) {
    const path = join(folder, name);
    const before = existsSync(path) ? readFileSync(path, "utf8") : "";
    const text = change(before);
    expect(text).not.toBe(before);
    writeFileSync(path, text);
    const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
    manifest.files[name] = { bytes: Buffer.byteLength(text), digest };
  }
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
  return folder;
}

const check = async (folder: string, backend: BackendName) =>
  checkArtifact(desiredFrom(readNodeFolder(folder), backend));

const insert = (line: string, before: string) => (text: string) => text.replace(before, `${line}\n${before}`);
const swap = (from: string | RegExp, to: string) => (text: string) => text.replace(from, to);

describe("an artifact of somebody who knows how digests are made", () => {
  it("is taken as long as it is what weir writes", async () => {
    const backends = backendsIn(readNodeFolder(pristine).manifest);
    expect(backends).toHaveLength(4);
    for (const backend of backends) await check(pristine, backend);
  });

  it.each(fixtureNames)("is taken: %s", async (name) => {
    const root = `fixtures/${name}/expected`;
    if (!existsSync(root)) return;
    for (const node of readdirSync(root)) {
      if (!existsSync(join(root, node, "manifest.json"))) continue;
      const folder = readNodeFolder(join(root, node));
      for (const backend of backendsIn(folder.manifest)) await checkArtifact(desiredFrom(folder, backend));
    }
  });

  const rule = "-A WEIR-SERVICES ";
  const ruleLine = (text: string) => insert(`${rule}${text}`, rule);
  it.each([
    ["options in the name of a chain", ruleLine('-j "LOG --log-prefix x"'), /LOG --log-prefix x/],
    ["a target that weir does not know", ruleLine("-j NFQUEUE"), /a jump to NFQUEUE, which it does not make/],
    ["a jump to another's chain", ruleLine("-g KUBE-SERVICES"), /a jump to KUBE-SERVICES/],
    [
      "another's list of clients",
      ruleLine("-m recent --remove --name SSH --mask 255.255.255.255 --rsource -j RETURN"),
      /list SSH/,
    ],
    ["another's set", ruleLine("-m set --match-set vips src -j RETURN"), /the set vips/],
    ["a rule of a built-in chain", insert("-A INPUT -j ACCEPT", rule), /a rule in INPUT that is no jump of weir's/],
    ["a chain that is another's", insert(":KUBE-X - [0:0]", ":WEIR-"), /is not as weir writes it/],
    ["a chain of another backend", insert(":WEIR-IPVS-IN - [0:0]", ":WEIR-M"), /the chain WEIR-IPVS-IN/],
    ["a control character", ruleLine('-m comment --comment "a\u001b[2Jb" -j RETURN'), /u001b/],
    [
      "a line that a tool would cut in two",
      ruleLine(`-m comment --comment "${"x".repeat(11_000)}" -j RETURN`),
      /too long/,
    ],
  ])("is refused: iptables with %s", async (_, change, reason) => {
    await expect(check(changed({ "iptables/ipv4.rules": change }), "iptables")).rejects.toThrow(reason);
  });

  it.each([
    [
      "another table",
      "nftables/ruleset.nft",
      (text: string) => `${text}table inet other {\n}\n`,
      /not as weir writes it/,
    ],
    ["an include", "nftables/ruleset.nft", (text: string) => `include "/etc/x"\n${text}`, /expected table/],
    ["a chain that is not there", "nftables/ruleset.nft", swap("chain refuse {", "chain own {"), /no chain refuse/],
    [
      "a chain of another name",
      "nftables/ruleset.nft",
      (text: string) => text.replace(/\brefuse\b/g, "own"),
      /chain or set own/,
    ],
  ])("is refused: nftables with %s", async (_, file, change, reason) => {
    await expect(check(changed({ [file]: change }), "nftables")).rejects.toThrow(reason);
  });

  it.each([
    [
      "another's kernel setting",
      "sysctl.conf",
      (text: string) => `${text}kernel.core_pattern = 1\n`,
      /kernel.core_pattern/,
    ],
    ["another value of a setting", "sysctl.conf", swap("conntrack = 1", "conntrack = 0"), /conntrack = 0/],
    [
      "another's set",
      "ipset.rules",
      (text: string) => `${text}create vips hash:ip family inet hashsize 1024 maxelem 1048576\n`,
      /ipset.rules is not as weir/,
    ],
    [
      "a set that only sounds like weir's",
      "ipset.rules",
      (text: string) => `${text}create weir-x hash:ip family inet hashsize 1024 maxelem 1048576\n`,
      /the set weir-x/,
    ],
    ["another routing table", "addresses.txt", swap("table 30569", "table 254"), /routing table 254/],
    ["a rule before the others", "addresses.txt", swap(/priority \d+/, "priority 0"), /priority 0/],
    ["a rule for every packet", "addresses.txt", swap(/fwmark \S+/, "fwmark 0x0/0x0"), /mark 0x0\/0x0/],
    ["a route for every address", "addresses.txt", (text: string) => `${text}local-route 0.0.0.0/0\n`, /every address/],
    ["nonsense for virtual servers", "ipvs.json", swap('"weight":1', '"weight":-1'), /weight/],
    ["a file of its own", "more.rules", () => "x", /more.rules is no file of weir's/],
  ])("is refused: ipvs with %s", async (_, file, change, reason) => {
    await expect(check(changed({ [`ipvs/${file}`]: change }), "ipvs")).rejects.toThrow(reason);
  });
});

describe("a folder of somebody who wants weir to hang, to fail or to show what it should not", () => {
  it("is refused with pipes, devices and folders for files", () => {
    const folder = copy();
    const path = join(folder, "nftables/ruleset.nft");
    rmSync(path);
    execFileSync("mkfifo", [path]);
    expect(() => readNodeFolder(folder)).toThrow("is no ordinary file");
    rmSync(path);
    symlinkSync("/dev/zero", path);
    expect(() => readNodeFolder(folder)).toThrow("is no ordinary file");
    rmSync(path);
    mkdirSync(path);
    expect(() => readNodeFolder(folder)).toThrow("is no ordinary file");
    rmSync(join(folder, "manifest.json"));
    execFileSync("mkfifo", [join(folder, "manifest.json")]);
    expect(() => readNodeFolder(folder)).toThrow("is no ordinary file");
  });

  it("is refused when it is huge, before it is read", () => {
    const folder = copy();
    const manifest = join(folder, "manifest.json");
    const content = JSON.parse(readFileSync(manifest, "utf8"));
    const { digest } = content.files["sources.json"];
    const claim = (files: object) => writeFileSync(manifest, JSON.stringify({ ...content, files }));
    writeFileSync(join(folder, "large"), "");
    truncateSync(join(folder, "large"), 3e9);
    claim({ large: { bytes: 3e9, digest } });
    expect(() => readNodeFolder(folder)).toThrow("longer than 256 MiB together");
    claim({ large: { bytes: 2e8, digest }, "sources.json": { bytes: 2e8, digest } });
    expect(() => readNodeFolder(folder)).toThrow("large is not what manifest.json says");
    claim({ large: { bytes: 10, digest } });
    expect(() => readNodeFolder(folder)).toThrow("large is not what manifest.json says");
    truncateSync(manifest, 8 * 1024 * 1024);
    expect(() => readNodeFolder(folder)).toThrow("is longer than 4 MiB");
  });

  it("shows nothing that moves a cursor", () => {
    const folder = copy();
    const manifest = join(folder, "manifest.json");
    const content = readFileSync(manifest, "utf8");
    writeFileSync(manifest, content.replace('"worker-1"', '"\\u001b[2Jworker-1"'));
    expect(() => readNodeFolder(folder)).toThrow("is no manifest of weir");
    writeFileSync(manifest, `\u001b[2J${content}`);
    expect(() => readNodeFolder(folder)).toThrow(/^[^\p{Cc}]*is no manifest of weir[^\p{Cc}]*$/u);
  });

  it("is refused when it is deep", () => {
    const folder = copy();
    writeFileSync(join(folder, "manifest.json"), "[".repeat(1_000_000));
    expect(() => readNodeFolder(folder)).toThrow("is no manifest of weir");
  });
});
