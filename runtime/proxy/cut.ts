import type { Socket } from "node:net";

/**
 * Ends a connection at once, so that the peer does not take what it has for all there is: by a reset, unless everything
 * was sent and its end is being sent. Then it is a plain end, and libuv's `uv_tcp_close_reset` refuses anything else
 * (EINVAL), upon which Node.js (20.20) forgets the socket without closing its descriptor.
 * While it connects there is nobody to tell; Node.js would wait for the connection first.
 */
export function cut(socket: Socket): void {
  if (socket.destroyed) return;
  const isEnding = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  if (socket.connecting || isEnding) socket.destroy();
  else socket.resetAndDestroy();
}
