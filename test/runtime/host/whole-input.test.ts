import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { linuxHost } from "../../../runtime/host/linux-host.ts";
import { temporaryFolder } from "../../support/command.ts";
import { until } from "../../support/kernel-node.ts";

describe("input of programs", () => {
  const line = "add element ip weir pool { 10.96.0.10 . tcp . 80 . 0 : 10.244.1.5 . 8080 } # é\n";

  it.each([0, 1, 700, 100_000])("arrives whole, %i lines", async (count) => {
    const input = Array.from({ length: count }, () => line);
    const text = input.join("");
    const sum = createHash("sha256").update(text).digest("hex");
    const { status, stdout } = await linuxHost().run({ argv: ["sha256sum"], input });
    expect([status, stdout.split(" ")[0]]).toEqual([0, sum]);
  });

  it("can be opened by name, as nft does, and leaves no file behind", async () => {
    const input = Array.from({ length: 2000 }, () => line);
    const { stdout } = await linuxHost().run({ argv: ["wc", "-l", "/dev/stdin"], input });
    expect(stdout.trim().split(" ")[0]).toBe("2000");
    const left = ["/run", "/tmp"].flatMap((folder) => readdirSync(folder).filter((name) => /^weir-.{6}$/.test(name)));
    expect(left).toEqual([]);
  });

  it("does not disturb a program that reads none of it", async () => {
    const input = Array.from({ length: 2000 }, () => line);
    expect(await linuxHost().run({ argv: ["true"], input })).toMatchObject({ status: 0 });
  });
});

describe("a program", () => {
  it("that a signal ends says nothing of it: the host does", async () => {
    const ended = await linuxHost().run({ argv: ["sh", "-c", "kill -TERM $$"] });
    expect(ended).toEqual({ status: null, stdout: "", stderr: "ended by SIGTERM" });
  });

  it("is not in the session of the terminal, whose ^C it would get", async () => {
    const { stdout } = await linuxHost().run({ argv: ["sh", "-c", "echo $$; ps -o sid= -p $$"] });
    const [pid, session] = stdout.split("\n").map((text) => text.trim());
    expect(session).toBe(pid);
  });
});

describe("an inherited lock", () => {
  it("is held as long as a program runs that was given it", async () => {
    const path = join(temporaryFolder(), "lock");
    const descriptor = openSync(path, "w");
    const taken = await linuxHost({ inherited: descriptor }).run({ argv: ["flock", "--nonblock", "3"] });
    expect(taken.status).toBe(0);
    const [started, stop] = [`${path}.started`, `${path}.stop`];
    const waits = `touch ${started}; until [ -e ${stop} ]; do sleep 0.05; done`;
    const running = linuxHost({ inherited: descriptor }).run({ argv: ["bash", "-c", waits] });
    await until(() => existsSync(started), "the program's start");
    closeSync(descriptor);
    const isFree = () =>
      new Promise<boolean>((resolve) => {
        spawn("flock", ["--nonblock", path, "true"]).on("close", (code) => resolve(code === 0));
      });
    expect(await isFree()).toBe(false);
    writeFileSync(stop, "");
    await running;
    expect(await isFree()).toBe(true);
  });
});

describe("a program that does not end", () => {
  it("is ended with what it has started, which would hold its output open", async () => {
    const { status } = await linuxHost().run({ argv: ["bash", "-c", "sleep 60 & wait"], timeoutMs: 300 });
    expect(status).toBeNull();
  });
});

describe("a signal of the terminal", () => {
  it("does not reach programs, which end what they have begun", async () => {
    const { stdout } = await linuxHost().run({ argv: ["bash", "-c", "ps -o pgid= -p $$"] });
    const { stdout: own } = await linuxHost().run({ argv: ["ps", "-o", "pgid=", "-p", String(process.pid)] });
    expect(stdout.trim()).not.toBe(own.trim());
  });
});
