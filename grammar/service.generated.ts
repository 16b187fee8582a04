// Generated automatically by nearley, version 2.20.1
// http://github.com/Hardmath123/nearley
// Bypasses TS6133. Allow declared but unused functions.
// @ts-ignore
function id(d: any[]): any { return d[0]; }
declare var word: any;
declare var number: any;
declare var percent: any;
declare var string: any;

import * as make from "./builders.ts";
import { append, first, line, nothing, only, part } from "./derivation.ts";
import { lexer } from "./tokens.ts";

interface NearleyToken {
  value: any;
  [key: string]: any;
};

interface NearleyLexer {
  reset: (chunk: string, info: any) => void;
  next: () => NearleyToken | undefined;
  save: () => any;
  formatError: (token: never) => string;
  has: (tokenType: string) => boolean;
};

interface NearleyRule {
  name: string;
  symbols: NearleySymbol[];
  postprocess?: (d: any[], loc?: number, reject?: {}) => any;
};

type NearleySymbol = string | { literal: any } | { test: (token: any) => boolean };

interface Grammar {
  Lexer: NearleyLexer | undefined;
  ParserRules: NearleyRule[];
  ParserStart: string;
};

const grammar: Grammar = {
  Lexer: lexer,
  ParserRules: [
    {"name": "declaration", "symbols": [{"literal":"let"}, "list_name", {"literal":"="}, "ranges"], "postprocess": line(make.letDeclaration, 1, 3)},
    {"name": "declaration", "symbols": [{"literal":"include"}, "file_pattern"], "postprocess": line(make.include, 1)},
    {"name": "declaration", "symbols": [{"literal":"cluster"}, {"literal":"{"}], "postprocess": line(make.cluster)},
    {"name": "declaration", "symbols": [{"literal":"node"}, "node_name", {"literal":"{"}], "postprocess": line(make.node, 1)},
    {"name": "declaration", "symbols": [{"literal":"service"}, "service_name", {"literal":"{"}], "postprocess": line(make.service, 1)},
    {"name": "declaration$ebnf$1", "symbols": ["on_node"], "postprocess": id},
    {"name": "declaration$ebnf$1", "symbols": [], "postprocess": () => null},
    {"name": "declaration", "symbols": [{"literal":"expect"}, "declaration$ebnf$1", {"literal":":"}, "protocol", "address", {"literal":"->"}, "address_and_port", "outcome"], "postprocess": line(make.expectation, 1, 3, 4, 6, 7)},
    {"name": "on_node", "symbols": [{"literal":"on"}, "node_name"], "postprocess": only(1)},
    {"name": "outcome$ebnf$1", "symbols": ["masquerade"], "postprocess": id},
    {"name": "outcome$ebnf$1", "symbols": [], "postprocess": () => null},
    {"name": "outcome", "symbols": [{"literal":"reaches"}, "targets", "outcome$ebnf$1"], "postprocess": part(make.reaches, 1, 2)},
    {"name": "outcome", "symbols": [{"literal":"rejected"}], "postprocess": part(make.verdict, 0)},
    {"name": "outcome", "symbols": [{"literal":"dropped"}], "postprocess": part(make.verdict, 0)},
    {"name": "outcome", "symbols": [{"literal":"not-ours"}], "postprocess": part(make.verdict, 0)},
    {"name": "targets", "symbols": ["target"], "postprocess": first(0)},
    {"name": "targets", "symbols": ["targets", {"literal":","}, "target"], "postprocess": append(2)},
    {"name": "target$ebnf$1", "symbols": ["percent"], "postprocess": id},
    {"name": "target$ebnf$1", "symbols": [], "postprocess": () => null},
    {"name": "target", "symbols": ["target_name", "target$ebnf$1"], "postprocess": part(make.target, 0, 1)},
    {"name": "masquerade", "symbols": [{"literal":"masquerade"}, "yes_or_no"], "postprocess": only(1)},
    {"name": "yes_or_no", "symbols": [{"literal":"yes"}], "postprocess": only(0)},
    {"name": "yes_or_no", "symbols": [{"literal":"no"}], "postprocess": only(0)},
    {"name": "cluster_line", "symbols": [{"literal":"pods"}, "ranges"], "postprocess": line(make.list, 0, 1)},
    {"name": "cluster_line", "symbols": [{"literal":"service-range"}, "ranges"], "postprocess": line(make.list, 0, 1)},
    {"name": "cluster_line", "symbols": [{"literal":"node-port-range"}, "port_range"], "postprocess": line(make.value, 0, 1)},
    {"name": "cluster_line", "symbols": [{"literal":"node-port-addresses"}, {"literal":"any"}], "postprocess": line(make.oneValue, 0, 1)},
    {"name": "cluster_line", "symbols": [{"literal":"node-port-addresses"}, {"literal":"primary"}], "postprocess": line(make.oneValue, 0, 1)},
    {"name": "cluster_line", "symbols": [{"literal":"node-port-addresses"}, "ranges"], "postprocess": line(make.list, 0, 1)},
    {"name": "cluster_line", "symbols": [{"literal":"local-traffic"}, "detector"], "postprocess": line(make.localTraffic, 1)},
    {"name": "cluster_line", "symbols": [{"literal":"local-traffic"}, {"literal":"bridge"}, "interface_name"], "postprocess": line(make.localTraffic, 1, 2)},
    {"name": "cluster_line", "symbols": [{"literal":"local-traffic"}, {"literal":"interface-prefix"}, "interface_name"], "postprocess": line(make.localTraffic, 1, 2)},
    {"name": "cluster_line", "symbols": [{"literal":"masquerade-all"}], "postprocess": line(make.flag, 0)},
    {"name": "cluster_line", "symbols": [{"literal":"masquerade-bit"}, "number"], "postprocess": line(make.value, 0, 1)},
    {"name": "cluster_line", "symbols": [{"literal":"drop-bit"}, "number"], "postprocess": line(make.value, 0, 1)},
    {"name": "cluster_line", "symbols": [{"literal":"reject-bit"}, "number"], "postprocess": line(make.value, 0, 1)},
    {"name": "cluster_line", "symbols": [{"literal":"guard"}, {"literal":"vip"}, "ranges", {"literal":"for"}, "service_patterns"], "postprocess": line(make.guard, 2, 4)},
    {"name": "cluster_line", "symbols": [{"literal":"proxy-ports"}, "port_range"], "postprocess": line(make.value, 0, 1)},
    {"name": "cluster_line", "symbols": [{"literal":"scheduler"}, "scheduler"], "postprocess": line(make.scheduler, 1)},
    {"name": "cluster_line", "symbols": [{"literal":"strict-arp"}], "postprocess": line(make.flag, 0)},
    {"name": "cluster_line", "symbols": [{"literal":"tcp-timeout"}, "duration"], "postprocess": line(make.value, 0, 1)},
    {"name": "cluster_line", "symbols": [{"literal":"tcp-fin-timeout"}, "duration"], "postprocess": line(make.value, 0, 1)},
    {"name": "cluster_line", "symbols": [{"literal":"udp-timeout"}, "duration"], "postprocess": line(make.value, 0, 1)},
    {"name": "cluster_line", "symbols": [{"literal":"exclude-ranges"}, "ranges"], "postprocess": line(make.list, 0, 1)},
    {"name": "cluster_line", "symbols": [{"literal":"allow"}, {"literal":"warning"}, "codes"], "postprocess": line(make.allowWarning, 2)},
    {"name": "detector", "symbols": [{"literal":"cluster-pods"}], "postprocess": only(0)},
    {"name": "detector", "symbols": [{"literal":"node-pods"}], "postprocess": only(0)},
    {"name": "detector", "symbols": [{"literal":"none"}], "postprocess": only(0)},
    {"name": "node_line", "symbols": [{"literal":"zone"}, "zone_name"], "postprocess": line(make.value, 0, 1)},
    {"name": "node_line", "symbols": [{"literal":"address"}, "addresses"], "postprocess": line(make.list, 0, 1)},
    {"name": "node_line", "symbols": [{"literal":"pods"}, "ranges"], "postprocess": line(make.list, 0, 1)},
    {"name": "service_line", "symbols": [{"literal":"vip"}, "addresses"], "postprocess": line(make.list, 0, 1)},
    {"name": "service_line", "symbols": [{"literal":"external"}, "addresses"], "postprocess": line(make.list, 0, 1)},
    {"name": "service_line", "symbols": [{"literal":"load-balancer"}, "addresses"], "postprocess": line(make.loadBalancer, 1)},
    {"name": "service_line", "symbols": [{"literal":"load-balancer"}, "addresses", {"literal":"allow"}, "ranges"], "postprocess": line(make.loadBalancer, 1, 3)},
    {"name": "service_line", "symbols": [{"literal":"scheduler"}, "scheduler", "scheduler_flags"], "postprocess": line(make.scheduler, 1, 2)},
    {"name": "service_line", "symbols": [{"literal":"one-packet"}], "postprocess": line(make.flag, 0)},
    {"name": "service_line$ebnf$1", "symbols": ["duration"], "postprocess": id},
    {"name": "service_line$ebnf$1", "symbols": [], "postprocess": () => null},
    {"name": "service_line$ebnf$2", "symbols": ["netmask"], "postprocess": id},
    {"name": "service_line$ebnf$2", "symbols": [], "postprocess": () => null},
    {"name": "service_line", "symbols": [{"literal":"affinity"}, {"literal":"client-ip"}, "service_line$ebnf$1", "service_line$ebnf$2"], "postprocess": line(make.affinity, 2, 3)},
    {"name": "service_line", "symbols": [{"literal":"internal-policy"}, "policy"], "postprocess": line(make.value, 0, 1)},
    {"name": "service_line", "symbols": [{"literal":"external-policy"}, "policy"], "postprocess": line(make.value, 0, 1)},
    {"name": "service_line", "symbols": [{"literal":"traffic"}, "nearness"], "postprocess": line(make.value, 0, 1)},
    {"name": "service_line", "symbols": [{"literal":"forward"}, "forwarding"], "postprocess": line(make.forward, 1)},
    {"name": "service_line", "symbols": [{"literal":"forward"}, {"literal":"tunnel"}, "tunnel"], "postprocess": line(make.forward, 1, 2)},
    {"name": "service_line", "symbols": [{"literal":"forward"}, {"literal":"tunnel"}, {"literal":"gue"}, "port_number"], "postprocess": line(make.forward, 1, 2, 3)},
    {"name": "service_line", "symbols": [{"literal":"health-check-port"}, "port_number"], "postprocess": line(make.value, 0, 1)},
    {"name": "service_line$ebnf$3", "symbols": ["port_name"], "postprocess": id},
    {"name": "service_line$ebnf$3", "symbols": [], "postprocess": () => null},
    {"name": "service_line$ebnf$4", "symbols": ["target_port"], "postprocess": id},
    {"name": "service_line$ebnf$4", "symbols": [], "postprocess": () => null},
    {"name": "service_line$ebnf$5", "symbols": ["node_port"], "postprocess": id},
    {"name": "service_line$ebnf$5", "symbols": [], "postprocess": () => null},
    {"name": "service_line", "symbols": [{"literal":"port"}, "service_line$ebnf$3", "protocol", "port_number", "service_line$ebnf$4", "service_line$ebnf$5"], "postprocess": line(make.port, 1, 2, 3, 4, 5)},
    {"name": "service_line", "symbols": [{"literal":"endpoint"}, "address", "endpoint_options"], "postprocess": line(make.endpoint, 1, 2)},
    {"name": "service_line", "symbols": [{"literal":"allow"}, {"literal":"warning"}, "codes"], "postprocess": line(make.allowWarning, 2)},
    {"name": "scheduler_flags", "symbols": [], "postprocess": nothing},
    {"name": "scheduler_flags", "symbols": ["scheduler_flags", "scheduler_flag"], "postprocess": append(1)},
    {"name": "scheduler_flag", "symbols": [{"literal":"fallback"}], "postprocess": only(0)},
    {"name": "scheduler_flag", "symbols": [{"literal":"port"}], "postprocess": only(0)},
    {"name": "netmask", "symbols": [{"literal":"netmask"}, "netmask_lengths"], "postprocess": only(1)},
    {"name": "policy", "symbols": [{"literal":"cluster"}], "postprocess": only(0)},
    {"name": "policy", "symbols": [{"literal":"local"}], "postprocess": only(0)},
    {"name": "nearness", "symbols": [{"literal":"prefer-zone"}], "postprocess": only(0)},
    {"name": "nearness", "symbols": [{"literal":"prefer-node"}], "postprocess": only(0)},
    {"name": "forwarding", "symbols": [{"literal":"nat"}], "postprocess": only(0)},
    {"name": "forwarding", "symbols": [{"literal":"direct"}], "postprocess": only(0)},
    {"name": "forwarding", "symbols": [{"literal":"tunnel"}], "postprocess": only(0)},
    {"name": "tunnel", "symbols": [{"literal":"ipip"}], "postprocess": only(0)},
    {"name": "tunnel", "symbols": [{"literal":"gre"}], "postprocess": only(0)},
    {"name": "target_port", "symbols": [{"literal":"->"}, "port_number"], "postprocess": only(1)},
    {"name": "node_port", "symbols": [{"literal":"node-port"}, "port_number"], "postprocess": only(1)},
    {"name": "endpoint_options", "symbols": [], "postprocess": nothing},
    {"name": "endpoint_options", "symbols": ["endpoint_options", "endpoint_option"], "postprocess": append(1)},
    {"name": "endpoint_option", "symbols": [{"literal":"on"}, "node_name"], "postprocess": part(make.valueOption, 0, 1)},
    {"name": "endpoint_option", "symbols": [{"literal":"weight"}, "number"], "postprocess": part(make.valueOption, 0, 1)},
    {"name": "endpoint_option", "symbols": [{"literal":"draining"}], "postprocess": part(make.flagOption, 0)},
    {"name": "endpoint_option", "symbols": [{"literal":"not-ready"}], "postprocess": part(make.flagOption, 0)},
    {"name": "endpoint_option", "symbols": [{"literal":"serving"}], "postprocess": part(make.flagOption, 0)},
    {"name": "endpoint_option", "symbols": [{"literal":"terminating"}], "postprocess": part(make.flagOption, 0)},
    {"name": "endpoint_option", "symbols": [{"literal":"port"}, "endpoint_ports"], "postprocess": part(make.portsOption, 0, 1)},
    {"name": "endpoint_option", "symbols": [{"literal":"zone-hint"}, "zone_names"], "postprocess": part(make.namesOption, 0, 1)},
    {"name": "endpoint_option", "symbols": [{"literal":"node-hint"}, "node_names"], "postprocess": part(make.namesOption, 0, 1)},
    {"name": "endpoint_option", "symbols": [{"literal":"max-connections"}, "number"], "postprocess": part(make.valueOption, 0, 1)},
    {"name": "endpoint_option", "symbols": [{"literal":"min-connections"}, "number"], "postprocess": part(make.valueOption, 0, 1)},
    {"name": "endpoint_ports", "symbols": ["endpoint_port"], "postprocess": first(0)},
    {"name": "endpoint_ports", "symbols": ["endpoint_ports", {"literal":","}, "endpoint_port"], "postprocess": append(2)},
    {"name": "endpoint_port", "symbols": ["port_name", {"literal":"="}, "port_number"], "postprocess": part(make.endpointPort, 0, 2)},
    {"name": "endpoint_port", "symbols": ["port_number"], "postprocess": part(make.endpointPort, 1, 0)},
    {"name": "addresses", "symbols": ["address_or_list"], "postprocess": first(0)},
    {"name": "addresses", "symbols": ["addresses", {"literal":","}, "address_or_list"], "postprocess": append(2)},
    {"name": "ranges", "symbols": ["range_or_list"], "postprocess": first(0)},
    {"name": "ranges", "symbols": ["ranges", {"literal":","}, "range_or_list"], "postprocess": append(2)},
    {"name": "zone_names", "symbols": ["zone_name"], "postprocess": first(0)},
    {"name": "zone_names", "symbols": ["zone_names", {"literal":","}, "zone_name"], "postprocess": append(2)},
    {"name": "node_names", "symbols": ["node_name"], "postprocess": first(0)},
    {"name": "node_names", "symbols": ["node_names", {"literal":","}, "node_name"], "postprocess": append(2)},
    {"name": "service_patterns", "symbols": ["service_pattern"], "postprocess": first(0)},
    {"name": "service_patterns", "symbols": ["service_patterns", {"literal":","}, "service_pattern"], "postprocess": append(2)},
    {"name": "codes", "symbols": ["code"], "postprocess": first(0)},
    {"name": "codes", "symbols": ["codes", {"literal":","}, "code"], "postprocess": append(2)},
    {"name": "address", "symbols": [(lexer.has("word") ? {type: "word"} : word)], "postprocess": only(0)},
    {"name": "address_or_list", "symbols": [(lexer.has("word") ? {type: "word"} : word)], "postprocess": only(0)},
    {"name": "range_or_list", "symbols": [(lexer.has("word") ? {type: "word"} : word)], "postprocess": only(0)},
    {"name": "list_name", "symbols": [(lexer.has("word") ? {type: "word"} : word)], "postprocess": only(0)},
    {"name": "service_name", "symbols": [(lexer.has("word") ? {type: "word"} : word)], "postprocess": only(0)},
    {"name": "service_pattern", "symbols": [(lexer.has("word") ? {type: "word"} : word)], "postprocess": only(0)},
    {"name": "address_and_port", "symbols": [(lexer.has("word") ? {type: "word"} : word)], "postprocess": only(0)},
    {"name": "target_name", "symbols": [(lexer.has("word") ? {type: "word"} : word)], "postprocess": only(0)},
    {"name": "code", "symbols": [(lexer.has("word") ? {type: "word"} : word)], "postprocess": only(0)},
    {"name": "scheduler", "symbols": [(lexer.has("word") ? {type: "word"} : word)], "postprocess": only(0)},
    {"name": "port_range", "symbols": [(lexer.has("word") ? {type: "word"} : word)], "postprocess": only(0)},
    {"name": "number", "symbols": [(lexer.has("number") ? {type: "number"} : number)], "postprocess": only(0)},
    {"name": "port_number", "symbols": [(lexer.has("number") ? {type: "number"} : number)], "postprocess": only(0)},
    {"name": "percent", "symbols": [(lexer.has("percent") ? {type: "percent"} : percent)], "postprocess": only(0)},
    {"name": "duration", "symbols": [(lexer.has("word") ? {type: "word"} : word)], "postprocess": only(0)},
    {"name": "duration", "symbols": [(lexer.has("number") ? {type: "number"} : number)], "postprocess": only(0)},
    {"name": "netmask_lengths", "symbols": [(lexer.has("word") ? {type: "word"} : word)], "postprocess": only(0)},
    {"name": "netmask_lengths", "symbols": [(lexer.has("number") ? {type: "number"} : number)], "postprocess": only(0)},
    {"name": "node_name", "symbols": [(lexer.has("word") ? {type: "word"} : word)], "postprocess": only(0)},
    {"name": "node_name", "symbols": [(lexer.has("number") ? {type: "number"} : number)], "postprocess": only(0)},
    {"name": "node_name", "symbols": [(lexer.has("string") ? {type: "string"} : string)], "postprocess": only(0)},
    {"name": "zone_name", "symbols": [(lexer.has("word") ? {type: "word"} : word)], "postprocess": only(0)},
    {"name": "zone_name", "symbols": [(lexer.has("number") ? {type: "number"} : number)], "postprocess": only(0)},
    {"name": "zone_name", "symbols": [(lexer.has("string") ? {type: "string"} : string)], "postprocess": only(0)},
    {"name": "port_name", "symbols": [(lexer.has("word") ? {type: "word"} : word)], "postprocess": only(0)},
    {"name": "port_name", "symbols": [(lexer.has("string") ? {type: "string"} : string)], "postprocess": only(0)},
    {"name": "interface_name", "symbols": [(lexer.has("word") ? {type: "word"} : word)], "postprocess": only(0)},
    {"name": "interface_name", "symbols": [(lexer.has("string") ? {type: "string"} : string)], "postprocess": only(0)},
    {"name": "file_pattern", "symbols": [(lexer.has("string") ? {type: "string"} : string)], "postprocess": only(0)},
    {"name": "protocol", "symbols": [{"literal":"tcp"}], "postprocess": only(0)},
    {"name": "protocol", "symbols": [{"literal":"udp"}], "postprocess": only(0)},
    {"name": "protocol", "symbols": [{"literal":"sctp"}], "postprocess": only(0)}
  ],
  ParserStart: "declaration",
};

export default grammar;
