import { describe, expect, it } from "vitest";
import { syntaxCodes } from "../../../compiler/diagnostics/codes/syntax.ts";
import { fragmentFromText } from "../../../compiler/spec/from-syntax.ts";
import { briefly, findingsIn, weirFile } from "../../support/language.ts";

/** The smallest text for each code, what is reported of it, and the help. */
const table: readonly (readonly [keyof typeof syntaxCodes, string, string, string | null])[] = [
  [
    "syntax/unexpected",
    "service shop/web {\n  port http tcp 80 8080\n}\n",
    "2:20 syntax/unexpected [8080] unexpected number 8080, expected `->`, `node-port` or the end of the line",
    null,
  ],
  [
    "syntax/unknown-statement",
    "service shop/web {\n  endpiont 10.0.0.1\n}\n",
    "2:3 syntax/unknown-statement [endpiont] `endpiont` is not known in a service block",
    "did you mean `endpoint`?",
  ],
  [
    "syntax/bad-character",
    "service shop/web {\n  port tcp 80;\n}\n",
    "2:14 syntax/bad-character [;] `;` has no meaning here",
    "a statement ends with its line, without `;`",
  ],
  [
    "syntax/hidden-character",
    "# note \u202e txet\n",
    "1:8 syntax/hidden-character [\u202e] hidden character U+202E",
    "characters that cannot be seen are not allowed, in comments either: delete it",
  ],
  [
    "syntax/unclosed-string",
    'node "worker 1 {\n}\n',
    '1:6 syntax/unclosed-string ["worker 1 {] the string has no closing quote on its line',
    "a string ends with a quote on the same line",
  ],
  [
    "syntax/word-too-long",
    `let a = ${"1".repeat(1025)}\n`,
    `1:9 syntax/word-too-long [${"1".repeat(1025)}] a word of 1025 characters; the longest has 1024`,
    null,
  ],
  [
    "syntax/line-too-long",
    `let a = ${"b,".repeat(25_000)}b\n`,
    "1:50006 syntax/line-too-long [,] a line of more than 50000 words",
    "divide it: lists may be given in several `let` lines, and name each other",
  ],
  [
    "syntax/unclosed-block",
    "service shop/web {\n  port tcp 80\n\nlet x = 10.0.0.1\n",
    "1:1 syntax/unclosed-block [service shop/web] the block of `service shop/web` is not closed",
    "close it with a line `}`",
  ],
  ["syntax/unopened-block", "}\n", "1:1 syntax/unopened-block [}] `}` closes no block", null],
  [
    "syntax/nested-block",
    "service shop/web {\n  healthcheck {\n    path /\n  }\n}\n",
    "2:3 syntax/nested-block [healthcheck] `healthcheck` opens a block inside a block",
    "blocks do not hold blocks: write one statement a line",
  ],
  [
    "syntax/address",
    "service shop/web {\n  endpoint 10.0.0.1:8080\n}\n",
    "2:12 syntax/address [10.0.0.1:8080] 10.0.0.1:8080 is not an IP address",
    "ports are given by `port`, not with the address",
  ],
  [
    "syntax/prefix",
    "cluster {\n  pods 10.0.0.1/8\n}\n",
    "2:8 syntax/prefix [10.0.0.1/8] 10.0.0.1/8 has host bits set; the network is 10.0.0.0/8",
    null,
  ],
  [
    "syntax/address-and-port",
    "expect: tcp 10.0.0.1 -> 10.0.0.2 dropped\n",
    "1:25 syntax/address-and-port [10.0.0.2] 10.0.0.2 is not an address with a port",
    "write 192.0.2.1:80, or [2001:db8::1]:80 for IPv6",
  ],
  [
    "syntax/port",
    "service shop/web {\n  port tcp 70000\n}\n",
    "2:12 syntax/port [70000] 70000 is not a port; ports are numbers from 1 to 65535",
    null,
  ],
  [
    "syntax/port-range",
    "cluster {\n  node-port-range 32767-30000\n}\n",
    "2:19 syntax/port-range [32767-30000] 32767-30000 is not a range of ports",
    "write the lower and the higher port: 30000-32767",
  ],
  [
    "syntax/number",
    "service shop/web {\n  endpoint 10.0.0.1 weight 65536\n}\n",
    "2:28 syntax/number [65536] weight 65536 is not between 0 and 65535",
    null,
  ],
  [
    "syntax/duration",
    "service shop/web {\n  affinity client-ip 300\n}\n",
    "2:22 syntax/duration [300] 300 is not a duration",
    "write 300s for seconds",
  ],
  [
    "syntax/name",
    "service web {\n}\n",
    '1:9 syntax/name [web] service "web" has no namespace',
    "write default/web, or another namespace",
  ],
  [
    "syntax/unknown-value",
    "service shop/web {\n  scheduler wcl\n}\n",
    '2:13 syntax/unknown-value [wcl] "wcl" is no scheduler',
    "did you mean `wlc`?",
  ],
  [
    "syntax/unknown-list",
    "service shop/web {\n  load-balancer 10.0.0.1 allow corp\n}\n",
    "2:32 syntax/unknown-list [corp] no list corp is declared in this file",
    "declare it: let corp = 192.0.2.0/24",
  ],
  ["syntax/unused-list", "let corp = 192.0.2.0/24\n", "1:5 syntax/unused-list [corp] list corp is not used", null],
  [
    "syntax/cyclic-list",
    "let a = b\nlet b = a\ncluster {\n  pods a\n}\n",
    "2:9 syntax/cyclic-list [a] list a contains itself",
    "a list may name other lists, not itself",
  ],
  [
    "syntax/list-limit",
    `${Array.from({ length: 65 }, (_, at) => `let l${at} = l${at + 1}\n`).join("")}let l65 = 10.0.0.1\nnode n {\n  address l0\n}\n`,
    "64:11 syntax/list-limit [l64] lists name each other more than 64 deep",
    null,
  ],
  [
    "syntax/repeated",
    "service shop/web {\n  scheduler rr\n  scheduler lc\n}\n",
    "3:3 syntax/repeated [scheduler lc] `scheduler` is given twice",
    null,
  ],
  [
    "syntax/contradiction",
    "service shop/web {\n  endpoint 10.0.0.1 draining not-ready\n}\n",
    "2:30 syntax/contradiction [not-ready] `draining` means `not-ready serving terminating` already",
    "leave out `not-ready`",
  ],
];

describe("findings in the text", () => {
  it.each(table)("%s", (code, text, expected, help) => {
    const { diagnostics } = fragmentFromText(weirFile(text));
    expect(diagnostics.map(briefly)).toEqual([expected]);
    expect(diagnostics[0]).toMatchObject({ code, help });
  });

  it("are limited, with a note", () => {
    const lines = findingsIn("x\n".repeat(150));
    expect(lines).toHaveLength(101);
    expect(lines.at(-1)).toBe("101:1 syntax/too-many-errors [x] only the first 100 errors of this file are shown");
  });

  it("are all in this table", () => {
    const covered = [...table.map(([code]) => code), "syntax/too-many-errors"];
    expect(covered.sort()).toEqual(Object.keys(syntaxCodes).sort());
  });
});
