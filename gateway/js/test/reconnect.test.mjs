import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Snorky } from "../dist/snorky.mjs";
import { draws, fakeWebSocket, outcome, setUp, setUpOpen, snorkyError } from "./fake.mjs";

test("the states and events of a life", (t) => {
  draws(t);
  const { snorky, sockets, events, tick } = setUp(t);
  assert.equal(snorky.state, "connecting");
  sockets.last.open();
  assert.equal(snorky.state, "open");
  sockets.last.drop(1001, "restart");
  assert.equal(snorky.state, "waiting");
  tick(500);
  assert.equal(snorky.state, "connecting");
  sockets.last.drop();
  tick(1000);
  sockets.last.open();
  snorky.close();
  assert.equal(snorky.state, "closed");
  assert.deepEqual(events, [
    ["state", "open"],
    ["open"],
    ["state", "waiting"],
    ["close", { code: 1001, reason: "restart", final: false }],
    ["reconnecting", { attempt: 1, delay: 500 }],
    ["state", "connecting"],
    ["state", "waiting"],
    ["reconnecting", { attempt: 2, delay: 1000 }],
    ["state", "connecting"],
    ["state", "open"],
    ["open"],
    ["state", "closed"],
    ["close", { code: 1000, reason: "", final: true }],
  ]);
});

test("the state and the calls are settled before the events tell of it", (t) => {
  const { snorky, sockets } = setUp(t);
  const states = [];
  for (const event of ["open", "close", "reconnecting"]) {
    snorky.on(event, () => states.push([event, snorky.state]));
  }
  sockets.last.open();
  sockets.last.drop();
  assert.deepEqual(states, [
    ["open", "open"],
    ["close", "waiting"],
    ["reconnecting", "waiting"],
  ]);
});

test("the bound of the waits doubles up to the cap, and the waits are spread evenly below it", (t) => {
  const { sockets, seen, tick } = setUp(t, { backoffBase: 100, backoffCap: 1000 });
  const draw = draws(t);
  for (const random of [1, 1, 1, 1, 1, 1, 0.5, 0]) {
    draw(random);
    sockets.last.drop();
    const { delay } = seen("reconnecting").at(-1);
    const { length } = sockets.all;
    if (delay > 0) {
      tick(delay - 1);
      assert.equal(sockets.all.length, length, "too early");
    }
    tick(1);
    assert.equal(sockets.all.length, length + 1);
  }
  assert.deepEqual(seen("reconnecting").map(({ delay }) => delay), [100, 200, 400, 800, 1000, 1000, 500, 0]);
  assert.deepEqual(seen("reconnecting").map(({ attempt }) => attempt), [1, 2, 3, 4, 5, 6, 7, 8]);
});

test("many attempts do not make the wait infinite", (t) => {
  draws(t);
  const { sockets, seen, tick } = setUp(t, { backoffCap: 1000 });
  for (let i = 0; i < 1200; i++) {
    sockets.last.drop();
    tick(1000);
  }
  assert.equal(seen("reconnecting").at(-1).delay, 1000);
});

test("only a connection that lasts makes the waits short again", (t) => {
  draws(t);
  const { sockets, seen, tick } = setUp(t, { stableAfter: 5000 });
  const lastFor = (ms) => {
    sockets.last.open();
    tick(ms);
    sockets.last.drop();
    const { delay } = seen("reconnecting").at(-1);
    tick(delay);
    return delay;
  };
  assert.deepEqual([0, 4999, 100, 5000, 10].map(lastFor), [500, 1000, 2000, 500, 1000]);
});

const soon = [1001, 1005, 1006, 1011, 1012, 1014, 3000, 3999, 4000, 4001, 4002, 4099, 4300, 4999];
const later = [1013, 1015, 4100, 4150, 4199];
const never = [1000, 1002, 1003, 1007, 1008, 1009, 1010, 4200, 4201, 4299];
for (const code of soon) {
  test(`after close code ${code} the client comes back`, (t) => {
    draws(t);
    const { snorky, sockets, tick } = setUpOpen(t);
    sockets.last.drop(code);
    assert.equal(snorky.state, "waiting");
    tick(500);
    assert.equal(sockets.all.length, 2);
  });
}
for (const code of later) {
  test(`after close code ${code} the client comes back later`, (t) => {
    const { snorky, sockets, seen, tick } = setUpOpen(t);
    const draw = draws(t);
    draw(0);
    sockets.last.drop(code);
    assert.equal(snorky.state, "waiting");
    assert.equal(seen("reconnecting")[0].delay, 15_000);
    tick(14_999);
    assert.equal(sockets.all.length, 1);
    tick(1);
    assert.equal(sockets.all.length, 2);
    // Those who were sent away together do not return together.
    draw(1);
    sockets.last.drop(code);
    assert.equal(seen("reconnecting")[1].delay, 30_000);
  });
}
for (const code of never) {
  test(`after close code ${code} the client stays away`, async (t) => {
    const { snorky, sockets, seen, tick } = setUpOpen(t);
    const call = snorky.service("a").call("b");
    sockets.last.drop(code, "go away");
    assert.equal(snorky.state, "closed");
    assert.deepEqual(seen("close"), [{ code, reason: "go away", final: true }]);
    assert.deepEqual(seen("reconnecting"), []);
    await assert.rejects(call, snorkyError("closed", `Connection closed (${code} go away)`));
    await assert.rejects(snorky.service("a").call("b"), snorkyError("closed", `Connection closed (${code} go away)`));
    await assert.rejects(snorky.ready(), snorkyError("closed", `Connection closed (${code} go away)`));
    tick(1e9);
    assert.equal(sockets.all.length, 1);
  });
}

test("a server can say when to come back", (t) => {
  draws(t);
  const { snorky, sockets, seen, tick } = setUpOpen(t);
  sockets.last.drop(1001, "server is going away; reconnect in 8300 ms");
  assert.deepEqual(seen("reconnecting"), [{ attempt: 1, delay: 8300 }]);
  tick(8299);
  assert.equal(snorky.state, "waiting");
  tick(1);
  assert.equal(sockets.all.length, 2);
  // What fails then is waited for as usual.
  sockets.last.drop();
  assert.deepEqual(seen("reconnecting")[1], { attempt: 2, delay: 1000 });
});

for (const [code, reason, delay] of [
  [1001, "reconnect in 0 ms", 0],
  [1001, "x; reconnect in 007 ms", 7],
  [1001, "x; reconnect in 5 ms; reconnect in 70 ms", 70],
  [1001, "x; reconnect in 600001 ms", 600_000],
  [1001, `x; reconnect in ${"9".repeat(90)} ms`, 600_000],
  [1012, "x; reconnect in 20 ms", 20],
  [4000, "x; reconnect in 20 ms", 20],
  [1013, "x; reconnect in 20 ms", 20],
  [4100, "x; reconnect in 70000 ms", 70_000],
  // No hints.
  [1001, "x; reconnect in -5 ms", 500],
  [1001, "x; reconnect in +5 ms", 500],
  [1001, "x; reconnect in 1.5 ms", 500],
  [1001, "x; reconnect in 1e3 ms", 500],
  [1001, "x; reconnect in NaN ms", 500],
  [1001, "x; reconnect in Infinity ms", 500],
  [1001, "x; reconnect in  ms", 500],
  [1001, "x; reconnect in 5 s", 500],
  [1001, "x; reconnect in 5 ms\n", 500],
  [1001, "never reconnect in 5 ms", 500],
  [1001, "x; reconnect in \u0665 ms", 500],
  [1013, "later", 30_000],
]) {
  test(`the wait after ${code} ${JSON.stringify(reason).slice(0, 60)} is ${delay} ms`, (t) => {
    draws(t);
    const { sockets, seen } = setUpOpen(t);
    sockets.last.drop(code, reason);
    assert.deepEqual(seen("reconnecting"), [{ attempt: 1, delay }]);
  });
}

test("a server cannot bring back with a hint whom it sends away for good", (t) => {
  const { snorky, sockets, tick } = setUpOpen(t);
  sockets.last.drop(4200, "forbidden; reconnect in 5 ms");
  assert.equal(snorky.state, "closed");
  tick(1e9);
  assert.equal(sockets.all.length, 1);
});

test("a server that asks for ever to come back at once is asked ever less often", (t) => {
  draws(t);
  const { sockets, seen, tick } = setUpOpen(t);
  for (let i = 0; i < 8; i++) {
    sockets.last.drop(1001, "x; reconnect in 0 ms");
    tick(seen("reconnecting").at(-1).delay);
    sockets.last.open();
  }
  const delays = seen("reconnecting").map(({ delay }) => delay);
  assert.deepEqual(delays, [0, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
});

test("neither the network nor a look at the page ends a wait that the server asked for", (t) => {
  const { online, show } = page(t);
  const { snorky, sockets } = setUpOpen(t);
  sockets.last.drop(1001, "x; reconnect in 9000 ms");
  online();
  show("visible");
  assert.equal(snorky.state, "waiting");
  snorky.connect(); // who wants to, may
  assert.equal(snorky.state, "connecting");
  sockets.last.open();
  sockets.last.drop(1001, "x");
  online();
  assert.equal(snorky.state, "connecting");
});

test("a client that is closed while it stays away does not come back", (t) => {
  const { snorky, sockets, tick } = setUpOpen(t);
  sockets.last.drop(1001, "x; reconnect in 9000 ms");
  snorky.close();
  assert.equal(snorky.state, "closed");
  tick(1e9);
  assert.equal(sockets.all.length, 1);
});

test("an attempt that takes too long is given up", (t) => {
  draws(t);
  const { snorky, sockets, tick } = setUp(t, { connectTimeout: 1000 });
  const [slow] = sockets.all;
  tick(999);
  assert.equal(snorky.state, "connecting");
  tick(1);
  assert.equal(snorky.state, "waiting");
  assert.equal(slow.closedWith, 1000);
  tick(500);
  assert.equal(sockets.all.length, 2);

  slow.open();
  slow.packet("x", "y");
  slow.drop();
  assert.equal(snorky.state, "connecting");
  sockets.last.open();
  tick(1000);
  assert.equal(snorky.state, "open");
});

test("close ends everything: the socket, the wait, the attempt", (t) => {
  for (const get of [(s) => s.last.open(), (s) => s.last.drop(), () => {}]) {
    const { snorky, sockets, seen, tick } = setUp(t);
    get(sockets);
    snorky.close();
    snorky.close();
    assert.equal(snorky.state, "closed");
    assert.equal(sockets.last.closedWith, 1000);
    assert.equal(seen("close").filter(({ final }) => final).length, 1);
    sockets.last.drop(1001);
    tick(1e9);
    assert.equal(sockets.all.length, 1);
    assert.equal(snorky.state, "closed");
    mock.timers.reset();
  }
});

test("connect cuts the wait short, and does nothing while connecting or open", (t) => {
  const { snorky, sockets, tick } = setUp(t);
  snorky.connect();
  sockets.last.open();
  snorky.connect();
  assert.equal(sockets.all.length, 1);
  sockets.last.drop(4100);
  snorky.connect();
  assert.equal(snorky.state, "connecting");
  assert.equal(sockets.all.length, 2);
  sockets.last.open();
  tick(1e6);
  assert.equal(sockets.all.length, 2);
});

test("connect brings a closed client back", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  snorky.close();
  snorky.connect();
  const ready = snorky.ready();
  assert.equal(await outcome(ready), "pending");
  sockets.last.open();
  await ready;
});

test("ready resolves when open, at once if it is, and after attempts that failed", async (t) => {
  const { snorky, sockets, tick } = setUp(t);
  const ready = snorky.ready();
  sockets.last.drop();
  tick(500);
  assert.equal(await outcome(ready), "pending");
  sockets.last.open();
  await ready;
  await snorky.ready();
  sockets.last.drop();
  const again = snorky.ready();
  snorky.close();
  await assert.rejects(again, snorkyError("closed", "Connection closed (1000)"));
});

test("closing in an open listener sends nothing of what was queued", async (t) => {
  const { snorky, sockets } = setUp(t);
  const call = snorky.service("a").call("b");
  const subscription = snorky.pubsub("p").subscribe("c", () => {});
  snorky.on("open", () => snorky.close());
  sockets.last.open();
  await assert.rejects(call, snorkyError("closed"));
  await assert.rejects(subscription, snorkyError("closed"));
  assert.deepEqual(sockets.last.sent, []);
});

test("closing and connecting in an open listener waits for the new connection", async (t) => {
  const { snorky, sockets } = setUp(t);
  const subscription = snorky.pubsub("p").subscribe("c", () => {});
  sockets.last.open();
  sockets.last.accept();
  await subscription;
  const [dropped] = sockets.all;
  const stop = snorky.on("open", () => {
    stop();
    snorky.close();
    snorky.connect();
  });
  dropped.drop();
  snorky.connect();
  sockets.last.open();
  assert.equal(sockets.all.length, 3);
  assert.deepEqual(sockets.all[1].sent, []);
  sockets.last.open();
  assert.deepEqual(sockets.last.accept(), [["subscribe", { channel: "c" }]]);
});

test("closing in a listener of the loss announces no attempt", (t) => {
  const { snorky, sockets, seen } = setUpOpen(t);
  snorky.on("close", () => snorky.close());
  sockets.last.drop();
  assert.equal(snorky.state, "closed");
  assert.deepEqual(seen("reconnecting"), []);
});

/** Gives the globals of a page, as far as the client looks at them. */
function page(t) {
  const self = new EventTarget();
  const document = new EventTarget();
  document.visibilityState = "hidden";
  const listeners = new Set();
  const globals = {
    addEventListener: (type, f, options) => {
      listeners.add(type);
      self.addEventListener(type, f, options);
    },
    document,
  };
  Object.assign(globalThis, globals);
  t.after(() => Object.keys(globals).forEach((name) => delete globalThis[name]));
  return {
    listeners,
    online: () => self.dispatchEvent(new Event("online")),
    show: (visibilityState) => {
      document.visibilityState = visibilityState;
      document.dispatchEvent(new Event("visibilitychange"));
    },
  };
}

test("when the network is back, a client that waits connects at once", (t) => {
  const { online } = page(t);
  const { snorky, sockets, tick } = setUpOpen(t);
  online();
  assert.equal(sockets.all.length, 1);
  sockets.last.drop();
  online();
  assert.equal(snorky.state, "connecting");
  online();
  tick(1000);
  assert.equal(sockets.all.length, 2);
});

test("when the page is looked at, a client that waits connects at once", (t) => {
  const { show } = page(t);
  const { snorky, sockets } = setUpOpen(t);
  show("visible");
  show("hidden");
  sockets.last.drop();
  show("hidden");
  assert.equal(snorky.state, "waiting");
  show("visible");
  assert.equal(snorky.state, "connecting");
  show("visible");
  assert.equal(sockets.all.length, 2);
});

test("a client that shall come back later, or not at all, is not woken", (t) => {
  const { online, show } = page(t);
  const { snorky, sockets } = setUpOpen(t);
  for (const code of [4100, 4200]) {
    sockets.last.drop(code);
    const { length } = sockets.all;
    online();
    show("visible");
    assert.equal(sockets.all.length, length);
    snorky.connect();
    sockets.last.open();
  }
});

test("a closed client leaves no listener on the page", (t) => {
  const { online, show } = page(t);
  const { snorky, sockets } = setUpOpen(t);
  sockets.last.drop();
  snorky.close();
  online();
  show("visible");
  assert.equal(sockets.all.length, 1);
});

test("a constructor that throws is an error at first, and a failed attempt later", (t) => {
  const FakeWebSocket = fakeWebSocket();
  let broken = true;
  class Sometimes extends FakeWebSocket {
    constructor(url) {
      if (broken) {
        throw new SyntaxError("forbidden here");
      }
      super(url);
    }
  }
  assert.throws(() => new Snorky("ws://snorky.test/", { WebSocket: Sometimes }), SyntaxError);
  broken = false;
  const { snorky, tick } = setUp(t, { WebSocket: Sometimes });
  FakeWebSocket.last.open();
  FakeWebSocket.last.drop();
  broken = true;
  tick(500);
  assert.equal(snorky.state, "waiting");
  broken = false;
  tick(1000);
  assert.equal(snorky.state, "connecting");
});

const addresses = [
  // page, given, connects to
  ["https://app.test/news/today?x#y", undefined, "wss://app.test/ws"],
  ["http://app.test:8080/", undefined, "ws://app.test:8080/ws"],
  ["https://app.test/news/today", "live", "wss://app.test/news/live"],
  ["https://app.test/", "//other.test/ws", "wss://other.test/ws"],
  ["https://app.test/", "ws://other.test/ws", "ws://other.test/ws"],
  ["http://app.test/", "wss://other.test/a?b=c", "wss://other.test/a?b=c"],
  [undefined, "https://other.test/ws", "wss://other.test/ws"],
  [undefined, new URL("ws://other.test/ws"), "ws://other.test/ws"],
  [undefined, "ws://http.test/http", "ws://http.test/http"],
];
for (const [href, given, expected] of addresses) {
  test(`on ${href ?? "no page"}, ${given ?? "the default"} is ${expected}`, (t) => {
    if (href) {
      globalThis.location = { href };
      t.after(() => delete globalThis.location);
    }
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const sockets = fakeWebSocket();
    new Snorky(given, { WebSocket: sockets }).close();
    assert.equal(sockets.last.url, expected);
  });
}

test("without a page there is no default address, and without a class no client", () => {
  assert.throws(() => new Snorky(undefined, { WebSocket: fakeWebSocket() }), TypeError);
  const { WebSocket } = globalThis;
  globalThis.WebSocket = undefined;
  try {
    assert.throws(() => new Snorky("ws://snorky.test/ws"), /no WebSocket here/);
  } finally {
    globalThis.WebSocket = WebSocket;
  }
});
