import { nearest } from "../diagnostics/suggest.ts";
import { fieldName, type Path } from "./places.ts";
import { isRecord, valueAt } from "./records.ts";
import { type Report, report } from "./report.ts";

/** A section whose fields weir knows, or null for a field whose inside says nothing about rules. */
interface Fields {
  readonly [name: string]: Fields | null;
}

const periods = { syncPeriod: null, minSyncPeriod: null };

/** The fields of KubeProxyConfiguration v1alpha1, those that older releases had included. Source: kube-proxy config API v1alpha1. */
const known: Fields = {
  apiVersion: null,
  kind: null,
  metadata: null,
  featureGates: null,
  clientConnection: null,
  logging: null,
  hostnameOverride: null,
  bindAddress: null,
  healthzBindAddress: null,
  metricsBindAddress: null,
  bindAddressHardFail: null,
  enableProfiling: null,
  showHiddenMetricsForVersion: null,
  mode: null,
  iptables: { masqueradeBit: null, masqueradeAll: null, localhostNodePorts: null, ...periods },
  ipvs: {
    scheduler: null,
    excludeCIDRs: null,
    strictARP: null,
    tcpTimeout: null,
    tcpFinTimeout: null,
    udpTimeout: null,
    ...periods,
  },
  nftables: { masqueradeBit: null, masqueradeAll: null, ...periods },
  winkernel: null,
  detectLocalMode: null,
  detectLocal: { bridgeInterface: null, interfaceNamePrefix: null },
  clusterCIDR: null,
  nodePortAddresses: null,
  oomScoreAdj: null,
  conntrack: {
    maxPerCore: null,
    min: null,
    tcpEstablishedTimeout: null,
    tcpCloseWaitTimeout: null,
    tcpBeLiberal: null,
    udpTimeout: null,
    udpStreamTimeout: null,
  },
  configSyncPeriod: null,
  portRange: null,
  windowsRunAsService: null,
  udpIdleTimeout: null,
  resourceContainer: null,
};

/** Warns of fields that kube-proxy does not have: most are misspelt, and would silently do nothing. */
export function checkFields(to: Report, fields: Fields = known, path: Path = []): void {
  const value = valueAt(to.object.value, path);
  if (!isRecord(value)) return;
  for (const key of Object.keys(value)) {
    const inside = Object.hasOwn(fields, key) ? fields[key] : undefined;
    const here: Path = [...path, key];
    if (inside === undefined) {
      const near = nearest(key, Object.keys(fields));
      const help = near === null ? undefined : `did you mean \`${fieldName([...path, near])}\`?`;
      report(to, "kubernetes/unknown-field", { field: fieldName(here), kind: to.object.kind }, here, { help });
    } else if (inside !== null) {
      checkFields(to, inside, here);
    }
  }
}
