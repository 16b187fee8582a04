import { formatSocket } from "../../net/socket.ts";
import { unreachable } from "../../result.ts";
import { describeFlow } from "../print-flow.ts";
import type { IpvsRequest, Operation, RoutingChange, Step } from "../step.ts";
import { TextWriter } from "../text.ts";
import { placeText } from "./delta-places.ts";
import type { FlowEdit, ServerEdit } from "./delta-servers.ts";
import type { SetEdit } from "./delta-sets.ts";
import { hex } from "./names.ts";
import type { ForeignElement } from "./parse-set-listing.ts";
import { printCreate, printElement } from "./print-sets.ts";
import type { IpSet, SetElement, Sysctl, VirtualServerId } from "./program.ts";

/** Changes of sets as one run of `ipset -exist restore`; `keys` are the services by place. */
export function printSetEdits(edits: readonly SetEdit[], keys: ReadonlyMap<string, string>): Step {
  const writer = new TextWriter();
  for (const edit of edits) printSetEdit(edit, writer);
  const operations = edits.map((edit) => setOperation(edit, keys));
  return { kind: "ipset", operations, input: writer.file("").chunks };
}

/** Where a set is filled that then takes the place of another. */
function spareName(set: IpSet): string {
  return set.name.replace("-", "-0");
}

function printSetEdit(edit: SetEdit, writer: TextWriter): void {
  const { set } = edit;
  switch (edit.kind) {
    case "fill":
      printFilled(set, writer);
      break;
    case "replace": {
      const spare = { ...set, name: spareName(set) };
      // one that an interrupted run left behind
      writer.line(`destroy ${spare.name}`);
      printFilled(spare, writer);
      writer.line(`swap ${spare.name} ${set.name}`);
      writer.line(`destroy ${spare.name}`);
      break;
    }
    case "add":
    case "change":
      writer.line(`add ${set.name} ${printElement(edit.element)}`);
      break;
    case "delete":
      writer.line(`del ${set.name} ${printKey(edit.element)}`);
      break;
    case "destroy":
      writer.line(`destroy ${set.name}`);
      break;
    default:
      unreachable(edit);
  }
}

function printFilled(set: IpSet, writer: TextWriter): void {
  writer.line(printCreate(set));
  for (const element of set.elements) writer.line(`add ${set.name} ${printElement(element)}`);
}

/** An element without its comment and action. */
function printKey(element: SetElement): string {
  const text = printElement(element);
  const end = text.indexOf(" ");
  return end === -1 ? text : text.slice(0, end);
}

function setOperation(edit: SetEdit, keys: ReadonlyMap<string, string>): Operation {
  const { set } = edit;
  switch (edit.kind) {
    case "fill":
    case "replace":
      return { action: edit.kind === "fill" ? "load" : "replace", object: "set", name: set.name, key: null };
    case "destroy":
      return { action: "delete", object: "set", name: set.name, key: null };
    case "add":
    case "change":
    case "delete": {
      const action = edit.kind === "change" ? "replace" : edit.kind;
      const name = `${set.name} ${printKey(edit.element)}`;
      return { action, object: "element", name, key: keyOf(edit.element, keys) };
    }
    default:
      return unreachable(edit);
  }
}

function keyOf(element: SetElement, keys: ReadonlyMap<string, string>): string | null {
  if ("comment" in element) return element.comment;
  if (element.kind !== "ip-port-net") return null;
  return keys.get(placeText({ family: element.address.family, ...element })) ?? null;
}

/** Elements of unknown content, by the words that name them in a listing. */
export function printForeignElements(elements: readonly ForeignElement[]): Step {
  const operations = elements.map(
    ({ set, element }): Operation => ({ action: "delete", object: "element", name: `${set} ${element}`, key: null }),
  );
  return { kind: "ipset", operations, input: elements.map(({ set, element }) => `del ${set} ${element}\n`) };
}

/** Elements as a listing had them. */
export function printRestoredElements(elements: readonly ForeignElement[]): Step {
  const operations = elements.map(
    ({ set, element }): Operation => ({ action: "add", object: "element", name: `${set} ${element}`, key: null }),
  );
  return { kind: "ipset", operations, input: elements.map(({ set, text }) => `add ${set} ${text}\n`) };
}

export function printServerEdits(edits: readonly ServerEdit[]): Step {
  const operations = edits.map(({ request, key }): Operation => ({ ...describeRequest(request), key }));
  return { kind: "ipvs", operations, requests: edits.map((edit) => edit.request) };
}

function describeRequest(request: IpvsRequest): Omit<Operation, "key"> {
  switch (request.op) {
    case "new-service":
    case "set-service": {
      const action = request.op === "new-service" ? "add" : "replace";
      return { action, object: "virtual server", name: printServerName(request.server.id) };
    }
    case "delete-service":
      return { action: "delete", object: "virtual server", name: printServerName(request.id) };
    case "new-dest":
    case "set-dest": {
      const { id, real } = request;
      const name = `${printServerName(id)} -> ${formatSocket(real.address, real.port)} weight ${real.weight}`;
      return { action: request.op === "new-dest" ? "add" : "replace", object: "real server", name };
    }
    case "delete-dest":
      return {
        action: "delete",
        object: "real server",
        name: `${printServerName(request.id)} -> ${formatSocket(request.real.address, request.real.port)}`,
      };
    case "set-config": {
      const { tcp, tcpFin, udp } = request.timeouts;
      return { action: "replace", object: "timeouts", name: `tcp ${tcp} tcpfin ${tcpFin} udp ${udp}` };
    }
    default:
      return unreachable(request);
  }
}

/** `10.96.0.10:80/tcp`, `mark 0x60000032 (ipv4)` */
export function printServerName(id: VirtualServerId): string {
  return id.kind === "mark"
    ? `mark ${hex(id.mark)} (${id.family})`
    : `${formatSocket(id.address, id.port)}/${id.protocol}`;
}

export function printRoutingChanges(changes: readonly RoutingChange[]): Step {
  return { kind: "routing", operations: changes.map(describeRouting), changes };
}

function describeRouting(change: RoutingChange): Operation {
  switch (change.op) {
    case "add-rule":
    case "delete-rule": {
      const { priority, mark, mask, table } = change.rule;
      const name = `${change.family} priority ${priority} fwmark ${hex(mark)}/${hex(mask)} table ${table}`;
      return { action: change.op === "add-rule" ? "add" : "delete", object: "routing rule", name, key: null };
    }
    case "add-local-route":
    case "delete-local-route": {
      const action = change.op === "add-local-route" ? "add" : "delete";
      return { action, object: "local route", name: `${change.prefix.text} table ${change.table}`, key: null };
    }
    default:
      return unreachable(change);
  }
}

export function printSysctlValues(values: readonly Sysctl[]): Step {
  const operations = values.map(
    ({ name, value }): Operation => ({ action: "replace", object: "sysctl", name: `${name} = ${value}`, key: null }),
  );
  return { kind: "sysctl", operations, values };
}

export function printFlowEdits(edits: readonly FlowEdit[]): Step {
  const operations = edits.map(({ flow, key }) => describeFlow(flow, key));
  return { kind: "flows", operations, flows: edits.map((edit) => edit.flow) };
}
