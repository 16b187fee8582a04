import { describe } from "vitest";
import { testThroughApply } from "../support/through-apply-tests.ts";
import { ways } from "../support/weir-node.ts";

describe("connections reach their endpoints through weir proxy, which follows weir apply", () =>
  testThroughApply([ways["userspace-nft"], ways["userspace-legacy"]]));
