import { describeBehaviours, outside, own, pod, traffic } from "../../../support/behaviours.ts";

describeBehaviours({
  title: "who is let in",
  items: [68, 75],
  behaviours: [
    {
      items: "68",
      rule: "cluster IPs are not firewalled",
      fixture: traffic,
      packet: `${pod} 10.96.0.15:80`,
      outcome: "1.9",
    },
    {
      items: "68",
      rule: "nor external IPs",
      fixture: traffic,
      packet: `${outside} 203.0.113.15:80`,
      outcome: "1.9 masqueraded",
    },
    {
      items: "68",
      rule: "nor node ports",
      fixture: traffic,
      packet: `${outside} ${own}:30015`,
      outcome: "1.9 masqueraded",
    },
    {
      items: "69",
      rule: "ranges of the other family alone are no firewall",
      fixture: traffic,
      packet: `${outside} 198.51.100.16:80`,
      outcome: "1.9 masqueraded",
    },
    {
      items: "69",
      rule: "without endpoints everyone is rejected",
      fixture: traffic,
      packet: `${outside} 198.51.100.17:80`,
      outcome: "reject",
    },
    {
      items: "70 72 73 74",
      rule: "sources outside every range are dropped",
      fixture: traffic,
      packet: `${outside} 198.51.100.15:80`,
      outcome: "drop",
    },
    { items: "70", rule: "... pods too", fixture: traffic, packet: `${pod} 198.51.100.15:80`, outcome: "drop" },
    { items: "70 74", rule: "... the node too", fixture: traffic, packet: `${own} 198.51.100.15:80`, outcome: "drop" },
    {
      items: "72 73 74",
      rule: "sources inside a range get in",
      fixture: traffic,
      packet: "203.0.113.9 198.51.100.15:80",
      outcome: "1.9 masqueraded",
    },
    {
      items: "71",
      rule: "a range with the node's address lets the node in",
      fixture: traffic,
      packet: `${own} 198.51.100.18:80`,
      outcome: "1.9 masqueraded",
    },
    {
      items: "75",
      rule: "the legacy annotation is not read",
      fixture: traffic,
      packet: `${outside} 198.51.100.19:80`,
      outcome: "1.9 masqueraded",
    },
  ],
});
