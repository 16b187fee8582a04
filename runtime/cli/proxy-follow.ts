import { positionOf } from "../../compiler/source.ts";
import type { ProxyEngine } from "../proxy/engine.ts";
import type { Log } from "../proxy/log.ts";
import { nodeAddresses } from "../proxy/node-addresses.ts";
import { joinPlans, type ListenMode, type ProxyPlan, planProxy } from "../proxy/plan.ts";
import { troubleText } from "./proxy-print.ts";
import type { TableSource, Wanted } from "./proxy-source.ts";

/** Findings of a refused table that are logged. */
const mostFindings = 20;

/** What to listen on, and where connections go. Where nothing leads to the proxy any more, those it has go on. */
export function planOf({ tables }: Wanted, mode: ListenMode, before: ProxyPlan | null): ProxyPlan {
  const addresses = nodeAddresses();
  const plan = joinPlans(tables.map((table) => planProxy(table, mode, addresses)));
  return tables.length > 0 || before === null ? plan : { ...before, bindings: [] };
}

export interface Following {
  readonly engine: ProxyEngine;
  readonly source: TableSource;
  readonly mode: ListenMode;
  readonly log: Log;
  /** What the engine goes by, and the signature of its source before it was read. */
  readonly wanted: Wanted;
  readonly signature: string | null;
  readonly reloaded: (result: "taken" | "refused") => void;
}

/**
 * Takes over another table on SIGHUP and when its source has changed, and listens anew when the node's addresses have. A
 * table that is refused changes nothing. Returns how it is stopped.
 */
export function follow({ engine, source, mode, log, wanted, signature, reloaded }: Following): () => void {
  let [known, seen, addresses] = [wanted, signature, addressesText()];
  let plan = engine.plan;
  let lastSeen = signature;
  let isBusy = false;
  let isAsked = false;

  const take = async (): Promise<void> => {
    plan = planOf(known, mode, plan);
    const before = new Set(engine.places.flatMap(({ binding, port }) => (port === null ? [] : [binding.id])));
    const places = await engine.take(plan);
    for (const place of places) {
      const { binding, port } = place;
      if (port === null) log("error", "not-listening", { text: troubleText(place, known.whereOf(binding.key)) });
      else if (!before.has(binding.id)) {
        const { key, serves, address, protocol } = binding;
        log("info", "listening", { service: key, serves, address: address.text, port, protocol });
      }
    }
  };

  const reload = async (): Promise<void> => {
    const before = signatureOr(source, seen);
    try {
      const loaded = await source.load();
      // half of it may be of before: the next look tries again
      if (signatureOr(source, before) !== before) return;
      seen = before;
      if (loaded.wanted === null) {
        refuse(log, loaded.diagnostics);
        reloaded("refused");
        return;
      }
      known = loaded.wanted;
      await take();
      log("info", "reloaded", { from: known.from, listeners: engine.places.length });
      reloaded("taken");
    } catch (error) {
      seen = before;
      // whatever it is, the table before is a good one
      log("error", "reload-refused", { message: messageOf(error) });
      reloaded("refused");
    }
  };

  const look = async (): Promise<void> => {
    if (isBusy || engine.isClosing) return;
    isBusy = true;
    try {
      const found = signatureOr(source, seen);
      const isChanged = found !== seen && (found === lastSeen || !source.isWrittenInPlace);
      lastSeen = found;
      const now = addressesText();
      if (isAsked || isChanged) {
        isAsked = false;
        addresses = now;
        await reload();
      } else if (now !== addresses) {
        addresses = now;
        await take();
      }
    } catch (error) {
      log("error", "not-listening", { text: messageOf(error) });
    } finally {
      isBusy = false;
    }
  };

  const hangup = (): void => {
    isAsked = true;
    void look();
  };
  process.on("SIGHUP", hangup);
  const timer = setInterval(() => void look(), source.everyMs);
  return () => {
    clearInterval(timer);
    process.off("SIGHUP", hangup);
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A folder that cannot be read for a moment is no change. */
function signatureOr(source: TableSource, otherwise: string | null): string | null {
  try {
    return source.signature();
  } catch {
    return otherwise;
  }
}

function addressesText(): string {
  return nodeAddresses()
    .map(({ text }) => text)
    .join(" ");
}

function refuse(log: Log, diagnostics: Awaited<ReturnType<TableSource["load"]>>["diagnostics"]): void {
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  for (const { code, message, location } of errors.slice(0, mostFindings)) {
    const at = location === null ? null : positionOf(location.file, location.start);
    const place = at === null ? null : `${location?.file.path}:${at.line}:${at.column}`;
    log("error", "reload-refused", { place, code, message });
  }
}
