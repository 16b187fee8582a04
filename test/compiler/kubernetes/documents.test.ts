import { describe, expect, it } from "vitest";
import { checkJson } from "../../../compiler/kubernetes/json-errors.ts";
import { fieldName } from "../../../compiler/kubernetes/places.ts";
import { positionOf } from "../../../compiler/source.ts";
import { findingsOf, read, serviceText, sliceText } from "./support.ts";

const yamlService = (name: string, ip: string): string =>
  `apiVersion: v1\nkind: Service\nmetadata:\n  name: ${name}\nspec:\n  clusterIP: ${ip}\n  ports:\n  - port: 80\n`;

function names(text: string, path?: string): readonly string[] {
  const { fragment, diagnostics } = read(text, path);
  expect(diagnostics.map((finding) => finding.message)).toEqual([]);
  return fragment.services.map((service) => service.name);
}

const indented = (text: string, indent: string): string =>
  text
    .trimEnd()
    .split("\n")
    .map((line, at) => `${indent}${at === 0 ? "- " : "  "}${line}\n`)
    .join("");

describe("which documents a file holds", () => {
  const one = yamlService("a", "10.96.0.1");
  const two = yamlService("b", "10.96.0.2");

  it.each([
    ["one", one, ["default/a"]],
    ["two", `${one}---\n${two}`, ["default/a", "default/b"]],
    [
      "a marker first, comments, empty documents, an end marker",
      `---\n# x\n---\n${one}...\n---\n\n--- # two\n${two}`,
      ["default/a", "default/b"],
    ],
    ["CRLF line ends", `${one}---\n${two}`.replaceAll("\n", "\r\n"), ["default/a", "default/b"]],
    ["a byte order mark", `\ufeff${one}`, ["default/a"]],
    ["a directive", `%YAML 1.2\n---\n${one}---\n${two}`, ["default/a", "default/b"]],
    [
      "a list",
      `apiVersion: v1\nkind: List\nitems:\n${indented(one, "")}${indented(two, "")}`,
      ["default/a", "default/b"],
    ],
    [
      "a list of JSON",
      JSON.stringify({ apiVersion: "v1", kind: "List", items: [JSON.parse(serviceText({}))] }),
      ["shop/web"],
    ],
    ["JSON between markers", `---\n${serviceText({})}\n---\n${one}`, ["shop/web", "default/a"]],
    [
      "JSON one after the other",
      `${serviceText({})}\n${serviceText({}, { metadata: { name: "b" } })}`,
      ["shop/web", "shop/b"],
    ],
    ["an array", `[${serviceText({})}]`, ["shop/web"]],
    [
      "YAML in flow style",
      "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: 10.96.0.1, ports: [{port: 80}]}}",
      ["default/a"],
    ],
    ["nothing", "", []],
    ["only comments", "# nothing\n---\n", []],
    ["null", "null", []],
  ])("%s", (_, text, expected) => {
    expect(names(text)).toEqual(expected);
  });

  it("items of a typed list have its kind", () => {
    const { kind, apiVersion, ...item } = JSON.parse(serviceText({})) as Record<string, unknown>;
    expect([kind, apiVersion]).toEqual(["Service", "v1"]);
    expect(names(JSON.stringify({ apiVersion: "v1", kind: "ServiceList", items: [item] }))).toEqual(["shop/web"]);
    expect(names(JSON.stringify({ apiVersion: "v1", kind: "ServiceList", items: null }))).toEqual([]);
  });

  it("a list inside a list is refused", () => {
    const list = { apiVersion: "v1", kind: "List", items: [{ apiVersion: "v1", kind: "List", items: [] }] };
    expect(findingsOf(JSON.stringify(list))[0]).toContain("a list inside a list");
  });
});

describe("long lists are read item by item", () => {
  const items = Array.from({ length: 400 }, (_, at) =>
    yamlService(`s${at}`, `10.96.${Math.floor(at / 250)}.${(at % 250) + 1}`),
  );
  const header = 'apiVersion: v1\nkind: List\nmetadata: {resourceVersion: ""}\n';

  it.each(["", "  "])("indented by %j, with the same result and the same places", (indent) => {
    const text = `${header}items:\n${items.map((item) => indented(item, indent)).join("# next\n\n")}`;
    const whole = read(`${text}x: [&anchor 1]\n`);
    const split = read(text);
    expect(split.fragment.services).toHaveLength(400);
    expect(split.diagnostics).toEqual([]);
    const places = (result: typeof split): readonly unknown[] =>
      result.fragment.services.map(({ origin }) => [origin.start, origin.end, origin.object]);
    expect(places(split)).toEqual(places(whole));
  });

  it("a mistake in one item is found at its place, and the others are read", () => {
    const broken = items.map((item, at) => (at === 200 ? item.replace("port: 80", "port: [80") : item));
    const { fragment, diagnostics } = read(`${header}items:\n${broken.map((item) => indented(item, "")).join("")}`);
    expect(fragment.services).toHaveLength(399);
    expect(diagnostics.map((finding) => finding.code)).toEqual(["kubernetes/invalid-yaml"]);
    const place = diagnostics[0]?.location;
    expect(place && positionOf(place.file, place.start).line).toBe(4 + 201 * 8);
  });

  it("aliases may lead from one item to another, and items given twice are found", () => {
    const [first = "", second = "", ...rest] = items.map((item) => indented(item, ""));
    const anchored = first.replace("10.96.0.1", "&ip 10.96.0.1") + second.replace("10.96.0.2", "*ip");
    const { fragment } = read(`${header}items:\n${anchored}${rest.join("")}`);
    expect(fragment.services.slice(0, 2).map((service) => service.vips[0]?.address.text)).toEqual([
      "10.96.0.1",
      "10.96.0.1",
    ]);
    const twice = read(`${header}items:\n${[first, second, ...rest].join("")}items: []\n`);
    expect(twice.diagnostics.map((finding) => finding.message)).toEqual([
      'this is not valid YAML: key "items" is given twice',
    ]);
  });

  it("fields after the items and a kind after them are heard", () => {
    const text = `apiVersion: v1\nitems:\n${items.map((item) => indented(item, "")).join("")}kind: List\n`;
    expect(read(text).fragment.services).toHaveLength(400);
  });
});

describe("what makes YAML dangerous or ambiguous is refused", () => {
  const bomb = [
    "a0: &a0 [x]",
    ...Array.from({ length: 9 }, (_, at) => `a${at + 1}: &a${at + 1} [${Array(9).fill(`*a${at}`).join(", ")}]`),
  ];

  it.each([
    ["aliases of aliases", bomb.join("\n"), "kubernetes/limit", "more than 100 aliases are used"],
    ["an alias inside itself", "a: &a [*a]", "kubernetes/limit", "aliases nest values deeper than 200"],
    ["an alias without an anchor", "a: *b", "kubernetes/invalid-yaml", 'no anchor "b" stands before this alias'],
    ["merge keys", "a: &a {b: 1}\nc:\n  <<: *a", "kubernetes/invalid-yaml", "merge keys are not read"],
    ["repeated keys", "a: 1\nb: 2\na: 3", "kubernetes/invalid-yaml", 'key "a" is given twice'],
    ["keys that are no text", "? [a]\n: 1", "kubernetes/invalid-yaml", "a key must be plain text"],
    ["numbers that may be octal", "a: 0777", "kubernetes/invalid-yaml", "0777 is octal for some readers"],
    ["tags of others", "a: !!js/function x", "kubernetes/invalid-yaml", "nresolved tag"],
    ["tabs as indentation", "a:\n\tb: 1", "kubernetes/invalid-yaml", "tabs are not allowed as indentation"],
    ["an unclosed bracket", "a: [1", "kubernetes/invalid-yaml", "must be sufficiently indented and end with a ]"],
    ["flow nesting", `a: ${"[".repeat(20000)}`, "kubernetes/limit", "nests deeper than 100"],
    ["nesting on one line", `${"- ".repeat(20000)}a`, "kubernetes/limit", "nests deeper than 100"],
    [
      "nesting by indentation",
      Array.from({ length: 500 }, (_, at) => `${" ".repeat(at)}a:`).join("\n"),
      "kubernetes/limit",
      "nests deeper than 100",
    ],
    [
      "a document too long to parse",
      `a: "${"x".repeat(2 * 1024 * 1024)}"`,
      "kubernetes/limit",
      "longer than 2097152 characters",
    ],
    ["nesting on one line around nothing", "- ".repeat(20000), "kubernetes/limit", "nests deeper than 100"],
    ["a tag of many characters", `a: ${"!".repeat(100_000)}`, "kubernetes/invalid-yaml", "!!!…"],
  ])("%s", (_, text, code, message) => {
    const { diagnostics } = read(text);
    expect(diagnostics.map((finding) => finding.code)).toEqual([code]);
    expect(diagnostics[0]?.message).toContain(message);
    expect(diagnostics[0]?.message.length).toBeLessThan(300);
  });

  it("brackets inside strings do not count as nesting", () => {
    expect(read(`kind: Pod\napiVersion: v1\nnote: '${"[".repeat(5000)}'\n`).diagnostics.map((one) => one.code)).toEqual(
      ["kubernetes/kind-skipped"],
    );
  });

  it("a key named __proto__ is a key like others", () => {
    const text = `${yamlService("a", "10.96.0.1")}__proto__: {kind: Node}\n`;
    expect(names(text)).toEqual(["default/a"]);
    expect(Object.hasOwn(Object.prototype, "kind")).toBe(false);
  });

  it("no more than 100,000 documents", () => {
    const { diagnostics } = read("---\n{}\n".repeat(100_002), "objects.yaml");
    expect(diagnostics.some((one) => one.message.includes("more than 100000 documents"))).toBe(true);
  });

  it("no more than 100,000 JSON values one after the other", () => {
    const { diagnostics } = read("{}".repeat(100_002), "objects.json");
    expect(diagnostics.some((one) => one.message.includes("more than 100000 documents"))).toBe(true);
  });

  it("what is no object at all is reported a thousand times, not a million", () => {
    const { diagnostics } = read(`[${"1,".repeat(5000)}1]`, "objects.json");
    expect(diagnostics).toHaveLength(1000);
  });

  it.each([
    ["under a field that weir reads", "spec"],
    ["under one that it does not", "x"],
  ])("lists nested a hundred thousand deep in JSON, %s", (_, field) => {
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const { diagnostics } = read(`{"apiVersion":"v1","kind":"Service","${field}":${deep}}`, "objects.json");
    expect(new Set(diagnostics.map((one) => one.code))).toContain("kubernetes/missing-field");
    for (const { message } of diagnostics) expect(message.length).toBeLessThan(300);
  });
});

describe("JSON", () => {
  it.each([
    ["{", 0, "it ends where a key in double quotes is expected"],
    ['{"a" 1}', 5, 'found "1" where `:` is expected'],
    ['{"a": 1,}', 8, 'found "}" where a key in double quotes is expected'],
    ["[1 2]", 3, 'found "2" where `,` or `]` is expected'],
    ["[1,]", 3, 'found "]" where a value is expected'],
    ['["a\nb"]', 3, 'found "\\n" where the rest of a string is expected'],
    ['["\\x"]', 2, 'found "\\\\" where the rest of a string is expected'],
    ["[nul]", 1, 'found "nul" where a value is expected'],
    ["[01]", 2, 'found "1" where `,` or `]` is expected'],
    ['["abc', 4, "it ends where the rest of a string is expected"],
  ])("%j is wrong at %i", (text, offset, reason) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(checkJson(text, 0)).toEqual({ offset, reason });
  });

  it.each(['{"a": [1, -2.5e+3, true, false, null, "\\u00e9\\n", {}], "b": []}', "[]", "{}", '"x"', "0"])(
    "%j is right",
    (text) => {
      expect(() => JSON.parse(text)).not.toThrow();
      expect(checkJson(text, 0)).toEqual({ end: text.length });
    },
  );

  it("nested a million deep is no trouble", () => {
    expect(checkJson(`${"[".repeat(1e6)}${"]".repeat(1e6)}`, 0)).toEqual({ end: 2e6 });
    expect(findingsOf(`${'{"a":'.repeat(1e5)}1${"}".repeat(1e5)}`)[0]).toContain("it has no kind");
  });

  it("a broken .json file is not tried as YAML", () => {
    expect(findingsOf("{apiVersion: v1}", "objects.json")).toEqual([
      'error kubernetes/invalid-json 1:2 «a» this is not valid JSON: found "apiVersion" where a key in double quotes is expected',
    ]);
  });

  it("places are those of the values, whatever stands before them", () => {
    const text = JSON.stringify(
      {
        apiVersion: "v1",
        kind: "List",
        items: [
          { skipped: 'a "string with ] and } and \\', apiVersion: "v1", kind: "Pod" },
          JSON.parse(sliceText({ endpoints: [{ addresses: ["10.244.1.5"] }, { addresses: ["x", "y"] }] })),
        ],
      },
      null,
      2,
    );
    const { fragment, diagnostics } = read(text);
    const under = (place: { start: number; end: number } | null | undefined): string =>
      place ? text.slice(place.start, place.end) : "";
    expect(under(diagnostics.find((one) => one.severity === "error")?.location)).toBe('"x"');
    expect(under(fragment.endpointGroups[0]?.origin)).toBe('"web-1"');
    expect(text.slice(fragment.endpointGroups[0]?.endpoints[0]?.origin.start)).toMatch(
      /^\{\s+"addresses": \[\s+"10\.244\.1\.5"/,
    );
  });

  it("keys with escapes and repeated keys are found where JSON.parse took them", () => {
    const text = serviceText({}).replace(
      '"clusterIP":"10.96.0.10"',
      '"clusterIP":"10.96.0.1","cluster\\u0049P":"nowhere"',
    );
    expect(findingsOf(text, "a.json")[0]).toContain('«"nowhere"»');
  });
});

describe("fieldName", () => {
  it.each([
    [["spec", "ports", 0, "port"], "spec.ports[0].port"],
    [["metadata", "annotations", "weir/weight"], 'metadata.annotations["weir/weight"]'],
    [[], ""],
  ])("%j is %s", (path, name) => {
    expect(fieldName(path)).toBe(name);
  });
});
