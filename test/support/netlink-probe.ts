import { readFileSync } from "node:fs";
import { linuxHost } from "../../runtime/host/linux-host.ts";
import { connectNetlink } from "../../runtime/netlink/connect.ts";
import { findFamily } from "../../runtime/netlink/generic.ts";
import { protocols } from "../../runtime/netlink/message.ts";

/** Tells which process speaks netlink for a program that stands beside the command, as the parts of a bundle do. */
const netlink = await connectNetlink(linuxHost(), protocols.generic, true);
const family = await findFamily(netlink, "nlctrl");
const unknown = await findFamily(netlink, "weir-has-none");
const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ");
const commands = children.map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(1, -1));
netlink.close();
console.log(JSON.stringify({ family, unknown, commands }));
