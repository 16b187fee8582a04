import type { Prefix } from "../net/address.ts";
import type { PortRange } from "../net/port.ts";
import { fail, ok, type Result } from "../result.ts";
import type { ClusterSetting } from "../spec/fragment.ts";
import { type DetectorSpec, schedulerSchema } from "../spec/schema.ts";
import { parseSloppyPrefix } from "./addresses.ts";
import { parseGoDuration } from "./duration.ts";
import { isInterfaceName } from "./names.ts";
import { prefixes } from "./node.ts";
import { shaped } from "./objects.ts";
import { fieldName, type Path } from "./places.ts";
import { checkFields } from "./proxy-fields.ts";
import { type Report, report, reportAddress, reportInvalid } from "./report.ts";
import { type ProxyConfiguration, proxyConfigurationSchema } from "./schemas.ts";

/** kube-proxy's defaults, in seconds, for a period that is 0 or not given. */
const defaultSyncSeconds = 30;

/**
 * What a KubeProxyConfiguration says about rules, as cluster settings; what it says about the process is ignored.
 * The mark bit and masquerade-all come from the section of its `mode`, because all of weir's backends share them.
 * Deviations from what kube-proxy accepts are reported. Source: kube-proxy config API v1alpha1, its defaults and validation.
 */
export function readProxyConfiguration(to: Report): readonly ClusterSetting[] {
  checkFields(to);
  const config = shaped<ProxyConfiguration>(to, proxyConfigurationSchema);
  if (config === null) return [];
  for (const section of ["iptables", "nftables", "ipvs"] as const) checkPeriods(to, config, section);
  const at = (path: Path) => to.object.at(path);
  const settings: ClusterSetting[] = [];
  const pods = clusterCidr(to, config.clusterCIDR ?? "");
  if (pods.length > 0) settings.push({ key: "pods", value: pods, origin: at(["clusterCIDR"]) });
  const detector = detectorOf(to, config);
  if (detector !== null) settings.push({ key: "detector", value: detector, origin: at(["detectLocalMode"]) });
  const addresses = config.nodePortAddresses ?? [];
  if (addresses.length > 0) settings.push(...nodePortAddresses(to, addresses));
  const section = config.mode === "nftables" ? "nftables" : "iptables";
  const { masqueradeAll, masqueradeBit } = config[section] ?? {};
  if (masqueradeAll !== undefined && masqueradeAll !== null) {
    settings.push({ key: "masqueradeAll", value: masqueradeAll, origin: at([section, "masqueradeAll"]) });
  }
  if (masqueradeBit !== undefined && masqueradeBit !== null) {
    settings.push({ key: "masqueradeBit", value: masqueradeBit, origin: at([section, "masqueradeBit"]) });
  }
  settings.push(...ipvsSettings(to, config.ipvs ?? {}));
  const ports = parsePortRange(config.portRange ?? "");
  if (!ports.ok) invalid(to, ["portRange"], ports.reason);
  else if (ports.value !== null) settings.push({ key: "proxyPorts", value: ports.value, origin: at(["portRange"]) });
  return settings;
}

function invalid(to: Report, path: Path, reason: string): void {
  report(to, "kubernetes/invalid-setting", { field: fieldName(path), reason }, path);
}

function clusterCidr(to: Report, text: string): readonly Prefix[] {
  if (text === "") return [];
  const found = text.split(",").flatMap((part) => {
    const prefix = parseSloppyPrefix(part.trim());
    if (prefix.ok) return [prefix.value];
    reportAddress(to, ["clusterCIDR"], prefix.reason);
    return [];
  });
  if (new Set(found.map((prefix) => prefix.address.family)).size < found.length) {
    invalid(to, ["clusterCIDR"], "may hold one range of each family");
  }
  return found;
}

function detectorOf(to: Report, config: ProxyConfiguration): DetectorSpec | null {
  switch (config.detectLocalMode ?? "") {
    case "":
      return null;
    case "ClusterCIDR":
      return { kind: "cluster-pods" };
    case "NodeCIDR":
      return { kind: "node-pods" };
    case "BridgeInterface": {
      const name = config.detectLocal?.bridgeInterface ?? "";
      return isNamed(to, "bridgeInterface", name, 15) ? { kind: "bridge-interface", name } : null;
    }
    default: {
      const prefix = config.detectLocal?.interfaceNamePrefix ?? "";
      return isNamed(to, "interfaceNamePrefix", prefix, 14) ? { kind: "interface-prefix", prefix } : null;
    }
  }
}

function isNamed(to: Report, field: string, name: string, longest: number): boolean {
  if (isInterfaceName(name, longest)) return true;
  reportInvalid(
    to,
    ["detectLocal", field],
    name === "" ? undefined : name,
    `the name of an interface: at most ${longest} letters, digits, _, . and -`,
  );
  return false;
}

function nodePortAddresses(to: Report, texts: readonly string[]): readonly ClusterSetting[] {
  const origin = to.object.at(["nodePortAddresses"]);
  if (texts.includes("primary")) {
    if (texts.length > 1) invalid(to, ["nodePortAddresses"], "holds primary, which must stand alone");
    return [{ key: "nodePortAddresses", value: { kind: "primary" }, origin }];
  }
  const found = prefixes(to, texts, (index) => ["nodePortAddresses", index]);
  return [{ key: "nodePortAddresses", value: { kind: "prefixes", prefixes: found }, origin }];
}

function ipvsSettings(to: Report, ipvs: NonNullable<ProxyConfiguration["ipvs"]>): readonly ClusterSetting[] {
  const at = (field: string) => to.object.at(["ipvs", field]);
  const settings: ClusterSetting[] = [];
  const name = ipvs.scheduler ?? "";
  const scheduler = schedulerSchema.safeParse(name);
  if (scheduler.success) settings.push({ key: "ipvsScheduler", value: scheduler.data, origin: at("scheduler") });
  else if (name !== "") reportInvalid(to, ["ipvs", "scheduler"], name, schedulerSchema.options.join(", "));
  const excluded = prefixes(to, ipvs.excludeCIDRs ?? [], (index) => ["ipvs", "excludeCIDRs", index]);
  if (excluded.length > 0) settings.push({ key: "ipvsExcludedRanges", value: excluded, origin: at("excludeCIDRs") });
  if (ipvs.strictARP !== undefined && ipvs.strictARP !== null) {
    settings.push({ key: "ipvsStrictArp", value: ipvs.strictARP, origin: at("strictARP") });
  }
  const timeouts = [
    ["tcpTimeout", "ipvsTcpTimeout"],
    ["tcpFinTimeout", "ipvsTcpFinTimeout"],
    ["udpTimeout", "ipvsUdpTimeout"],
  ] as const;
  for (const [field, key] of timeouts) {
    const seconds = durationAt(to, ["ipvs", field], ipvs[field]);
    if (seconds === null || seconds === 0) continue;
    // IP_VS_SO_SET_TIMEOUT takes whole seconds, as a signed number.
    if (!Number.isInteger(seconds) || seconds < 0 || seconds > 2147483) {
      invalid(to, ["ipvs", field], "must be whole seconds, 0 to 2147483");
    } else settings.push({ key, value: seconds, origin: at(field) });
  }
  return settings;
}

function checkPeriods(to: Report, config: ProxyConfiguration, section: "iptables" | "nftables" | "ipvs"): void {
  const given = config[section];
  const sync = durationAt(to, [section, "syncPeriod"], given?.syncPeriod);
  const least = durationAt(to, [section, "minSyncPeriod"], given?.minSyncPeriod);
  if (sync !== null && sync < 0) invalid(to, [section, "syncPeriod"], "must be above 0");
  else if (least !== null && least < 0) invalid(to, [section, "minSyncPeriod"], "must not be below 0");
  else if (least !== null && least > (sync || defaultSyncSeconds)) {
    invalid(to, [section, "minSyncPeriod"], `must not be above ${section}.syncPeriod`);
  }
}

function durationAt(to: Report, path: Path, text: string | null | undefined): number | null {
  if (text === undefined || text === null) return null;
  const seconds = parseGoDuration(text);
  if (seconds.ok) return seconds.value;
  invalid(to, path, seconds.reason);
  return null;
}

/** `first-last`, `first+more` or one port; nothing, `0` and `0-0` mean any. Source: apimachinery's net.ParsePortRange. */
function parsePortRange(text: string): Result<PortRange | null> {
  const value = text.trim();
  if (value === "" || value === "0" || value === "0-0") return ok(null);
  const parts = /^([0-9]{1,5})(?:([-+])([0-9]{1,5}))?$/.exec(value);
  const first = Number(parts?.[1] ?? 0);
  const last =
    parts?.[3] === undefined ? first : parts[2] === "+" ? Math.min(first + Number(parts[3]), 65535) : Number(parts[3]);
  if (parts === null || first < 1 || last > 65535 || last < first) {
    return fail("is no range of ports, as in 20000-29999");
  }
  return ok({ first, last });
}
