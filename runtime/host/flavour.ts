import type { IptablesFlavour } from "../../compiler/backends/step.ts";
import { type Family, families } from "../../compiler/net/address.ts";
import { HostError } from "./error.ts";
import type { Host } from "./host.ts";

export const iptablesFlavours = ["nft", "legacy"] as const satisfies readonly IptablesFlavour[];

/** The listing of one flavour and family; families and flavours that hold no tables at all have none. */
export interface RuleListing {
  readonly flavour: IptablesFlavour;
  readonly family: Family;
  /** As `iptables-save` prints it. */
  readonly text: string;
  /** Tables that the tool cannot list, because somebody put rules into them with `nft` that it does not understand. */
  readonly unreadable: readonly string[];
  /** Somebody has put chains or rules into the tables that the tool passes over. */
  readonly hasHidden: boolean;
  /** Otherwise the kernel knows nothing of this flavour, and there can be no rules. */
  readonly isSupported: boolean;
}

/** What one flavour is used for in this network namespace. */
export interface FlavourUse {
  readonly flavour: IptablesFlavour;
  /** Its tools are there, and the kernel knows it as far as can be told without trying. */
  readonly isInstalled: boolean;
  readonly hasOwn: boolean;
  readonly hasOthers: boolean;
}

export interface FlavourReport {
  /** What the plain command `iptables` is; null when it is not installed. */
  readonly system: IptablesFlavour | null;
  readonly uses: readonly FlavourUse[];
  readonly warnings: readonly string[];
}

const commands: Readonly<Record<Family, string>> = { ipv4: "iptables", ipv6: "ip6tables" };

/** `iptables-nft-restore`; the plain name where the node has only that, and it is of the flavour. null: not installed. */
export async function iptablesTool(
  host: Host,
  flavour: IptablesFlavour,
  family: Family,
  what: "save" | "restore",
): Promise<string | null> {
  const named = `${commands[family]}-${flavour}-${what}`;
  if ((await host.find(named)) !== null) return named;
  const plain = `${commands[family]}-${what}`;
  if ((await host.find(plain)) === null) return null;
  return (await systemFlavour(host)) === flavour ? plain : null;
}

/** By what runs programs: all looks at one host have it in common. */
const systemFlavours = new WeakMap<Host["run"], Promise<IptablesFlavour | null>>();

/** What the plain command is; asked once, since nobody replaces it during one command of weir's. null: not installed. */
export function systemFlavour(host: Host): Promise<IptablesFlavour | null> {
  const known = systemFlavours.get(host.run) ?? askForFlavour(host);
  systemFlavours.set(host.run, known);
  return known;
}

/** `iptables v1.8.9 (nf_tables)`; versions before 1.8 name no flavour, and there was one. */
async function askForFlavour(host: Host): Promise<IptablesFlavour | null> {
  if ((await host.find("iptables")) === null) return null;
  const { status, stdout } = await host.run({ argv: ["iptables", "-V"] });
  if (status !== 0) return null;
  return stdout.includes("nf_tables") ? "nft" : "legacy";
}

/**
 * The rules of all flavours that are installed. Looking makes no tables and loads no modules: legacy tables are listed
 * only where /proc names some. Throws HostError when rules are there that cannot be listed.
 */
export async function listRules(host: Host): Promise<readonly RuleListing[]> {
  const listings: RuleListing[] = [];
  for (const flavour of iptablesFlavours) {
    for (const family of families) {
      const listing = await listFlavour(host, flavour, family);
      if (listing !== null) listings.push(listing);
    }
  }
  return listings;
}

async function listFlavour(host: Host, flavour: IptablesFlavour, family: Family): Promise<RuleListing | null> {
  if (flavour === "legacy" && !(await hasLegacyTables(host, family))) return null;
  const tool = await iptablesTool(host, flavour, family, "save");
  if (tool === null) return null;
  const { status, stdout, stderr } = await host.run({ argv: [tool] });
  if (status !== 0) {
    if (family === "ipv6" && (await host.read("/proc/net/if_inet6")) === null) return null;
    if (isUnsupported(stderr)) {
      return { flavour, family, text: "", unreadable: [], hasHidden: false, isSupported: false };
    }
    throw listingError(tool, stderr);
  }
  const hasHidden = /^# Table `\w+' .*incompatible/m.test(stdout);
  return { flavour, family, text: stdout, unreadable: unreadableTables(stdout), hasHidden, isSupported: true };
}

/** Whether tables of the legacy flavour were ever used in this network namespace. */
export async function hasLegacyTables(host: Host, family: Family): Promise<boolean> {
  const names = await host.read(`/proc/net/${family === "ipv4" ? "ip" : "ip6"}_tables_names`);
  return names !== null && names.trim() !== "";
}

/**
 * `` # Table `nat' is incompatible, use 'nft' tool. `` on standard output, with status 0, in place of the table. With
 * `contains incompatible base-chains` it is only these that are left out, and none of them is ours.
 */
function unreadableTables(listing: string): readonly string[] {
  return [...listing.matchAll(/^# Table `(\w+)' is incompatible/gm)].map(([, name]) => name ?? "");
}

/** A kernel without nf_tables: `Failed to initialize nft: Protocol not supported`. */
function isUnsupported(stderr: string): boolean {
  return /(?:initialize nft|generation id): (?:Protocol not supported|Operation not supported|Invalid argument)/.test(
    stderr,
  );
}

function listingError(tool: string, stderr: string): HostError {
  const said = stderr.trim().split("\n")[0] ?? "";
  const lacksRight = /permission denied|you must be root|operation not permitted/i.test(stderr);
  return new HostError(lacksRight ? "permission" : "refused", `${tool} cannot list the rules of this node: ${said}`, {
    help: lacksRight ? "this needs root, or CAP_NET_ADMIN" : null,
  });
}

/**
 * What is known of the flavours of a node. `contents` tells of a listing whether weir owns something in it, and whether
 * others do.
 */
export async function reportFlavours(
  host: Host,
  listings: readonly RuleListing[],
  contents: (listing: RuleListing) => { readonly hasOwn: boolean; readonly hasOthers: boolean },
): Promise<FlavourReport> {
  const uses: FlavourUse[] = [];
  const warnings: string[] = [];
  for (const flavour of iptablesFlavours) {
    const listed = listings.filter((listing) => listing.flavour === flavour);
    const found = listed.map(contents);
    const isSupported = listed.every((listing) => listing.family === "ipv6" || listing.isSupported);
    uses.push({
      flavour,
      isInstalled: isSupported && (await iptablesTool(host, flavour, "ipv4", "restore")) !== null,
      hasOwn: found.some(({ hasOwn }) => hasOwn),
      hasOthers: found.some(({ hasOthers }) => hasOthers),
    });
  }
  const inUse = uses.filter(({ hasOwn, hasOthers }) => hasOwn || hasOthers);
  if (inUse.length > 1) {
    warnings.push("rules of iptables-legacy are present beside rules of iptables-nft: packets meet both");
  }
  for (const family of families) {
    const isListed = listings.some((listing) => listing.flavour === "legacy" && listing.family === family);
    if (!isListed && (await hasLegacyTables(host, family))) {
      warnings.push(`tables of ${commands[family]}-legacy are present, and the tool to list them is not installed`);
    }
  }
  return { system: await systemFlavour(host), uses, warnings };
}

/**
 * The flavour to use: the one asked for; else where weir's rules are, then where rules of others are, then what the
 * plain command is, then the one that is installed. In both places, the first of these that tells them apart decides.
 * Throws HostError `tool-missing`.
 */
export function chooseFlavour(report: FlavourReport, wanted: IptablesFlavour | null): IptablesFlavour {
  const installed = report.uses.filter(({ isInstalled }) => isInstalled);
  const chosen =
    wanted ??
    only(installed.filter(({ hasOwn }) => hasOwn)) ??
    only(installed.filter(({ hasOthers }) => hasOthers)) ??
    installed.find(({ flavour }) => flavour === report.system)?.flavour ??
    installed[0]?.flavour;
  if (chosen !== undefined && installed.some(({ flavour }) => flavour === chosen)) return chosen;
  const missing = chosen === undefined ? "iptables-restore" : `iptables-${chosen}-restore`;
  throw new HostError("tool-missing", `there is no program ${missing} on this node`, {
    help: "install it: apt-get install iptables",
  });
}

function only(uses: readonly FlavourUse[]): IptablesFlavour | null {
  const [first, ...more] = uses;
  return first !== undefined && more.length === 0 ? first.flavour : null;
}
