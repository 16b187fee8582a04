// Reads lines `LABEL tcp|udp ADDRESS PORT TIMES [SOURCE]` and prints for each `LABEL` and what came of each attempt:
// `server port client`, or `refused`, `silence`, or another error's code.
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { connect, isIPv6 } from "node:net";

const patience = 2500;

const outcome = (error) => (error.code === "ECONNREFUSED" ? "refused" : (error.code ?? String(error)));

function tcp(host, port, localAddress) {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ host, port, ...(localAddress ? { localAddress } : {}) });
    socket.setTimeout(patience, () => socket.destroy() && resolve("silence"));
    socket.on("data", (data) => {
      text += data;
    });
    socket.on("error", (error) => resolve(outcome(error)));
    socket.on("end", () => resolve(text));
  });
}

function udp(host, port, source) {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
    const finish = (result) => {
      clearTimeout(timer);
      socket.close();
      resolve(result);
    };
    const timer = setTimeout(() => finish("silence"), patience);
    socket.on("error", (error) => finish(outcome(error)));
    socket.on("message", (message) => finish(message.toString()));
    const go = () => socket.connect(port, host, () => socket.send("?"));
    if (source) socket.bind(0, source, go);
    else go();
  });
}

for (const line of readFileSync(0, "utf8").split("\n")) {
  if (line === "") continue;
  const [label, protocol, host, port, times, source] = line.split(" ");
  const results = [];
  for (let at = 0; at < Number(times); at++) {
    results.push(await (protocol === "tcp" ? tcp : udp)(host, Number(port), source));
  }
  console.log([label, ...results].join(", "));
}
