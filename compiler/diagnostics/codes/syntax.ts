import type { DiagnosticDefinition } from "../definition.ts";

/** Findings in the text of a .weir file: its lines and the values in them, before anything is known of other files. */
export const syntaxCodes = {
  "syntax/unexpected": {
    severity: "error",
    message: (p: { found: string; expected: string }) => `unexpected ${p.found}, expected ${p.expected}`,
  },
  "syntax/unknown-statement": {
    severity: "error",
    message: (p: { word: string; place: string }) => `\`${p.word}\` is not known ${p.place}`,
  },
  "syntax/bad-character": {
    severity: "error",
    message: (p: { character: string }) => `${p.character} has no meaning here`,
  },
  "syntax/hidden-character": {
    severity: "error",
    message: (p: { character: string }) => `hidden character ${p.character}`,
  },
  "syntax/unclosed-string": {
    severity: "error",
    message: () => "the string has no closing quote on its line",
  },
  "syntax/word-too-long": {
    severity: "error",
    message: (p: { length: number; limit: number }) => `a word of ${p.length} characters; the longest has ${p.limit}`,
  },
  "syntax/line-too-long": {
    severity: "error",
    message: (p: { limit: number }) => `a line of more than ${p.limit} words`,
  },
  "syntax/unclosed-block": {
    severity: "error",
    message: (p: { block: string }) => `the block of \`${p.block}\` is not closed`,
  },
  "syntax/unopened-block": {
    severity: "error",
    message: () => "`}` closes no block",
  },
  "syntax/nested-block": {
    severity: "error",
    message: (p: { word: string }) => `\`${p.word}\` opens a block inside a block`,
  },
  "syntax/too-many-errors": {
    severity: "note",
    message: (p: { limit: number }) => `only the first ${p.limit} errors of this file are shown`,
  },
  "syntax/address": {
    severity: "error",
    message: (p: { reason: string }) => p.reason,
  },
  "syntax/prefix": {
    severity: "error",
    message: (p: { reason: string }) => p.reason,
  },
  "syntax/address-and-port": {
    severity: "error",
    message: (p: { text: string }) => `${p.text} is not an address with a port`,
  },
  "syntax/port": {
    severity: "error",
    message: (p: { reason: string }) => p.reason,
  },
  "syntax/port-range": {
    severity: "error",
    message: (p: { text: string }) => `${p.text} is not a range of ports`,
  },
  "syntax/number": {
    severity: "error",
    message: (p: { what: string; text: string; low: number; high: number }) =>
      `${p.what} ${p.text} is not between ${p.low} and ${p.high}`,
  },
  "syntax/duration": {
    severity: "error",
    message: (p: { reason: string }) => p.reason,
  },
  "syntax/name": {
    severity: "error",
    message: (p: { what: string; text: string; reason: string }) => `${p.what} ${p.text} ${p.reason}`,
  },
  "syntax/unknown-value": {
    severity: "error",
    message: (p: { what: string; text: string }) => `${p.text} is no ${p.what}`,
  },
  "syntax/unknown-list": {
    severity: "error",
    message: (p: { name: string }) => `no list ${p.name} is declared in this file`,
  },
  "syntax/unused-list": {
    severity: "warning",
    message: (p: { name: string }) => `list ${p.name} is not used`,
  },
  "syntax/cyclic-list": {
    severity: "error",
    message: (p: { name: string }) => `list ${p.name} contains itself`,
  },
  "syntax/list-limit": {
    severity: "error",
    message: (p: { reason: string }) => p.reason,
  },
  "syntax/repeated": {
    severity: "error",
    message: (p: { what: string }) => `${p.what} is given twice`,
  },
  "syntax/contradiction": {
    severity: "error",
    message: (p: { reason: string }) => p.reason,
  },
} as const satisfies Record<string, DiagnosticDefinition>;
