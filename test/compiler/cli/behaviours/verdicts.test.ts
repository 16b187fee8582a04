import { expect, it } from "vitest";
import { describeBehaviours, outside, own, pod, traced, traffic } from "../../../support/behaviours.ts";

describeBehaviours({
  title: "drop, reject, and even spreading",
  items: [37, 43],
  behaviours: [
    {
      items: "37",
      rule: "no endpoint: the cluster IP rejects",
      fixture: traffic,
      packet: `${pod} 10.96.0.12:80`,
      outcome: "reject",
    },
    {
      items: "37",
      rule: "... external IPs too",
      fixture: traffic,
      packet: `${outside} 203.0.113.12:80`,
      outcome: "reject",
    },
    {
      items: "37",
      rule: "... load-balancer IPs too",
      fixture: traffic,
      packet: `${outside} 198.51.100.12:80`,
      outcome: "reject",
    },
    {
      items: "37 65",
      rule: "... node ports too",
      fixture: traffic,
      packet: `${outside} ${own}:30012`,
      outcome: "reject",
    },
    {
      items: "38",
      rule: "internal policy local without local endpoints drops",
      fixture: traffic,
      packet: `${pod} 10.96.0.11:80`,
      outcome: "drop",
    },
    {
      items: "38",
      rule: "external policy local drops on node ports",
      fixture: traffic,
      packet: `${outside} ${own}:30010`,
      outcome: "drop",
    },
    {
      items: "39 48",
      rule: "pods get through in spite of it",
      fixture: traffic,
      packet: `${pod} 198.51.100.10:80`,
      outcome: "2.8",
    },
    {
      items: "39 49",
      rule: "so does the node itself",
      fixture: traffic,
      packet: `${own} 198.51.100.10:80`,
      outcome: "2.8 masqueraded",
    },
    {
      items: "40",
      rule: "verdicts are for new connections",
      fixture: traffic,
      packet: `${outside} 198.51.100.10:80`,
      outcome: "drop",
      on: { iptables: "--ctstate NEW", userspace: "--ctstate NEW" },
    },
    {
      items: "41",
      rule: "a port of a cluster IP that nobody serves is rejected",
      fixture: traffic,
      packet: `${pod} 10.96.0.1:81`,
      outcome: "reject",
    },
    {
      items: "42",
      rule: "an unallocated address of a service range drops",
      fixture: "81-kubernetes-service-cidr",
      packet: `${pod} 10.96.0.11:80`,
      outcome: "drop",
    },
    {
      items: "42",
      rule: "without a known range it is nobody's",
      fixture: traffic,
      packet: `${pod} 10.96.0.99:80`,
      outcome: "pass",
    },
    {
      items: "43",
      rule: "endpoints are chosen evenly",
      fixture: traffic,
      packet: `${pod} 10.96.0.13:80`,
      outcome: "1.9 2.9 2.10",
    },
  ],
});

it("spreads evenly", async () => {
  const traces = await traced({ fixture: traffic, packet: `${pod} 10.96.0.13:80` });
  for (const [backend, { endpoints }] of traces) {
    expect([backend, ...endpoints.map(({ share }) => share)]).toEqual([backend, 1 / 3, 1 / 3, 1 / 3]);
  }
});
