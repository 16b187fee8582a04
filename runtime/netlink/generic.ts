import { textOf, u16Of } from "./attributes.ts";
import { NetlinkError } from "./errno.ts";
import { attributesOf, encodeGeneric, genericHeaderSize } from "./message.ts";
import type { Netlink } from "./netlink.ts";

/** The controller of generic netlink. Source: include/uapi/linux/genetlink.h. */
const controller = { family: 16, getFamily: 3, familyId: 1, familyName: 2 } as const;

/** The number of a family, null when no module offers it. Throws NetlinkError. */
export async function findFamily(netlink: Netlink, name: string): Promise<number | null> {
  const frame = encodeGeneric(controller.family, controller.getFamily, 0, (writer) => {
    writer.text(controller.familyName, name);
  });
  try {
    const answers = await netlink.request(frame, `look for the netlink family ${name}`);
    for (const answer of answers) {
      const attributes = attributesOf(answer, genericHeaderSize);
      if (textOf(attributes, controller.familyName) === name) return u16Of(attributes, controller.familyId);
    }
    return null;
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === "ENOENT") return null;
    throw error;
  }
}
