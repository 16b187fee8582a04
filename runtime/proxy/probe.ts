import { connect } from "node:net";
import type { PoolEndpoint } from "./endpoint.ts";

const patienceMs = 1000;
/** One that accepts and resets at once must not count as well. */
const watchedMs = 100;

/** Whether an endpoint accepts a connection and keeps it for a moment. */
export function probeTcp({ address, port }: PoolEndpoint): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address.text, port, autoSelectFamily: false });
    let timer = setTimeout(() => end(false), patienceMs);
    const end = (accepts: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(accepts);
    };
    socket.on("error", () => end(false));
    socket.on("connect", () => {
      clearTimeout(timer);
      timer = setTimeout(() => end(true), watchedMs);
    });
  });
}
