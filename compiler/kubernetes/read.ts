import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.ts";
import type { SourceFile } from "../source.ts";
import type { ClusterSetting, EndpointGroup, SpecFragment } from "../spec/fragment.ts";
import type { NodeSpec, ServiceSpec } from "../spec/schema.ts";
import { isIgnoredSlice, readEndpointSlice } from "./endpoint-slice.ts";
import { readNode, readServiceCidr } from "./node.ts";
import { type KubernetesObject, plainText, readObjects } from "./objects.ts";
import { readProxyConfiguration } from "./proxy-configuration.ts";
import type { Report } from "./report.ts";
import { isIgnored, readService } from "./service.ts";

export interface ObjectsResult {
  readonly fragment: SpecFragment;
  readonly diagnostics: readonly Diagnostic[];
  /** The file is of another kind: nothing in it is an object, or was meant to be one. */
  readonly isForeign: boolean;
}

/** What has been read of a file so far. */
interface Collected {
  readonly settings: ClusterSetting[];
  readonly nodes: NodeSpec[];
  readonly services: ServiceSpec[];
  readonly endpointGroups: EndpointGroup[];
}

interface Kind {
  /** The versions that are read; in all of them the fields that weir reads are the same. */
  readonly versions: readonly string[];
  readonly read: (to: Report, collected: Collected) => void;
}

const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  [
    "Service",
    {
      versions: ["v1"],
      read: (to, { services }) => {
        const service = isIgnored(to.object) ? null : readService(to);
        if (service !== null) services.push(service);
      },
    },
  ],
  [
    "EndpointSlice",
    {
      versions: ["discovery.k8s.io/v1"],
      read: (to, { endpointGroups }) => {
        const group = isIgnoredSlice(to.object) ? null : readEndpointSlice(to);
        if (group !== null) endpointGroups.push(group);
      },
    },
  ],
  [
    "Node",
    {
      versions: ["v1"],
      read: (to, { nodes }) => {
        const node = readNode(to);
        if (node !== null) nodes.push(node);
      },
    },
  ],
  [
    "ServiceCIDR",
    {
      versions: ["networking.k8s.io/v1", "networking.k8s.io/v1beta1"],
      read: (to, { settings }) => {
        const value = readServiceCidr(to);
        const origin = to.object.at(["spec", "cidrs"]);
        if (value.length > 0) settings.push({ key: "serviceRanges", value, origin });
      },
    },
  ],
  [
    "KubeProxyConfiguration",
    {
      versions: ["kubeproxy.config.k8s.io/v1alpha1"],
      read: (to, { settings }) => {
        settings.push(...readProxyConfiguration(to));
      },
    },
  ],
]);

/** Enough for every Service of a large cluster to have a warning; a file with more is no cluster's. */
const mostFindings = 50_000;

/** Why an object that users expect to be read is not. */
const skippedHelp: Readonly<Record<string, string>> = {
  Endpoints: "endpoints are read from EndpointSlice objects alone",
  ConfigMap: "the configuration of kube-proxy is read as a document of its own, not from inside a ConfigMap",
};

/**
 * The Kubernetes objects of a .yaml, .yml or .json text as a fragment of a spec. Objects of other kinds are skipped
 * with one note for each kind. Every object is judged by itself, so the errors of one do not hide those of the next.
 */
export function fragmentFromObjects(file: SourceFile): ObjectsResult {
  const { objects, diagnostics: findings, isForeign } = readObjects(file);
  const diagnostics = [...findings];
  const collected: Collected = { settings: [], nodes: [], services: [], endpointGroups: [] };
  const skipped = new Map<string, KubernetesObject[]>();
  for (const object of objects) {
    if (diagnostics.length > mostFindings) {
      const what = `only the first ${mostFindings} findings of this file are shown; the objects from here on are not read`;
      diagnostics.push(diagnostic("kubernetes/limit", { what }, { at: object.at([]) }));
      break;
    }
    const kind = kinds.get(object.kind);
    if (kind?.versions.includes(object.apiVersion) === true) {
      kind.read({ object, diagnostics }, collected);
    } else if (kind !== undefined && sameGroup(object.apiVersion, kind.versions)) {
      const parameters = { kind: object.kind, version: plainText(object.apiVersion), read: kind.versions.join(" or ") };
      diagnostics.push(diagnostic("kubernetes/version-skipped", parameters, { at: object.at(["apiVersion"]) }));
    } else {
      const key = `${object.apiVersion} ${object.kind}`;
      const others = skipped.get(key);
      if (others === undefined) skipped.set(key, [object]);
      else others.push(object);
    }
  }
  for (const others of [...skipped.values()].slice(0, mostFindings)) {
    const [first] = others;
    if (first === undefined) continue;
    const { kind } = first;
    const help = Object.hasOwn(skippedHelp, kind) ? skippedHelp[kind] : undefined;
    const parameters = { kind: plainText(kind), count: others.length };
    diagnostics.push(diagnostic("kubernetes/kind-skipped", parameters, { at: first.at(["kind"]), help }));
  }
  return { fragment: { ...collected, expects: [], includes: [] }, diagnostics, isForeign };
}

/** Another group's kind of the same name (a Service of serving.knative.dev) is simply another kind. */
function sameGroup(version: string, read: readonly string[]): boolean {
  return read.some((known) => groupOf(known) === groupOf(version));
}

function groupOf(version: string): string {
  const slash = version.lastIndexOf("/");
  return slash === -1 ? "" : version.slice(0, slash);
}
