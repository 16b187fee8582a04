import { compareText } from "../net/order.ts";
import type { Location } from "../source.ts";
import { codes, type DiagnosticCode } from "./codes.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { jsonPlace } from "./render-json.ts";

const schema = "https://json.schemastore.org/sarif-2.1.0.json";

/** A path as a URI reference: relative ones stay relative, so that a viewer finds them from the checkout. */
function uriOf(path: string): string {
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return path.startsWith("/") ? `file://${encoded}` : encoded;
}

function physicalLocation(location: Location): object {
  const place = jsonPlace(location);
  return {
    artifactLocation: { uri: uriOf(place.file) },
    region: {
      startLine: place.line,
      startColumn: place.column,
      endLine: place.endLine,
      endColumn: place.endColumn,
    },
  };
}

/**
 * One run of SARIF 2.1.0 (OASIS), as code-scanning services take it. Columns count Unicode characters, as everywhere
 * in weir, and the log says so. Only the codes that occur are listed as rules.
 */
export function renderSarif(diagnostics: readonly Diagnostic[]): string {
  const ids = [...new Set(diagnostics.map((finding) => finding.code))].sort(compareText);
  const log = {
    $schema: schema,
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "weir", rules: ids.map(rule) } },
        columnKind: "unicodeCodePoints",
        results: diagnostics.map((finding) => result(finding, ids)),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function rule(id: DiagnosticCode): object {
  return { id, defaultConfiguration: { level: codes[id].severity } };
}

function result(finding: Diagnostic, ids: readonly DiagnosticCode[]): object {
  const help = finding.help === null ? "" : `\nhelp: ${finding.help}`;
  const object = finding.location?.object;
  return {
    ruleId: finding.code,
    ruleIndex: ids.indexOf(finding.code),
    level: finding.severity,
    message: { text: finding.message + help },
    locations:
      finding.location === null
        ? []
        : [
            {
              physicalLocation: physicalLocation(finding.location),
              ...(object === undefined ? {} : { logicalLocations: [{ name: object, kind: "object" }] }),
            },
          ],
    relatedLocations: finding.notes.map((note, id) => ({
      id,
      physicalLocation: physicalLocation(note.location),
      message: { text: note.message },
    })),
  };
}
