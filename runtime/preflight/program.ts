import type { IptablesProgram } from "../../compiler/backends/iptables/program.ts";
import type { IpvsProgram } from "../../compiler/backends/ipvs/program.ts";
import type { NftProgram } from "../../compiler/backends/nftables/program.ts";
import type { ProxyProgram } from "../../compiler/backends/userspace/program.ts";

/** A program together with the backend that it is for. */
export type BackendProgram =
  | { readonly backend: "iptables"; readonly program: IptablesProgram }
  | { readonly backend: "ipvs"; readonly program: IpvsProgram }
  | { readonly backend: "nftables"; readonly program: NftProgram }
  | { readonly backend: "userspace"; readonly program: ProxyProgram };
