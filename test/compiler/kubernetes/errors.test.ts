import { describe, expect, it } from "vitest";
import type { kubernetesCodes } from "../../../compiler/diagnostics/codes/kubernetes.ts";
import { objectsFromSpec } from "../../../compiler/kubernetes/from-spec.ts";
import { spec } from "../../support/spec.ts";
import { describeFinding, findingsOf, read } from "./support.ts";

interface Example {
  readonly text: string;
  readonly findings: readonly string[];
}

const service = (lines: string): string =>
  `apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: shop\n${lines}`;
const spec80 = "spec:\n  clusterIP: 10.96.0.10\n  ports:\n  - port: 80\n";

/** The smallest input for each finding about objects, and all that is found in it. */
const examples: Readonly<Record<Exclude<keyof typeof kubernetesCodes, "kubernetes/cannot-carry">, Example>> = {
  "kubernetes/invalid-yaml": {
    text: "apiVersion: v1\nkind: Service\nkind: Node\n",
    findings: ['error kubernetes/invalid-yaml 3:1 «kind» this is not valid YAML: key "kind" is given twice'],
  },
  "kubernetes/invalid-json": {
    text: '{"apiVersion": "v1",\n "kind": "Service"; }\n',
    findings: ['error kubernetes/invalid-json 2:19 «;» this is not valid JSON: found ";" where `,` or `}` is expected'],
  },
  "kubernetes/limit": {
    text: `apiVersion: v1\nkind: ${"[".repeat(101)}${"]".repeat(101)}\n`,
    findings: ["error kubernetes/limit 1:1 «a» this YAML document nests deeper than 100"],
  },
  "kubernetes/not-an-object": {
    text: "name: web\n",
    findings: ["error kubernetes/not-an-object 1:1 «name: web» this is no Kubernetes object: it has no kind"],
  },
  "kubernetes/missing-field": {
    text: service("spec:\n  clusterIP: 10.96.0.10\n  ports:\n  - name: http\n"),
    findings: [
      "error kubernetes/missing-field 9:5 Service shop/web «name: http» spec.ports[0].port is missing, expected a port from 1 to 65535",
    ],
  },
  "kubernetes/invalid-field": {
    text: service("spec:\n  clusterIP: 10.96.0.10\n  ports:\n  - port: 65536\n"),
    findings: [
      "error kubernetes/invalid-field 9:11 Service shop/web «65536» spec.ports[0].port is 65536, expected a port from 1 to 65535",
    ],
  },
  "kubernetes/invalid-name": {
    text: service('spec:\n  clusterIP: 10.96.0.10\n  ports:\n  - {name: "a\\"b", port: 80}\n'),
    findings: [
      'error kubernetes/invalid-name 9:12 Service shop/web «"a\\"b"» spec.ports[0].name "a\\"b" is no valid name, expected at most 63 of a-z, 0-9 and -, beginning and ending with a letter or digit',
    ],
  },
  "kubernetes/invalid-address": {
    text: service("spec:\n  clusterIP: 10.96.0.256\n  ports:\n  - port: 80\n"),
    findings: [
      'error kubernetes/invalid-address 7:14 Service shop/web «10.96.0.256» spec.clusterIP: "10.96.0.256" is not an IP address',
    ],
  },
  "kubernetes/invalid-annotation": {
    text: service(`  annotations: {weir/scheduler: wrl}\n${spec80}`),
    findings: [
      'error kubernetes/invalid-annotation 6:33 Service shop/web «wrl» annotation weir/scheduler is "wrl", expected rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, mh, fo, ovf',
    ],
  },
  "kubernetes/unknown-annotation": {
    text: service(`  annotations: {weir/schedular: wrr}\n${spec80}`),
    findings: [
      'warning kubernetes/unknown-annotation 6:33 Service shop/web «wrr» "weir/schedular" is no annotation that weir reads on a Service',
    ],
  },
  "kubernetes/invalid-setting": {
    text: "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nnodePortAddresses: [primary, 192.0.2.0/24]\n",
    findings: [
      "error kubernetes/invalid-setting 3:20 KubeProxyConfiguration «[primary, 192.0.2.0/24]» nodePortAddresses holds primary, which must stand alone",
    ],
  },
  "kubernetes/unknown-field": {
    text: "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\niptables:\n  masquaradeAll: true\n",
    findings: [
      "warning kubernetes/unknown-field 4:18 KubeProxyConfiguration «true» KubeProxyConfiguration has no field iptables.masquaradeAll",
    ],
  },
  "kubernetes/kind-skipped": {
    text: "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web-1\n",
    findings: ["note kubernetes/kind-skipped 2:7 Pod web-1 «Pod» one object of kind Pod is not read"],
  },
  "kubernetes/version-skipped": {
    text: "apiVersion: discovery.k8s.io/v1beta1\nkind: EndpointSlice\nmetadata:\n  name: web-1\n",
    findings: [
      "warning kubernetes/version-skipped 1:13 EndpointSlice default/web-1 «discovery.k8s.io/v1beta1» EndpointSlice of discovery.k8s.io/v1beta1 is not read, only of discovery.k8s.io/v1",
    ],
  },
  "kubernetes/no-cluster-ip": {
    text: service("spec:\n  ports:\n  - port: 80\n"),
    findings: [
      "warning kubernetes/no-cluster-ip 7:3 Service shop/web «ports:» Service shop/web has no cluster IP, so it has no rules",
    ],
  },
  "kubernetes/other-family": {
    text: service(`${spec80}  externalIPs: ["2001:db8::80"]\n`),
    findings: [
      'note kubernetes/other-family 10:17 Service shop/web «"2001:db8::80"» spec.externalIPs[0]: 2001:db8::80 is left out, because the service has no IPv6 cluster IP',
    ],
  },
  "kubernetes/slice-without-service": {
    text: "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: web-1\naddressType: IPv4\n",
    findings: [
      "note kubernetes/slice-without-service 4:9 EndpointSlice default/web-1 «web-1» EndpointSlice web-1 names no service, so its endpoints are not read",
    ],
  },
};

describe.each(Object.entries(examples))("%s", (code, { text, findings }) => {
  it("is found, and nothing else", () => {
    expect(findingsOf(text)).toEqual(findings);
    expect(findings[0]).toContain(code);
  });
});

describe("kubernetes/cannot-carry", () => {
  it("is found where a spec says more than Kubernetes objects can", () => {
    const { diagnostics } = objectsFromSpec(spec({ cluster: { nodePortRange: { first: 30000, last: 32767 } } }));
    expect(diagnostics.map(describeFinding)).toEqual([
      "error kubernetes/cannot-carry node-port-range cannot be written as Kubernetes objects",
    ]);
  });
});

describe("findings", () => {
  it("of one object do not hide those of the next, nor those of other fields", () => {
    const text = `${service("spec:\n  clusterIP: 10.96.0.10\n  externalIPs: [300.1.1.1]\n  ports:\n  - port: 0\n  - {port: 81, protocol: tcp}\n")}---\nfoo: bar\n---\n${service("spec:\n  clusterIP: nowhere\n")}`;
    expect(findingsOf(text).map((finding) => finding.split(" ").slice(0, 3).join(" "))).toEqual([
      "error kubernetes/not-an-object 13:1",
      "error kubernetes/invalid-field 10:11",
      "error kubernetes/invalid-field 11:26",
      "error kubernetes/invalid-address 8:17",
      "error kubernetes/invalid-address 21:14",
    ]);
  });

  it("cut what they show of a value", () => {
    const [finding] = findingsOf(service(`${spec80}  externalIPs: ["${"x".repeat(5000)}"]\n`));
    expect(finding?.replace(/«.*»/, "").length).toBeLessThan(250);
  });

  it("suggest the field or annotation that was meant", () => {
    const helps = [
      service(`  annotations: {weir/schedular: wrr}\n${spec80}`),
      "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nipvs: {strictArp: true}\n",
    ].map((text) => read(text).diagnostics[0]?.help);
    expect(helps).toEqual(["did you mean `weir/scheduler`?", "did you mean `ipvs.strictARP`?"]);
  });
});
