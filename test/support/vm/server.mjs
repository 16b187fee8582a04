// Answers with where it was reached and from whom: TCP and UDP on each port given. Says "ready" when it listens.
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

const plain = (address) => (address ?? "").replace(/^::ffff:/, "");
const ports = process.argv.slice(2).map(Number);
let waiting = ports.length * 2;
const ready = () => {
  waiting -= 1;
  if (waiting === 0) console.log("ready");
};
for (const port of ports) {
  createServer((socket) => {
    socket.on("error", () => {});
    socket.end(`${plain(socket.localAddress)} ${port} ${plain(socket.remoteAddress)}`);
  }).listen(port, "::", ready);
  const udp = createSocket("udp6", (_, from) => {
    udp.send(`${process.env.SELF} ${port} ${plain(from.address)}`, from.port, from.address);
  });
  udp.bind(port, "::", ready);
}
