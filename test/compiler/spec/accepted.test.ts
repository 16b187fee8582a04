import { describe, expect, it } from "vitest";
import { diagnostic } from "../../../compiler/diagnostics/diagnostic.ts";
import { withoutAccepted } from "../../../compiler/spec/accepted.ts";
import { place, service, spec } from "../../support/spec.ts";

const warning = (object: string | undefined) =>
  diagnostic("spec/no-address", { service: "shop/web" }, { at: { ...place(), object } });
const error = diagnostic("spec/no-port", { service: "shop/web" }, { at: place() });

describe("withoutAccepted", () => {
  it.each<[string, readonly string[], readonly string[], string | undefined, boolean]>([
    ["nothing allowed", [], [], "Service shop/web", true],
    ["allowed for the cluster", ["spec/no-address"], [], "EndpointSlice shop/web-abc", false],
    ["allowed by the service it is about", [], ["spec/no-address"], "Service shop/web", false],
    ["allowed by another service", [], ["spec/no-address"], "Service shop/other", true],
    ["another code allowed", ["spec/no-port"], ["spec/no-port"], "Service shop/web", true],
    ["about no object", [], ["spec/no-address"], undefined, true],
  ])("%s", (_, cluster, own, object, stays) => {
    const subject = spec({ services: [service({ allowedWarnings: own })], cluster: { allowedWarnings: cluster } });
    expect(withoutAccepted([warning(object), error], subject).map((finding) => finding.code)).toEqual(
      stays ? ["spec/no-address", "spec/no-port"] : ["spec/no-port"],
    );
  });
});
