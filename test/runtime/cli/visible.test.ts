import { describe, expect, it } from "vitest";
import { weir } from "../../support/command.ts";

describe("messages", () => {
  it("show nothing that moves a cursor, whatever files are called", async () => {
    const { code, stderr } = await weir(["check", "no\u001b[2J\u202efile.weir"]);
    expect(code).toBe(2);
    expect(stderr).toBe("error: cannot read no\\u{1b}[2J\\u{202e}file.weir: no such file or folder\n");
  });
});
