import * as make from "../../grammar/builders.ts";
import type {
  ClusterBlock,
  ClusterStatement,
  Declaration,
  ExpectDeclaration,
  FileNode,
  Leaf,
  NodeBlock,
  NodeStatement,
  OutcomeNode,
} from "../../grammar/nodes.ts";
import { defaultCluster } from "./merge.ts";
import type { ClusterSpec, DetectorSpec, ExpectedOutcome, ExpectSpec, NodeSpec, Spec } from "./schema.ts";
import { addressLeaf, duration, line, number, percentage, prefixLeaf, range, word } from "./to-syntax-leaves.ts";
import { serviceBlock } from "./to-syntax-service.ts";

const { nowhere } = make;

/**
 * A spec as a tree of the language, to be printed by `formatSyntax`: cluster, nodes, services, expectations, each in the
 * spec's order. What stands at its default is left out. Reading the text gives a spec that resolves to the same
 * frontends and pools; of Kubernetes objects everything that weir reads can be said.
 */
export function syntaxFromSpec(spec: Spec): FileNode {
  const cluster = clusterBlock(spec.cluster);
  const declarations: readonly Declaration[] = [
    ...(cluster.lines.length === 0 ? [] : [cluster]),
    ...spec.nodes.map(nodeBlock),
    ...spec.services.map(serviceBlock),
  ];
  const expects = spec.expects.map(expectDeclaration);
  const lines = [
    ...declarations.map((declaration, at) => line(declaration, at > 0)),
    ...expects.map((declaration, at) => line(declaration, at === 0 && declarations.length > 0)),
  ];
  return { kind: "file", chunks: [{ kind: "chunk", start: 0, lines }] };
}

function clusterBlock(cluster: ClusterSpec): ClusterBlock {
  const standard = defaultCluster;
  const statements: ClusterStatement[] = [];
  const list = (key: Parameters<typeof make.list>[1]["text"], values: readonly Leaf[]): void => {
    if (values.length > 0) statements.push(make.list(nowhere, { text: key }, values));
  };
  const value = (key: Parameters<typeof make.value>[1]["text"], leaf: Leaf, isDefault: boolean): void => {
    if (!isDefault) statements.push(make.value(nowhere, { text: key }, leaf));
  };
  list("pods", cluster.pods.map(prefixLeaf));
  list("service-range", cluster.serviceRanges.map(prefixLeaf));
  if (cluster.nodePortRange !== null) value("node-port-range", range(cluster.nodePortRange), false);
  const { nodePortAddresses: selection } = cluster;
  if (selection.kind === "primary") list("node-port-addresses", [word("primary")]);
  else if (selection.kind === "prefixes") list("node-port-addresses", selection.prefixes.map(prefixLeaf));
  if (cluster.detector.kind !== "cluster-pods") statements.push(localTraffic(cluster.detector));
  if (cluster.masqueradeAll) statements.push(make.flag(nowhere, { text: "masquerade-all" }));
  value("masquerade-bit", number(cluster.masqueradeBit), cluster.masqueradeBit === standard.masqueradeBit);
  value("drop-bit", number(cluster.dropBit), cluster.dropBit === standard.dropBit);
  value("reject-bit", number(cluster.rejectBit), cluster.rejectBit === standard.rejectBit);
  for (const guard of cluster.guards) {
    statements.push(make.guard(nowhere, guard.prefixes.map(prefixLeaf), guard.services.map(word)));
  }
  const { proxyPorts } = cluster;
  const hasUsualPorts = proxyPorts.first === standard.proxyPorts.first && proxyPorts.last === standard.proxyPorts.last;
  value("proxy-ports", range(proxyPorts), hasUsualPorts);
  if (cluster.ipvsScheduler !== null) statements.push(make.scheduler(nowhere, word(cluster.ipvsScheduler), []));
  if (cluster.ipvsStrictArp) statements.push(make.flag(nowhere, { text: "strict-arp" }));
  value("tcp-timeout", duration(cluster.ipvsTcpTimeout), cluster.ipvsTcpTimeout === 0);
  value("tcp-fin-timeout", duration(cluster.ipvsTcpFinTimeout), cluster.ipvsTcpFinTimeout === 0);
  value("udp-timeout", duration(cluster.ipvsUdpTimeout), cluster.ipvsUdpTimeout === 0);
  list("exclude-ranges", cluster.ipvsExcludedRanges.map(prefixLeaf));
  if (cluster.allowedWarnings.length > 0) {
    statements.push(make.allowWarning(nowhere, cluster.allowedWarnings.map(word)));
  }
  return { ...make.cluster(nowhere), lines: statements.map((statement) => line(statement)) };
}

function localTraffic(detector: DetectorSpec): ClusterStatement {
  switch (detector.kind) {
    case "bridge-interface":
      return make.localTraffic(nowhere, word("bridge"), word(detector.name));
    case "interface-prefix":
      return make.localTraffic(nowhere, word("interface-prefix"), word(detector.prefix));
    default:
      return make.localTraffic(nowhere, word(detector.kind), null);
  }
}

function nodeBlock(node: NodeSpec): NodeBlock {
  const statements: NodeStatement[] = [];
  if (node.zone !== null) statements.push(make.value(nowhere, { text: "zone" }, word(node.zone)));
  if (node.addresses.length > 0) {
    statements.push(make.list(nowhere, { text: "address" }, node.addresses.map(addressLeaf)));
  }
  if (node.pods.length > 0) statements.push(make.list(nowhere, { text: "pods" }, node.pods.map(prefixLeaf)));
  return { ...make.node(nowhere, word(node.name)), lines: statements.map((statement) => line(statement)) };
}

function expectDeclaration(expected: ExpectSpec): ExpectDeclaration {
  const { destination, port } = expected;
  const host = destination.family === "ipv6" ? `[${destination.text}]` : destination.text;
  return make.expectation(
    nowhere,
    expected.node === null ? null : word(expected.node),
    word(expected.protocol),
    addressLeaf(expected.source),
    word(`${host}:${port}`),
    outcomeNode(expected.outcome),
  );
}

function outcomeNode(outcome: ExpectedOutcome): OutcomeNode {
  if (outcome.kind !== "reaches") return make.verdict(word(outcome.kind === "pass" ? "not-ours" : outcome.kind));
  const targets = outcome.targets.map((target) =>
    make.target(
      word(target.service ?? target.endpoint?.text ?? ""),
      target.percent === null ? null : percentage(target.percent),
    ),
  );
  const masquerade = outcome.masquerade === null ? null : word(outcome.masquerade ? "yes" : "no");
  return make.reaches(targets, masquerade);
}
