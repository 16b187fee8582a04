import { describe } from "vitest";
import { testThroughApply } from "../support/through-apply-tests.ts";
import { ways } from "../support/weir-node.ts";

describe("real connections after weir apply, iptables-nft", () => testThroughApply([ways["iptables-nft"]]));
