import { deltaIptables } from "../../compiler/backends/iptables/delta.ts";
import type { IptablesProgram, IptablesRuleset } from "../../compiler/backends/iptables/program.ts";
import type { IptablesFlavour, Step } from "../../compiler/backends/step.ts";
import { type Family, families } from "../../compiler/net/address.ts";
import { HostError } from "../host/error.ts";
import {
  chooseFlavour,
  type FlavourReport,
  hasLegacyTables,
  listRules,
  type RuleListing,
  reportFlavours,
} from "../host/flavour.ts";
import type { Host } from "../host/host.ts";
import { oncePerLook } from "../host/look.ts";
import { nftToken } from "./generation.ts";
import { knownChains, rulesetOf } from "./iptables-chains.ts";
import {
  factsOf,
  isPinnedIn,
  type KernelFacts,
  listingsOf,
  type OwnListing,
  placeName,
  placesFrom,
  rawSteps,
  snapshotFacts,
  snapshotOf,
} from "./iptables-kernel.ts";
import { holdsAnything, isOwnedBy, type Listing, type RulesOwner, readListing } from "./iptables-listing.ts";
import type { ForeignPart, Observed, ObserveHints, Plane, Snapshot } from "./plane.ts";

/**
 * Chains of weir's in the tables that iptables knows: `main` are those of the backends iptables and userspace, `ipvs`
 * the ones beside IPVS. A node may have two flavours of these tables at once; rules are put into the one that
 * `chooseFlavour` tells, and taken away from the other.
 */
export function rulesPlane(owner: RulesOwner, wanted: IptablesFlavour | null = null): Plane<IptablesProgram> {
  return {
    name: owner === "main" ? "iptables" : "ipvs",
    observe: (host, hints) => observe(host, owner, wanted, hints),
    plan: (now, after) => plan(now, after, owner),
    restore: (now, snapshot) => restore(now, snapshot, owner),
    facts: snapshotFacts,
    suits: (facts) => suitsFlavour(facts, wanted),
    generation,
    // a change reads and writes whole tables, which is little more than listing them
    mayAssume: (facts) => factsOf(facts).holder === "legacy",
  };
}

/** Whether rules go, by these facts, where they are wanted. */
export function suitsFlavour(facts: Snapshot, wanted: IptablesFlavour | null): boolean {
  return wanted === null || factsOf(facts).flavour === wanted;
}

/** The chains of both owners stand in the same listings. */
const listRulesOnce = oncePerLook(listRules);

/** The plane of the backends iptables and userspace. */
export const iptablesPlane: Plane<IptablesProgram> = rulesPlane("main");

async function observe(
  host: Host,
  owner: RulesOwner,
  wanted: IptablesFlavour | null,
  hints: ObserveHints<IptablesProgram>,
): Promise<Observed<IptablesProgram>> {
  const raw = await listRulesOnce(host);
  await assertNotHidden(host, raw, owner);
  const listings = raw.map(({ flavour, family, text }) => ({ flavour, family, listing: readListing(text, owner) }));
  const report = await reportOf(host, raw, listings);
  if (!report.uses.some(({ isInstalled }) => isInstalled)) return { program: null, foreign: [], snapshot: {} };
  const flavour = chooseFlavour(report, wanted);
  const own = listings.filter(({ listing }) => holdsAnything(listing));
  const holder = [flavour, ...own.map((each) => each.flavour)].find((name) =>
    own.some((each) => each.flavour === name),
  );
  const facts: KernelFacts = {
    flavour,
    holder: holder ?? null,
    pinned: own.flatMap(pinnedIn),
    unreadable: raw.flatMap(({ flavour: name, family, unreadable }) =>
      unreadable.map((table) => placeName(name, family, table)),
    ),
  };
  return { ...programIn(own, facts, hints), snapshot: snapshotOf(own, facts) };
}

function programIn(
  own: readonly OwnListing[],
  { holder }: KernelFacts,
  hints: ObserveHints<IptablesProgram>,
): Omit<Observed<IptablesProgram>, "snapshot"> {
  const foreign: ForeignPart[] = [];
  const known = knownChains(hints.known);
  const read = (family: Family): IptablesRuleset | null => {
    const found = own.find((each) => each.flavour === holder && each.family === family);
    return found === undefined ? null : rulesetOf(found.listing, family, known, foreign);
  };
  const program: IptablesProgram = { ipv4: read("ipv4"), ipv6: read("ipv6") };
  for (const leftover of own) if (leftover.flavour !== holder) foreign.push(partOfLeftover(leftover));
  const isNothing = program.ipv4 === null && program.ipv6 === null;
  return { program: isNothing ? null : program, foreign };
}

/**
 * What an observation found that gave this snapshot, where the kernel holds the same still. null for a snapshot that tells
 * nothing of the node, from which no rules can be planned.
 */
export function rulesFrom(
  snapshot: Snapshot,
  owner: RulesOwner,
  hints: ObserveHints<IptablesProgram>,
): Observed<IptablesProgram> | null {
  const facts = factsOf(snapshot);
  if (facts.flavour === null) return null;
  return { ...programIn(listingsOf(snapshot, owner), facts, hints), snapshot };
}

/** Rules of the nft flavour are part of nf_tables, which counts its changes; the legacy flavour counts none. */
async function generation(host: Host): Promise<string | null> {
  for (const family of families) if (await hasLegacyTables(host, family)) return null;
  return nftToken(host);
}

/** Which flavours the node has, and what is in them, without changing anything. Throws HostError. */
export async function iptablesFlavourReport(host: Host): Promise<FlavourReport> {
  const raw = await listRules(host);
  return reportOf(
    host,
    raw,
    raw.map(({ flavour, family, text }) => ({ flavour, family, listing: readListing(text, "main") })),
  );
}

/** Throws HostError when weir owns chains in a table that iptables cannot list: what they are cannot be known. */
async function assertNotHidden(host: Host, listings: readonly RuleListing[], owner: RulesOwner): Promise<void> {
  for (const { family, unreadable } of listings) {
    for (const table of unreadable) {
      // nobody but nft makes such tables
      if ((await host.find("nft")) === null) continue;
      const argv = ["nft", "list", "table", family === "ipv4" ? "ip" : "ip6", table];
      const { stdout } = await host.run({ argv });
      const chains = [...stdout.matchAll(/^\s*chain (\S+) \{$/gm)].map(([, name]) => name ?? "");
      if (chains.some((name) => isOwnedBy(owner, name))) throw unreadableError(table, family);
    }
  }
}

function unreadableError(table: string, family: Family): HostError {
  return new HostError("unsupported", `iptables-nft cannot list table ${table} (${family}) of this node`, {
    help: `it holds rules that only nft understands: move them to a table of another name than ${table}, or use the backend nftables`,
  });
}

function reportOf(host: Host, raw: readonly RuleListing[], listings: readonly OwnListing[]): Promise<FlavourReport> {
  return reportFlavours(host, raw, ({ flavour, family, hasHidden }) => {
    const found = listings.find((each) => each.flavour === flavour && each.family === family);
    return {
      hasOwn: found !== undefined && holdsAnything(found.listing),
      hasOthers: hasHidden || (found?.listing.hasOthers ?? false),
    };
  });
}

function pinnedIn({ flavour, family, listing }: OwnListing): readonly string[] {
  return [...listing.tables].flatMap(([table, { references }]) =>
    references.map(({ target }) => placeName(flavour, family, table, target)),
  );
}

function partOfLeftover({ flavour, family, listing }: OwnListing): ForeignPart {
  return {
    place: `iptables-${flavour} (${family})`,
    text: `${countChains(listing)} chains of weir's, in this flavour too`,
  };
}

function countChains(listing: Listing): number {
  return [...listing.tables.values()].reduce((sum, table) => sum + table.chains.size, 0);
}

function plan(now: Observed<IptablesProgram>, after: IptablesProgram | null, owner: RulesOwner): readonly Step[] {
  const facts = factsOf(now.snapshot);
  assertReadable(facts, after);
  const { flavour, holder } = facts;
  const isMoving = holder !== null && holder !== flavour;
  const steps = deltaIptables(isMoving ? null : now.program, after, {
    flavour,
    isPinned: (family, table, chain) => flavour !== null && isPinnedIn(facts, flavour, family)(table, chain),
  });
  const leftovers = placesFrom(flavour)
    .filter((place) => place.flavour !== flavour)
    .flatMap((place) => rawSteps(now.snapshot, null, owner, place.flavour, place.family));
  const rules = steps.filter((step) => step.kind !== "flows");
  const flows = steps.filter((step) => step.kind === "flows");
  return [...rules, ...leftovers, ...flows];
}

/** Throws HostError where weir's rules would go into a table that cannot be read back. */
function assertReadable({ flavour, unreadable }: KernelFacts, after: IptablesProgram | null): void {
  if (flavour === null || after === null) return;
  for (const family of families) {
    for (const { name } of after[family]?.tables ?? []) {
      if (unreadable.includes(placeName(flavour, family, name))) throw unreadableError(name, family);
    }
  }
}

function restore(now: Observed<IptablesProgram>, snapshot: Snapshot, owner: RulesOwner): readonly Step[] {
  const first = factsOf(snapshot).holder ?? factsOf(now.snapshot).flavour;
  return placesFrom(first).flatMap(({ flavour, family }) => rawSteps(now.snapshot, snapshot, owner, flavour, family));
}
