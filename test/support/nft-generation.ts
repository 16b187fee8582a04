import { linuxHost } from "../../runtime/host/linux-host.ts";
import { nftablesPlane } from "../../runtime/planes/nftables.ts";

/** The plane's token, read in the process that has loaded this module: see Agent.call. */
export default function nftGenerationCall(): Promise<string | null> {
  return nftablesPlane.generation(linuxHost());
}
