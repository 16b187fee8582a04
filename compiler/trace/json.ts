import { fractionToNumber } from "../net/fraction.ts";
import { pathOf, type Trace } from "./trace.ts";

/** A trace as `--json` prints it. Its shape is a contract: docs/command-line.md has it. */
export interface JsonTrace {
  readonly backend: string;
  readonly verdict: "endpoints" | "drop" | "reject" | "pass";
  readonly service: string | null;
  readonly endpoints: readonly { readonly address: string; readonly port: number; readonly share: number | null }[];
  readonly masquerade: boolean;
  readonly path: readonly { readonly rule: string; readonly source: string | null }[];
}

export function jsonTrace(trace: Trace): JsonTrace {
  return {
    backend: trace.backend,
    verdict: trace.verdict,
    service: trace.service,
    endpoints: trace.endpoints.map(({ address, port, share }) => ({
      address: address.text,
      port,
      share: share === null ? null : fractionToNumber(share),
    })),
    masquerade: trace.endpoints.some(({ masquerade }) => masquerade),
    path: pathOf(trace).map(({ place, rule, source }) => ({ rule: `${place}: ${rule}`, source })),
  };
}
