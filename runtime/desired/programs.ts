import type { IptablesProgram } from "../../compiler/backends/iptables/program.ts";
import type { IpvsProgram } from "../../compiler/backends/ipvs/program.ts";
import type { NftProgram } from "../../compiler/backends/nftables/program.ts";
import type { ProxyProgram } from "../../compiler/backends/userspace/program.ts";
import { loadBackend } from "../../compiler/index.ts";
import type { Applied } from "./desired.ts";

/** A program together with the backend that it is for. */
export type BackendProgram =
  | { readonly backend: "iptables"; readonly program: IptablesProgram }
  | { readonly backend: "ipvs"; readonly program: IpvsProgram }
  | { readonly backend: "nftables"; readonly program: NftProgram }
  | { readonly backend: "userspace"; readonly program: ProxyProgram };

const programs = new WeakMap<Applied, Promise<BackendProgram>>();

/** What an artifact's files say; each artifact is parsed once. Throws ParseError. */
export function programOf(applied: Applied): Promise<BackendProgram> {
  const known = programs.get(applied) ?? parse(applied);
  programs.set(applied, known);
  return known;
}

/** Two artifacts of one backend without what does not matter to their delta, where the backend knows how. */
export async function withoutUnchanged(
  before: Applied,
  after: Applied,
): Promise<{ readonly before: Applied; readonly after: Applied }> {
  if (before.backend !== after.backend) return { before, after };
  const backend = await loadBackend(before.backend);
  const rest = backend.withoutUnchanged?.(before.files, after.files);
  if (rest === undefined) return { before, after };
  return { before: { ...before, files: rest.before }, after: { ...after, files: rest.after } };
}

async function parse({ backend, files }: Applied): Promise<BackendProgram> {
  switch (backend) {
    case "iptables": {
      const { iptablesBackend } = await import("../../compiler/backends/iptables/backend.ts");
      return { backend, program: iptablesBackend.parse(files) };
    }
    case "ipvs": {
      const { ipvsBackend } = await import("../../compiler/backends/ipvs/backend.ts");
      return { backend, program: ipvsBackend.parse(files) };
    }
    case "nftables": {
      const { nftablesBackend } = await import("../../compiler/backends/nftables/backend.ts");
      return { backend, program: nftablesBackend.parse(files) };
    }
    case "userspace": {
      const { userspaceBackend } = await import("../../compiler/backends/userspace/backend.ts");
      return { backend, program: userspaceBackend.parse(files) };
    }
  }
}
