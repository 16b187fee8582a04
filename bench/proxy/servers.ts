import { createSocket } from "node:dgram";
import { createServer, type Server, type Socket } from "node:net";
import { ports } from "./ports.ts";

/**
 * The servers behind every proxy of `npm run bench:proxy`, in a process of their own: one that sends without end, one
 * that takes without end and tells how much it got, one that greets and is silent, and echoes for TCP and UDP.
 * Prints a line when all of them listen. Ends when its input is closed.
 */
const chunk = Buffer.alloc(1024 * 1024, "weir");
const backlog = 4096;

/** Writes as fast as the peer takes it. */
function send(socket: Socket): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on("drain", more);
  more();
}

/** Counts until the peer ends, then answers with the number of bytes. */
function take(socket: Socket): void {
  let bytes = 0;
  socket.on("data", (data) => {
    bytes += data.length;
  });
  socket.on("end", () => socket.end(String(bytes)));
}

function serve(port: number, onSocket: (socket: Socket) => void): Promise<Server> {
  const options = { allowHalfOpen: true, noDelay: true, highWaterMark: 1024 * 1024 };
  const server = createServer(options, (socket) => {
    // clients leave in the middle
    socket.on("error", () => socket.destroy());
    onSocket(socket);
  });
  return new Promise((resolve) => {
    server.listen({ host: "127.0.0.1", port, backlog }, () => resolve(server));
  });
}

function echo(port: number): Promise<void> {
  const socket = createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
  socket.on("message", (message, { port: from, address }) => socket.send(message, from, address));
  return new Promise((resolve) => {
    socket.bind(port, "127.0.0.1", () => resolve());
  });
}

await serve(ports.source, (socket) => {
  socket.on("end", () => socket.destroy());
  socket.resume();
  send(socket);
});
await serve(ports.sink, take);
await serve(ports.greeter, (socket) => {
  socket.on("end", () => socket.end());
  socket.resume();
  socket.write("!");
});
await serve(ports.mirror, (socket) => socket.pipe(socket));
await echo(ports.echo);
process.stdout.write("listening\n");
process.stdin.on("end", () => process.exit(0)).resume();
