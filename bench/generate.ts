/**
 * Large specs for measurements and tests: the same services, endpoints and nodes as Kubernetes JSON and as weir text.
 * A pure function of its arguments.
 */

export interface Generated {
  readonly services: number;
  readonly endpoints: number;
  /** Machines that the endpoints are spread over. */
  readonly nodes?: number;
}

const nodesByDefault = 100;
/** Addresses of one node's pods: a /21, out of 10.128.0.0/9. */
const podsPerNode = 2048;
const firstPod = 10 * 2 ** 24 + 128 * 2 ** 16;
const firstVip = 10 * 2 ** 24 + 96 * 2 ** 16;

function address(bits: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256).join(".");
}

function padded(number: number, width: number): string {
  return String(number).padStart(width, "0");
}

export function nodeName(index: number): string {
  return `worker-${padded(index, 3)}`;
}

function nodeAddress(index: number): string {
  return address(192 * 2 ** 24 + 2 * 2 ** 8 + 10 + index);
}

function namespaceOf(service: number): string {
  return `team-${padded(service % 20, 2)}`;
}

function serviceName(service: number): string {
  return `service-${padded(service, 5)}`;
}

function vipOf(service: number): string {
  return address(firstVip + 10 + service);
}

interface Place {
  readonly node: number;
  readonly address: string;
}

function endpointOf({ endpoints, nodes = nodesByDefault }: Generated, service: number, index: number): Place {
  const number = service * endpoints + index;
  const node = number % nodes;
  const slot = Math.floor(number / nodes);
  if (slot >= podsPerNode - 2) throw new RangeError(`more than ${podsPerNode - 2} endpoints on a node; use more nodes`);
  return { node, address: address(firstPod + node * podsPerNode + slot + 1) };
}

function checkSize({ services, nodes = nodesByDefault }: Generated): void {
  if (services > 1_000_000 - 10) throw new RangeError("the service range holds no more than a million addresses");
  if (nodes > 245) throw new RangeError("node addresses are taken from one /24");
}

/** A Kubernetes `List` of a KubeProxyConfiguration, of Nodes, and of a Service and an EndpointSlice for each service, as an API server gives it. */
export function generateObjects(size: Generated): string {
  checkSize(size);
  const items: string[] = [configuration()];
  for (let node = 0; node < (size.nodes ?? nodesByDefault); node++) items.push(nodeObject(node));
  for (let service = 0; service < size.services; service++) {
    items.push(serviceObject(service), sliceObject(size, service));
  }
  return `{"apiVersion":"v1","kind":"List","metadata":{"resourceVersion":""},"items":[\n${items.join(",\n")}\n]}\n`;
}

/** Pods of all nodes, and proxy ports enough for 20,000 services. */
const cluster = { pods: "10.128.0.0/9", proxyPorts: "20000-60000" };

function configuration(): string {
  return JSON.stringify({
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    clusterCIDR: cluster.pods,
    portRange: cluster.proxyPorts,
  });
}

function nodeObject(index: number): string {
  const pods = `${address(firstPod + index * podsPerNode)}/21`;
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: nodeName(index),
      labels: { "kubernetes.io/hostname": nodeName(index), "topology.kubernetes.io/zone": `zone-${index % 3}` },
    },
    spec: { podCIDR: pods, podCIDRs: [pods] },
    status: { addresses: [{ type: "InternalIP", address: nodeAddress(index) }] },
  });
}

function serviceObject(service: number): string {
  const labels = { app: serviceName(service), "app.kubernetes.io/managed-by": "Helm" };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: serviceName(service),
      namespace: namespaceOf(service),
      uid: uid(service, 1),
      resourceVersion: String(1_000_000 + service),
      creationTimestamp: "2026-01-01T00:00:00Z",
      labels,
      annotations: { "meta.helm.sh/release-name": serviceName(service) },
    },
    spec: {
      type: "ClusterIP",
      clusterIP: vipOf(service),
      clusterIPs: [vipOf(service)],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
      internalTrafficPolicy: "Cluster",
      sessionAffinity: "None",
      selector: labels,
      ports: [{ name: "http", protocol: "TCP", port: 80, targetPort: "http" }],
    },
    status: { loadBalancer: {} },
  });
}

function sliceObject(size: Generated, service: number): string {
  const name = serviceName(service);
  return JSON.stringify({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${name}-abcde`,
      generateName: `${name}-`,
      namespace: namespaceOf(service),
      uid: uid(service, 2),
      resourceVersion: String(2_000_000 + service),
      creationTimestamp: "2026-01-01T00:00:00Z",
      labels: {
        "kubernetes.io/service-name": name,
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
      },
      ownerReferences: [{ apiVersion: "v1", kind: "Service", name, uid: uid(service, 1), controller: true }],
    },
    addressType: "IPv4",
    ports: [{ name: "http", protocol: "TCP", port: 8080 }],
    endpoints: Array.from({ length: size.endpoints }, (_, index) => {
      const { node, address: text } = endpointOf(size, service, index);
      return {
        addresses: [text],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: nodeName(node),
        zone: `zone-${node % 3}`,
        targetRef: {
          kind: "Pod",
          namespace: namespaceOf(service),
          name: `${name}-${padded(index, 4)}`,
          uid: uid(service, index + 3),
        },
      };
    }),
  });
}

function uid(service: number, part: number): string {
  const hex = (number: number, width: number): string => number.toString(16).padStart(width, "0");
  return `${hex(service, 8)}-0000-4000-8000-${hex(part, 12)}`;
}

/** The same nodes and services as one .weir text. */
export function generateWeir(size: Generated): string {
  checkSize(size);
  const parts: string[] = ["cluster {", `  pods ${cluster.pods}`, `  proxy-ports ${cluster.proxyPorts}`, "}", ""];
  for (let node = 0; node < (size.nodes ?? nodesByDefault); node++) {
    parts.push(
      `node ${nodeName(node)} {`,
      `  zone zone-${node % 3}`,
      `  address ${nodeAddress(node)}`,
      `  pods ${address(firstPod + node * podsPerNode)}/21`,
      "}",
      "",
    );
  }
  for (let service = 0; service < size.services; service++) {
    parts.push(
      `service ${namespaceOf(service)}/${serviceName(service)} {`,
      `  vip ${vipOf(service)}`,
      "  port http tcp 80 -> 8080",
    );
    for (let index = 0; index < size.endpoints; index++) {
      const { node, address: text } = endpointOf(size, service, index);
      parts.push(`  endpoint ${text} on ${nodeName(node)}`);
    }
    parts.push("}", "");
  }
  return parts.join("\n");
}
