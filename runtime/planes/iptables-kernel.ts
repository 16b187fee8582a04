import { z } from "zod";
import { restoreStep } from "../../compiler/backends/iptables/delta.ts";
import {
  type OwnTable,
  type OwnTables,
  type PlacedJump,
  tableCommits,
} from "../../compiler/backends/iptables/delta-tables.ts";
import type { BuiltinChain, IptablesTableName } from "../../compiler/backends/iptables/program.ts";
import type { IptablesFlavour, Step } from "../../compiler/backends/step.ts";
import { type Family, families } from "../../compiler/net/address.ts";
import { iptablesFlavours } from "../host/flavour.ts";
import { type Listing, printOwn, type RulesOwner, readListing } from "./iptables-listing.ts";
import type { Snapshot } from "./plane.ts";

/** What else a plan needs to know of the node; a part of the snapshot, which is all that is kept of an observation. */
const factsSchema = z.object({
  /** Rules are put there. */
  flavour: z.enum(iptablesFlavours).nullable(),
  /** The observed program is there; null when there is none. */
  holder: z.enum(iptablesFlavours).nullable(),
  /** `nft ipv4 nat WEIR-SERVICES`: rules of others refer to these chains. */
  pinned: z.array(z.string()),
  /** `nft ipv4 nat`: tables that the tool cannot list. */
  unreadable: z.array(z.string()),
});

export type KernelFacts = Readonly<z.infer<typeof factsSchema>>;

const nothingKnown: KernelFacts = { flavour: null, holder: null, pinned: [], unreadable: [] };

const factsName = "facts.json";

export function listingName(flavour: IptablesFlavour, family: Family): string {
  return `iptables-${flavour} ${family}`;
}

export function placeName(flavour: IptablesFlavour, family: Family, ...more: readonly string[]): string {
  return [flavour, family, ...more].join(" ");
}

export interface OwnListing {
  readonly flavour: IptablesFlavour;
  readonly family: Family;
  readonly listing: Listing;
}

export function snapshotOf(listings: readonly OwnListing[], facts: KernelFacts): Snapshot {
  const texts = listings.map(({ flavour, family, listing }) => [listingName(flavour, family), printOwn(listing)]);
  return { ...Object.fromEntries(texts), [factsName]: `${JSON.stringify(facts)}\n` };
}

/** The listings in a snapshot, which leave out where others refer to chains of weir's: that is among its facts. */
export function listingsOf(snapshot: Snapshot, owner: RulesOwner): readonly OwnListing[] {
  return placesFrom(null).flatMap(({ flavour, family }) => {
    const text = snapshot[listingName(flavour, family)];
    return text === undefined ? [] : [{ flavour, family, listing: readListing(text, owner) }];
  });
}

/** The snapshot without its listings. */
export function snapshotFacts(snapshot: Snapshot): Snapshot {
  const text = snapshot[factsName];
  return text === undefined ? {} : { [factsName]: text };
}

/** Facts of a snapshot; none when it was not made by observing. */
export function factsOf(snapshot: Snapshot): KernelFacts {
  const text = snapshot[factsName];
  return text === undefined ? nothingKnown : factsSchema.parse(JSON.parse(text));
}

export function isPinnedIn(facts: KernelFacts, flavour: IptablesFlavour, family: Family) {
  const pinned = new Set(facts.pinned);
  return (table: IptablesTableName, chain: string) => pinned.has(placeName(flavour, family, table, chain));
}

/**
 * The steps that make the rules of one flavour and family what a snapshot says, or take away all of them (`wanted` is
 * null), whatever these rules are.
 */
export function rawSteps(
  now: Snapshot,
  wanted: Snapshot | null,
  owner: RulesOwner,
  flavour: IptablesFlavour,
  family: Family,
): readonly Step[] {
  const name = listingName(flavour, family);
  const [textNow = "", textWanted = ""] = [now[name], wanted?.[name]];
  if (textNow === textWanted) return [];
  const [listed, target] = [readListing(textNow, owner), readListing(textWanted, owner)];
  const commits = tableCommits(
    rawTables(listed, listed),
    rawTables(target, listed),
    { same: (a, b) => a === b, text: (_, text) => text },
    isPinnedIn(factsOf(now), flavour, family),
  );
  const kind = textNow === "" ? "load" : textWanted === "" ? "remove" : "change";
  return restoreStep(family, commits, flavour, { keys: () => null, kind });
}

/** Places of jumps are numbers of rules among those of others, which may have become fewer. */
function rawTables(listing: Listing, current: Listing): OwnTables<string> {
  const tables = new Map<IptablesTableName, OwnTable<string>>();
  for (const [name, { chains, jumps }] of listing.tables) {
    const others = current.tables.get(name)?.others;
    const placed = new Map<BuiltinChain, PlacedJump[]>();
    for (const { chain, target, before } of jumps) {
      const own = placed.get(chain) ?? [];
      const isBehindAll = before > 0 && before >= (others?.get(chain) ?? 0);
      own.push({ target, at: isBehindAll ? "end" : before + own.length + 1 });
      placed.set(chain, own);
    }
    tables.set(name, { chains, jumps: placed });
  }
  return tables;
}

/** Every place where rules may be, the given flavour first. */
export function placesFrom(first: IptablesFlavour | null) {
  const flavours = [...iptablesFlavours].sort((a, b) => Number(b === first) - Number(a === first));
  return flavours.flatMap((flavour) => families.map((family) => ({ flavour, family })));
}
