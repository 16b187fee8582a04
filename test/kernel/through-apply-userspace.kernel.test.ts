import { describe } from "vitest";
import { testThroughApply } from "../support/through-apply-tests.ts";
import { ways } from "../support/weir-node.ts";

describe("packets reach the listener of the userspace proxy that has their endpoints", () =>
  testThroughApply([ways["userspace-nft"], ways["userspace-legacy"]]));
