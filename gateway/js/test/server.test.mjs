// The client against a WebSocket server on a real socket.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { Snorky } from "../dist/snorky.mjs";
import { snorkyError } from "./fake.mjs";

/** A PubSub service "pubsub", a calculator and an echo, in as few lines as they take. */
class TinyServer {
  #subscribers = new Map();

  static async start(port = 0) {
    const server = new TinyServer();
    server.wss = new WebSocketServer({ host: "127.0.0.1", port });
    server.wss.on("connection", (socket) => {
      socket.on("message", (data) => server.#receive(socket, JSON.parse(data)));
      socket.on("close", () => server.#subscribers.forEach((sockets) => sockets.delete(socket)));
    });
    await once(server.wss, "listening");
    return server;
  }

  get port() {
    return this.wss.address().port;
  }

  get url() {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  async stop() {
    this.wss.clients.forEach((socket) => socket.terminate());
    this.wss.close();
    await once(this.wss, "close");
  }

  #receive(socket, { service, message }) {
    const send = (to, content) => to.send(JSON.stringify({ service, message: content }));
    if (service === "echo") {
      send(socket, message);
      return;
    }
    const { command, params, callId } = message;
    try {
      const data = this.#commands(socket, send)[command](params) ?? null;
      send(socket, { type: "response", callId, data });
    } catch (error) {
      send(socket, { type: "error", callId, message: error.message });
    }
  }

  #commands(socket, send) {
    const subscribers = (channel) => {
      const key = JSON.stringify(channel);
      if (!this.#subscribers.has(key)) {
        this.#subscribers.set(key, new Set());
      }
      return this.#subscribers.get(key);
    };
    return {
      sum: ({ number1, number2 }) => number1 + number2,
      die: () => socket.terminate(),
      subscribe: ({ channel }) => {
        if (subscribers(channel).has(socket)) {
          throw new Error("Already subscribed");
        }
        subscribers(channel).add(socket);
      },
      unsubscribe: ({ channel }) => {
        if (!subscribers(channel).delete(socket)) {
          throw new Error("Not subscribed");
        }
      },
      publish: ({ channel, message }) => {
        if (channel === "secret") {
          throw new Error("Not authorized");
        }
        subscribers(channel).forEach((to) => send(to, { type: "message", channel, message }));
      },
    };
  }
}

const servers = [];
const clients = [];
after(async () => {
  clients.forEach((snorky) => snorky.close());
  await Promise.all(servers.map((server) => server.stop()));
});

async function start(port) {
  const server = await TinyServer.start(port);
  servers.push(server);
  return server;
}

function connect(server) {
  const snorky = new Snorky(server.url, { WebSocket, backoffBase: 20, backoffCap: 50 });
  clients.push(snorky);
  return snorky;
}

/** Resolves when an event comes that passes. */
function next(source, event, pass = () => true) {
  return new Promise((resolve) => {
    const stop = source.on(event, (arg) => {
      if (pass(arg)) {
        stop();
        resolve(arg);
      }
    });
  });
}

/** A handler, and what waits for a message it gets. */
function inbox() {
  const got = [];
  const waiting = [];
  const look = () => waiting.forEach(({ message, resolve }) => got.includes(message) && resolve());
  return {
    got,
    handler: (message) => {
      got.push(message);
      look();
    },
    has: (message) =>
      new Promise((resolve) => {
        waiting.push({ message, resolve });
        look();
      }),
  };
}

test("calls, errors, echoes", async () => {
  const snorky = connect(await start());
  const calc = snorky.service("calculator");
  assert.equal(await calc.call("sum", { number1: 1, number2: 2 }), 3);
  await assert.rejects(snorky.pubsub("pubsub").publish("secret", 1), snorkyError("refused", "Not authorized"));
  const echo = snorky.service("echo");
  const content = { text: "ünïcödé \u2028 \ud83d\ude00", list: [1, null] };
  const back = next(echo, "message");
  echo.send(content);
  assert.deepEqual(await back, content);
});

test("two clients talk; unsubscribing ends it", async () => {
  const server = await start();
  const [ann, bob] = [connect(server).pubsub("pubsub"), connect(server).pubsub("pubsub")];
  const { got, handler, has } = inbox();
  const subscription = await ann.subscribe("news", handler);
  await bob.publish("news", "one");
  await has("one");
  await subscription.unsubscribe();
  await bob.publish("news", "two");
  await ann.publish("news", "three"); // its answer follows whatever came before
  assert.deepEqual(got, ["one"]);
});

test("a server that is killed and started again: subscriptions and queued calls go on", async () => {
  const server = await start();
  const snorky = connect(server);
  const pubsub = snorky.pubsub("pubsub");
  const { handler, has, got } = inbox();
  await pubsub.subscribe("news", handler);
  const { port } = server;
  const lost = next(snorky, "close");
  servers.splice(servers.indexOf(server), 1);
  await server.stop();
  assert.deepEqual(await lost, { code: 1006, reason: "", final: false });
  const published = pubsub.publish("news", "while down");
  await next(snorky, "reconnecting", ({ attempt }) => attempt >= 2);

  const second = await start(port);
  await published;
  await has("while down");
  assert.equal(second.wss.clients.size, 1);
  assert.deepEqual(got, ["while down"]);
});

test("a call that the connection does not survive is lost, and the client comes back", async () => {
  const snorky = connect(await start());
  await assert.rejects(snorky.service("calculator").call("die"), snorkyError("lost"));
  assert.equal(await snorky.service("calculator").call("sum", { number1: 2, number2: 3 }), 5);
});

test("close codes of a real close frame are obeyed", async () => {
  const server = await start();
  const stays = connect(server);
  await stays.ready();
  const [first] = server.wss.clients;
  const leaves = connect(server);
  await leaves.ready();
  const [second] = [...server.wss.clients].filter((socket) => socket !== first);

  const gone = next(leaves, "close");
  second.close(4200, "forbidden");
  assert.deepEqual(await gone, { code: 4200, reason: "forbidden", final: true });
  const back = next(stays, "open");
  first.close(4000, "slow reader");
  await back;
  assert.deepEqual([stays.state, leaves.state], ["open", "closed"]);
});

test("close ends the connection with 1000, also before it is open", async () => {
  const server = await start();
  connect(server).close();
  const snorky = connect(server);
  const [[socket]] = await Promise.all([once(server.wss, "connection"), snorky.ready()]);
  const ended = once(socket, "close");
  snorky.close();
  assert.equal((await ended)[0], 1000);
});
