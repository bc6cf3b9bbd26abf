// A door for clients that speak STOMP over TCP: each connection, plain or TLS, becomes a WebSocket to the server.

import { once } from "node:events";
import { createServer as createTcpServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import WebSocket from "ws";

/** Listens at a free port of this address; gives `{ port, close }`. With a key and a certificate it speaks TLS. */
export async function relay(socketUrl, address, tls) {
  const take = (tcp) => join(tcp, new WebSocket(socketUrl, ["v12.stomp", "v11.stomp", "v10.stomp"]));
  const server = tls ? createTlsServer(tls, take) : createTcpServer(take);
  const open = new Set();
  server.on("connection", (tcp) => {
    open.add(tcp);
    tcp.once("close", () => open.delete(tcp));
  });
  server.listen(0, address);
  await once(server, "listening");
  const close = () => {
    server.close();
    for (const tcp of open) tcp.destroy();
  };
  return { port: server.address().port, close };
}

/** Passes bytes on in both directions, wherever they were cut, until either side ends. */
function join(tcp, socket) {
  socket.once("open", () => tcp.on("data", (bytes) => socket.send(bytes)));
  socket.on("message", (data) => tcp.write(data));
  socket.once("close", () => tcp.end());
  tcp.once("close", () => socket.close());
  // Clients under test break connections on purpose; `close` follows.
  socket.on("error", () => tcp.destroy());
  tcp.on("error", () => {});
}
