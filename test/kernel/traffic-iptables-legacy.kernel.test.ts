import { describe } from "vitest";
import { testTraffic } from "../support/kernel-traffic.ts";

describe("real connections through iptables-legacy", () => testTraffic("iptables-legacy"));
