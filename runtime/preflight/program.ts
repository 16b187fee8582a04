import type { IptablesProgram } from "../../compiler/backends/iptables/program.ts";
import type { IpvsProgram } from "../../compiler/backends/ipvs/program.ts";
import type { NftProgram } from "../../compiler/backends/nftables/program.ts";
import type { ProxyProgram } from "../../compiler/backends/userspace/program.ts";
import type { BackendName } from "../../compiler/index.ts";

/** A program together with the backend that it is for. */
export type BackendProgram =
  | { readonly backend: "iptables"; readonly program: IptablesProgram }
  | { readonly backend: "ipvs"; readonly program: IpvsProgram }
  | { readonly backend: "nftables"; readonly program: NftProgram }
  | { readonly backend: "userspace"; readonly program: ProxyProgram };

/** Reads a backend's files of an artifact, by path inside the node's folder. Throws ParseError. */
export async function readProgram(backend: BackendName, files: ReadonlyMap<string, string>): Promise<BackendProgram> {
  switch (backend) {
    case "iptables":
      return {
        backend,
        program: (await import("../../compiler/backends/iptables/backend.ts")).iptablesBackend.parse(files),
      };
    case "ipvs":
      return { backend, program: (await import("../../compiler/backends/ipvs/backend.ts")).ipvsBackend.parse(files) };
    case "nftables":
      return {
        backend,
        program: (await import("../../compiler/backends/nftables/backend.ts")).nftablesBackend.parse(files),
      };
    case "userspace":
      return {
        backend,
        program: (await import("../../compiler/backends/userspace/backend.ts")).userspaceBackend.parse(files),
      };
  }
}
