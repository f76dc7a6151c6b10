// A Socket.IO server to be measured. A client's event "subscribe" joins a room and is acknowledged; the JSON body of
// POST /publish?channel=NAME is emitted to that room. Usage: node server.js HOST PORT
import { createServer } from "node:http";
import { Server } from "socket.io";

const [host, port] = process.argv.slice(2);
const server = createServer(publish);
// Its own advice for many connections: one transport, no compression, and no keeping of the request of the handshake.
const io = new Server(server, {
  transports: ["websocket"],
  perMessageDeflate: false,
  serveClient: false,
});
io.engine.on("connection", (raw) => {
  raw.request = null;
});
io.on("connection", (socket) => {
  socket.on("subscribe", (channel, acknowledge) => {
    socket.join(channel);
    acknowledge();
  });
});

function publish(request, response) {
  const url = new URL(request.url, "http://localhost");
  if (request.method !== "POST" || url.pathname !== "/publish") {
    response.writeHead(404).end();
    return;
  }
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    let message;
    try {
      message = JSON.parse(Buffer.concat(parts).toString());
    } catch {
      response.writeHead(400).end("not JSON");
      return;
    }
    io.to(url.searchParams.get("channel")).emit("message", message);
    response.writeHead(200, { "Content-Length": 0 }).end();
  });
}

server.keepAliveTimeout = 60_000;
server.listen(Number(port), host, 4096);
