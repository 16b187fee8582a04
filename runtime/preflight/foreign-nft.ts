import type { ClassUse, ForeignUse, MarkHook, MarkUse, TranslatedPort } from "./foreign.ts";

const allBits = 0xffffffff;

type Fields = Readonly<Record<string, unknown>>;

/**
 * What the rules of foreign tables do with marks, classes and destinations, from `nft -j list table`.
 * Format: libnftables-json(5). Expressions of kinds that are not known here, and what maps say, do nothing.
 */
export function foreignInNft(listing: string): ForeignUse {
  const marks: MarkUse[] = [];
  const classes: ClassUse[] = [];
  const translated: TranslatedPort[] = [];
  const closedForward: string[] = [];
  const chains: string[] = [];
  const hooks = new Map<string, MarkHook>();
  const content: unknown = JSON.parse(listing);
  for (const item of listOf(fieldsOf(content).nftables)) {
    const { chain, rule } = fieldsOf(item);
    if (chain !== undefined) {
      const { name, hook, policy, prio } = fieldsOf(chain);
      chains.push(String(name));
      hooks.set(placeOf(fieldsOf(chain), "name"), hookOf(hook, prio));
      if (hook === "forward" && policy === "drop") closedForward.push(placeOf(fieldsOf(chain), "name"));
    }
    if (rule !== undefined) {
      const place = placeOf(fieldsOf(rule), "chain");
      const statements = listOf(fieldsOf(rule).expr);
      const text = JSON.stringify(statements);
      const isKubernetes = fieldsOf(rule).table === "kube-proxy";
      const where = { place, hook: hooks.get(place) ?? "other", isKubernetes, text };
      marks.push(...statements.flatMap(markUses).map((use) => ({ ...use, ...where })));
      classes.push(...statements.flatMap(classUses).map((value) => ({ value, place, text })));
      translated.push(...translations(statements).map((port) => ({ ...port, place, text })));
    }
  }
  return { marks, classes, translated, closedForward, chains, tables: [], routing: [], unseen: [] };
}

/** Base chains before the priority of destination translation (-100) see packets that weir has not marked yet. */
function hookOf(hook: unknown, priority: unknown): MarkHook {
  const isOnTheWayIn = hook === "prerouting" || hook === "output";
  return isOnTheWayIn && typeof priority === "number" && priority < -100 ? "before" : "other";
}

function placeOf(object: Fields, name: "name" | "chain"): string {
  return `chain ${String(object[name])} of table ${String(object.family)} ${String(object.table)}`;
}

type Bits = Pick<MarkUse, "field" | "action" | "ones" | "zeros">;

function markUses(statement: unknown): readonly Bits[] {
  const { mangle, match } = fieldsOf(statement);
  const set = markField(fieldsOf(mangle).key);
  if (set !== null) return [{ field: set, action: "set", ...result(fieldsOf(mangle).value) }];
  const { left, right } = fieldsOf(match);
  const asked = markOperand(left);
  if (asked === null) return [];
  return numbersIn(right).map((value) => ({
    field: asked.field,
    action: "match" as const,
    ones: (value & asked.mask) >>> 0,
    zeros: (asked.mask & ~value) >>> 0,
  }));
}

function markField(expression: unknown): Bits["field"] | null {
  const { meta, ct } = fieldsOf(expression);
  if (fieldsOf(meta).key === "mark") return "packet";
  return fieldsOf(ct).key === "mark" ? "connection" : null;
}

/** `meta mark`, or `meta mark & MASK`. */
function markOperand(expression: unknown): { readonly field: Bits["field"]; readonly mask: number } | null {
  const field = markField(expression);
  if (field !== null) return { field, mask: allBits };
  const [inner, mask] = listOf(fieldsOf(expression)["&"]);
  const masked = markField(inner);
  return masked !== null && typeof mask === "number" ? { field: masked, mask } : null;
}

/** The bits that an assigned value may set, and those that it may clear. */
function result(value: unknown): Pick<MarkUse, "ones" | "zeros"> {
  if (typeof value === "number") return { ones: value >>> 0, zeros: ~value >>> 0 };
  if (markField(value) === "packet") return { ones: 0, zeros: 0 };
  for (const [operator, parts] of Object.entries(fieldsOf(value))) {
    const [left, right] = listOf(parts);
    if (typeof right !== "number") continue;
    const before = result(left);
    if (operator === "|") return { ones: (before.ones | right) >>> 0, zeros: (before.zeros & ~right) >>> 0 };
    if (operator === "^") return { ones: (before.ones | right) >>> 0, zeros: (before.zeros | before.ones) >>> 0 };
    if (operator === "&") return { ones: (before.ones & right) >>> 0, zeros: (before.zeros | ~right) >>> 0 };
  }
  const ones = numbersIn(fieldsOf(fieldsOf(value).map).data).reduce((all, each) => (all | each) >>> 0, 0);
  // a copy of another mark, or anything else that may come out as zero
  return { ones, zeros: allBits };
}

/** A number, the numbers of a set, the ends of its ranges, the data of a map. */
function numbersIn(value: unknown): readonly number[] {
  if (typeof value === "number") return [value];
  const { set, range } = fieldsOf(value);
  if (range !== undefined) return listOf(range).flatMap(numbersIn);
  return listOf(set).flatMap((element) => (Array.isArray(element) ? numbersIn(element[1]) : numbersIn(element)));
}

/** `meta priority set MAJOR:MINOR` */
function classUses(statement: unknown): readonly number[] {
  const { key, value } = fieldsOf(fieldsOf(statement).mangle);
  if (fieldsOf(fieldsOf(key).meta).key !== "priority") return [];
  const [major, minor] = typeof value === "string" ? value.split(":").map((part) => Number.parseInt(part, 16)) : [];
  return major === undefined || minor === undefined || Number.isNaN(minor) ? [] : [major * 0x10000 + minor];
}

function translations(statements: readonly unknown[]): readonly Pick<TranslatedPort, "protocol" | "port">[] {
  const isTranslating = statements.some((each) => "dnat" in fieldsOf(each) || "redirect" in fieldsOf(each));
  if (!isTranslating) return [];
  return statements.flatMap((statement) => {
    const { left, right } = fieldsOf(fieldsOf(statement).match);
    const { protocol, field } = fieldsOf(fieldsOf(left).payload);
    if (field !== "dport" || (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp")) return [];
    return numbersIn(right).map((port) => ({ protocol, port }));
  });
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
