import { expect, it } from "vitest";
import { fragmentFromText } from "../../../compiler/spec/from-syntax.ts";

it("reads a plain service", () => {
  const text = "service shop/web {\n  vip 10.96.0.10\n  port tcp 80 -> 8080\n  endpoint 10.244.1.5 on worker-1\n}\n";
  const { fragment, diagnostics } = fragmentFromText({ path: "shop.weir", text });
  expect(diagnostics).toEqual([]);
  expect(fragment.services[0]?.endpoints[0]?.address.text).toBe("10.244.1.5");
});
