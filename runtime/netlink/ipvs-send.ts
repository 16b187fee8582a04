import type { IpvsRequest } from "../../compiler/backends/step.ts";
import { HostError } from "../host/error.ts";
import { hostErrorOf } from "./errno.ts";
import { encodeRequest } from "./ipvs.ts";
import { checkRequest, requestName, requestObject } from "./ipvs-check.ts";
import type { Opened } from "./ipvs-client.ts";
import { batchesOf, mostInFlight, type Refusal } from "./netlink.ts";

/** An upper bound of the bytes of a request, so that a batch is known before it is encoded. */
const mostRequestBytes = 256;

/**
 * Sends what stands behind the first `start` requests, in batches of at most `window`; `tell` hears after each batch how
 * many are done. No batch speaks of an object twice, so that what is made up for afterwards cannot undo what came later.
 * Throws NetlinkError, and HostError that names the request.
 */
export async function sendRequests(
  { netlink, genl }: Opened,
  requests: readonly IpvsRequest[],
  start: number,
  window: number,
  tell: (done: number) => void,
): Promise<void> {
  requests.forEach(checkRequest);
  const send = (batch: readonly IpvsRequest[]): Promise<readonly Refusal[]> =>
    netlink.batch(
      batch.map((request) => encodeRequest(genl, request)),
      "change virtual servers",
    );
  let done = start;
  for (const batch of batchesOf(
    requests.slice(start),
    Math.min(window, mostInFlight),
    () => mostRequestBytes,
    requestObject,
  )) {
    const refusals = await send(batch);
    const present: IpvsRequest[] = [];
    for (const { index, errno } of refusals) {
      const request = batch[index];
      if (request === undefined || isDone(request, errno)) continue;
      const instead = errno === "EEXIST" ? asChange(request) : null;
      if (instead === null) throw failure(request, errno, done + index, requests.length);
      present.push(instead);
    }
    for (const { index, errno } of await send(present)) {
      const request = present[index];
      // something later in the batch has deleted its virtual server
      if (request === undefined || isMissing(errno)) continue;
      throw failure(request, errno, done, requests.length);
    }
    done += batch.length;
    tell(done);
  }
}

function isMissing(errno: string): boolean {
  return errno === "ESRCH" || errno === "ENOENT";
}

/** What was to be deleted is not there: ENOENT for a real server, ESRCH for a virtual server or one without it. */
function isDone({ op }: IpvsRequest, errno: string): boolean {
  return (op === "delete-service" || op === "delete-dest") && isMissing(errno);
}

function asChange(request: IpvsRequest): IpvsRequest | null {
  switch (request.op) {
    case "new-service":
      return { ...request, op: "set-service" };
    case "new-dest":
      return { ...request, op: "set-dest" };
    default:
      return null;
  }
}

function failure(request: IpvsRequest, errno: string, before: number, all: number): HostError {
  const doing = requestName(request);
  const isService = request.op === "new-service" || request.op === "set-service";
  if (isService && errno === "ENOENT") {
    // the kernel has tried to load the scheduler's module
    const { scheduler } = request.server;
    return new HostError("unsupported", `cannot ${doing}: this kernel has no scheduler ${scheduler} (${errno})`, {
      errno,
      help: `modprobe ip_vs_${scheduler}, or choose another scheduler`,
    });
  }
  const error = hostErrorOf(errno, doing, helpFor(request, errno));
  return new HostError(error.trouble, `${error.message}; ${before} of ${all} requests came before it`, {
    errno,
    help: error.help,
  });
}

function helpFor({ op }: IpvsRequest, errno: string): string | null {
  if (op.endsWith("-dest") && errno === "ESRCH") return "the virtual server is gone: somebody else has removed it";
  if (op === "set-service" && isMissing(errno)) return "somebody else has removed it";
  if (op === "set-dest" && isMissing(errno)) return "somebody else has removed it";
  return null;
}
