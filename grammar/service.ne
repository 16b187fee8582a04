# The lines of the language, over the tokens of tokens.ts. Each line is parsed by itself, from one of four starts:
# `declaration` outside blocks, `cluster_line`, `node_line` and `service_line` inside them. A block ends with a line `}`.
# A line that ends with a comma goes on in the next one. Postprocessors only call builders.
# What a nonterminal is called in messages is in compiler/syntax/expected.ts.

@preprocessor typescript
@lexer lexer
@{%
import * as make from "./builders.ts";
import { append, first, line, nothing, only, part } from "./derivation.ts";
import { lexer } from "./tokens.ts";
%}

declaration ->
    "let" list_name "=" ranges                               {% line(make.letDeclaration, 1, 3) %}
  | "include" file_pattern                                     {% line(make.include, 1) %}
  | "cluster" "{"                                            {% line(make.cluster) %}
  | "node" node_name "{"                                     {% line(make.node, 1) %}
  | "service" service_name "{"                               {% line(make.service, 1) %}
  | "expect" on_node:? ":" protocol address "->" address_and_port outcome
                                                             {% line(make.expectation, 1, 3, 4, 6, 7) %}

on_node -> "on" node_name                                    {% only(1) %}

outcome ->
    "reaches" targets masquerade:?                           {% part(make.reaches, 1, 2) %}
  | "rejected"                                               {% part(make.verdict, 0) %}
  | "dropped"                                                {% part(make.verdict, 0) %}
  | "not-ours"                                               {% part(make.verdict, 0) %}

targets -> target                                            {% first(0) %}
  | targets "," target                                       {% append(2) %}

target -> target_name percent:?                              {% part(make.target, 0, 1) %}

masquerade -> "masquerade" yes_or_no                         {% only(1) %}

yes_or_no -> "yes" {% only(0) %} | "no" {% only(0) %}


# cluster { ... }

cluster_line ->
    "pods" ranges                                            {% line(make.list, 0, 1) %}
  | "service-range" ranges                                   {% line(make.list, 0, 1) %}
  | "node-port-range" port_range                             {% line(make.value, 0, 1) %}
  | "node-port-addresses" "any"                              {% line(make.oneValue, 0, 1) %}
  | "node-port-addresses" "primary"                          {% line(make.oneValue, 0, 1) %}
  | "node-port-addresses" ranges                             {% line(make.list, 0, 1) %}
  | "local-traffic" detector                                 {% line(make.localTraffic, 1) %}
  | "local-traffic" "bridge" interface_name                  {% line(make.localTraffic, 1, 2) %}
  | "local-traffic" "interface-prefix" interface_name        {% line(make.localTraffic, 1, 2) %}
  | "masquerade-all"                                         {% line(make.flag, 0) %}
  | "masquerade-bit" number                                  {% line(make.value, 0, 1) %}
  | "drop-bit" number                                        {% line(make.value, 0, 1) %}
  | "reject-bit" number                                      {% line(make.value, 0, 1) %}
  | "guard" "vip" ranges "for" service_patterns              {% line(make.guard, 2, 4) %}
  | "proxy-ports" port_range                                 {% line(make.value, 0, 1) %}
  | "scheduler" scheduler                                    {% line(make.scheduler, 1) %}
  | "strict-arp"                                             {% line(make.flag, 0) %}
  | "tcp-timeout" duration                                   {% line(make.value, 0, 1) %}
  | "tcp-fin-timeout" duration                               {% line(make.value, 0, 1) %}
  | "udp-timeout" duration                                   {% line(make.value, 0, 1) %}
  | "exclude-ranges" ranges                                  {% line(make.list, 0, 1) %}
  | "allow" "warning" codes                                  {% line(make.allowWarning, 2) %}

detector -> "cluster-pods" {% only(0) %} | "node-pods" {% only(0) %} | "none" {% only(0) %}


# node NAME { ... }

node_line ->
    "zone" zone_name                                         {% line(make.value, 0, 1) %}
  | "address" addresses                                      {% line(make.list, 0, 1) %}
  | "pods" ranges                                            {% line(make.list, 0, 1) %}


# service NAMESPACE/NAME { ... }

service_line ->
    "vip" addresses                                          {% line(make.list, 0, 1) %}
  | "external" addresses                                     {% line(make.list, 0, 1) %}
  | "load-balancer" addresses                                {% line(make.loadBalancer, 1) %}
  | "load-balancer" addresses "allow" ranges                 {% line(make.loadBalancer, 1, 3) %}
  | "scheduler" scheduler scheduler_flags                    {% line(make.scheduler, 1, 2) %}
  | "one-packet"                                             {% line(make.flag, 0) %}
  | "affinity" "client-ip" duration:? netmask:?              {% line(make.affinity, 2, 3) %}
  | "internal-policy" policy                                 {% line(make.value, 0, 1) %}
  | "external-policy" policy                                 {% line(make.value, 0, 1) %}
  | "traffic" nearness                                       {% line(make.value, 0, 1) %}
  | "forward" forwarding                                     {% line(make.forward, 1) %}
  | "forward" "tunnel" tunnel                                {% line(make.forward, 1, 2) %}
  | "forward" "tunnel" "gue" port_number                     {% line(make.forward, 1, 2, 3) %}
  | "health-check-port" port_number                          {% line(make.value, 0, 1) %}
  | "port" port_name:? protocol port_number target_port:? node_port:?
                                                             {% line(make.port, 1, 2, 3, 4, 5) %}
  | "endpoint" address endpoint_options                      {% line(make.endpoint, 1, 2) %}
  | "allow" "warning" codes                                  {% line(make.allowWarning, 2) %}

scheduler_flags -> null                                      {% nothing %}
  | scheduler_flags scheduler_flag                           {% append(1) %}

scheduler_flag -> "fallback" {% only(0) %} | "port" {% only(0) %}

netmask -> "netmask" netmask_lengths                         {% only(1) %}

policy -> "cluster" {% only(0) %} | "local" {% only(0) %}

nearness -> "prefer-zone" {% only(0) %} | "prefer-node" {% only(0) %}

forwarding -> "nat" {% only(0) %} | "direct" {% only(0) %} | "tunnel" {% only(0) %}

tunnel -> "ipip" {% only(0) %} | "gre" {% only(0) %}

target_port -> "->" port_number                              {% only(1) %}

node_port -> "node-port" port_number                         {% only(1) %}

endpoint_options -> null                                     {% nothing %}
  | endpoint_options endpoint_option                         {% append(1) %}

endpoint_option ->
    "on" node_name                                           {% part(make.valueOption, 0, 1) %}
  | "weight" number                                          {% part(make.valueOption, 0, 1) %}
  | "draining"                                               {% part(make.flagOption, 0) %}
  | "not-ready"                                              {% part(make.flagOption, 0) %}
  | "serving"                                                {% part(make.flagOption, 0) %}
  | "terminating"                                            {% part(make.flagOption, 0) %}
  | "port" endpoint_ports                                    {% part(make.portsOption, 0, 1) %}
  | "zone-hint" zone_names                                   {% part(make.namesOption, 0, 1) %}
  | "node-hint" node_names                                   {% part(make.namesOption, 0, 1) %}
  | "max-connections" number                                 {% part(make.valueOption, 0, 1) %}
  | "min-connections" number                                 {% part(make.valueOption, 0, 1) %}

endpoint_ports -> endpoint_port                              {% first(0) %}
  | endpoint_ports "," endpoint_port                         {% append(2) %}

endpoint_port ->
    port_name "=" port_number                                {% part(make.endpointPort, 0, 2) %}
  | port_number                                              {% part(make.endpointPort, 1, 0) %}


# Lists

addresses -> address_or_list                                 {% first(0) %}
  | addresses "," address_or_list                            {% append(2) %}

ranges -> range_or_list                                      {% first(0) %}
  | ranges "," range_or_list                                 {% append(2) %}

zone_names -> zone_name                                      {% first(0) %}
  | zone_names "," zone_name                                 {% append(2) %}

node_names -> node_name                                      {% first(0) %}
  | node_names "," node_name                                 {% append(2) %}

service_patterns -> service_pattern                          {% first(0) %}
  | service_patterns "," service_pattern                     {% append(2) %}

codes -> code                                                {% first(0) %}
  | codes "," code                                           {% append(2) %}


# Values: one token each

address         -> %word    {% only(0) %}
address_or_list -> %word    {% only(0) %}
range_or_list   -> %word    {% only(0) %}
list_name       -> %word    {% only(0) %}
service_name    -> %word    {% only(0) %}
service_pattern -> %word    {% only(0) %}
address_and_port -> %word   {% only(0) %}
target_name     -> %word    {% only(0) %}
code            -> %word    {% only(0) %}
scheduler       -> %word    {% only(0) %}
port_range      -> %word    {% only(0) %}
number          -> %number  {% only(0) %}
port_number     -> %number  {% only(0) %}
percent         -> %percent {% only(0) %}
duration        -> %word    {% only(0) %} | %number {% only(0) %}
netmask_lengths -> %word    {% only(0) %} | %number {% only(0) %}
node_name       -> %word    {% only(0) %} | %number {% only(0) %} | %string {% only(0) %}
zone_name       -> %word    {% only(0) %} | %number {% only(0) %} | %string {% only(0) %}
port_name       -> %word    {% only(0) %} | %string {% only(0) %}
interface_name  -> %word    {% only(0) %} | %string {% only(0) %}
file_pattern    -> %string  {% only(0) %}
protocol        -> "tcp"    {% only(0) %} | "udp"   {% only(0) %} | "sctp"  {% only(0) %}
