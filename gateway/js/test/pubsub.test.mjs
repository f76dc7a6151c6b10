import assert from "node:assert/strict";
import { test } from "node:test";
import { draws, outcome, reported, setUp, setUpOpen, settle, snorkyError } from "./fake.mjs";

const message = (channel, message) => ({ type: "message", channel, message });

/** A handler that notes what it gets. */
function notes() {
  const got = [];
  return [got, (...args) => got.push(args)];
}

test("a subscription is asked for, confirmed, served and ended", async (t) => {
  const errors = reported(t);
  const { snorky, sockets } = setUpOpen(t);
  const news = snorky.pubsub("announcements");
  const [got, handler] = notes();
  const pending = news.subscribe("news", handler);
  assert.equal(await outcome(pending), "pending");
  assert.deepEqual(sockets.last.accept(), [["subscribe", { channel: "news" }]]);
  const subscription = await pending;
  assert.equal(subscription.channel, "news");

  sockets.last.packet("announcements", message("news", { text: "hello" }));
  sockets.last.packet("announcements", message("olds", "not for us"));
  sockets.last.packet("other", message("news", "not for us"));
  sockets.last.packet("announcements", { type: "message", message: "without channel" });
  sockets.last.packet("announcements", { type: "gossip", channel: "news", message: "of another type" });
  assert.deepEqual(got, [[{ text: "hello" }, "news"]]);
  assert.deepEqual(errors, []);

  const ended = subscription.unsubscribe();
  sockets.last.packet("announcements", message("news", "too late"));
  assert.equal(got.length, 1);
  const twice = subscription.unsubscribe();
  assert.equal(await outcome(ended), "pending");
  assert.equal(await outcome(twice), "pending");
  assert.deepEqual(sockets.last.accept(), [["unsubscribe", { channel: "news" }]]);
  await ended;
  await twice;
  await subscription.unsubscribe();
  assert.deepEqual(sockets.last.sent, []);
});

test("publishing needs no subscription, and says why it is refused", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const news = snorky.pubsub("announcements");
  const good = news.publish("news", [1]);
  assert.deepEqual(sockets.last.accept(), [["publish", { channel: "news", message: [1] }]]);
  assert.equal(await good, undefined);
  const bad = news.publish("news", null);
  sockets.last.refuse("Not authorized");
  await assert.rejects(bad, snorkyError("refused", "Not authorized"));
});

test("handlers of one channel share one subscription at the server", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const news = snorky.pubsub("pubsub");
  const [got, handler] = notes();
  const early = [news.subscribe("news", handler), news.subscribe("news", handler)];
  assert.equal(sockets.last.accept().length, 1);
  const [first, second] = await Promise.all(early);
  const third = await news.subscribe("news", handler);
  assert.deepEqual(sockets.last.sent, []);

  sockets.last.packet("pubsub", message("news", 1));
  assert.equal(got.length, 3);
  await first.unsubscribe();
  await second.unsubscribe();
  assert.deepEqual(sockets.last.sent, []);
  sockets.last.packet("pubsub", message("news", 2));
  assert.equal(got.length, 4);
  third.unsubscribe();
  assert.deepEqual(sockets.last.accept(), [["unsubscribe", { channel: "news" }]]);
});

test("two services share nothing", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const [got, handler] = notes();
  snorky.pubsub("a").subscribe("news", handler);
  snorky.pubsub("b").subscribe("news", handler);
  assert.deepEqual(sockets.last.take().map(([service]) => service), ["a", "b"]);
  sockets.last.packet("b", message("news", "from b"));
  assert.deepEqual(got, [["from b", "news"]]);
});

const sameChannel = [
  ["text", "a", '"a"'],
  ["escapes", "ä/", '"\\u00e4\\/"'],
  ["numbers by value", 1, "1.0"],
  ["exponents", 100, "1e2"],
  ["negative zero", 0, "-0"],
  ["null", null, "null"],
  ["order of members", { a: 1, b: { c: 2, d: 3 } }, '{"b":{"d":3,"c":2},"a":1}'],
  ["order of members in lists", [{ a: 1, b: 2 }], '[{"b":2,"a":1}]'],
  ["the last of repeated members", { a: 2 }, '{"a":1,"a":2}'],
  ["members with odd names", JSON.parse('{"__proto__":1,"constructor":2}'), '{"constructor":2,"__proto__":1}'],
  ["what JSON makes of a value", { at: new Date(0), no: undefined }, '{"at":"1970-01-01T00:00:00.000Z"}'],
  ["a name of Object.prototype", "__proto__", '"__proto__"'],
];
for (const [what, ours, theirs] of sameChannel) {
  test(`channels are compared as JSON values: ${what}`, async (t) => {
    const { snorky, sockets } = setUpOpen(t);
    const [got, handler] = notes();
    snorky.pubsub("pubsub").subscribe(ours, handler);
    sockets.last.accept();
    sockets.last.receive(`{"service":"pubsub","message":{"type":"message","channel":${theirs},"message":1}}`);
    assert.deepEqual(got, [[1, JSON.parse(theirs)]]);
    snorky.pubsub("pubsub").subscribe(JSON.parse(theirs), handler);
    assert.deepEqual(sockets.last.sent, []);
  });
}

const otherChannel = [
  [1, '"1"'],
  [1, "true"],
  [0, "false"],
  [null, "0"],
  ["", "null"],
  [[1, 2], "[2,1]"],
  [[], "{}"],
  ["[1]", "[1]"],
  [{}, '{"__proto__":1}'],
  [{ a: "1,b" }, '{"a":1,"b":1}'],
  ["news", '"News"'],
];
for (const [ours, theirs] of otherChannel) {
  test(`channels are compared as JSON values: ${JSON.stringify(ours)} is not ${theirs}`, async (t) => {
    const { snorky, sockets } = setUpOpen(t);
    const [got, handler] = notes();
    snorky.pubsub("pubsub").subscribe(ours, handler);
    sockets.last.accept();
    sockets.last.receive(`{"service":"pubsub","message":{"type":"message","channel":${theirs},"message":1}}`);
    assert.deepEqual(got, []);
  });
}

test("a channel that is no JSON value is refused at once", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const news = snorky.pubsub("pubsub");
  await assert.rejects(news.subscribe(undefined, () => {}), TypeError);
  await assert.rejects(news.subscribe(1n, () => {}), TypeError);
  assert.deepEqual(sockets.last.sent, []);
});

test("a refused subscription rejects everybody who waits, and leaves nothing", async (t) => {
  const { snorky, sockets, seen } = setUpOpen(t);
  const news = snorky.pubsub("pubsub");
  const [got, handler] = notes();
  const pending = [news.subscribe("news", handler), news.subscribe("news", handler)];
  sockets.last.refuse("Too many subscriptions");
  for (const one of pending) {
    await assert.rejects(one, (error) => {
      assert.equal(error.channel, "news");
      return snorkyError("refused", "Too many subscriptions")(error);
    });
  }
  sockets.last.packet("pubsub", message("news", 1));
  assert.deepEqual(got, []);
  assert.deepEqual(seen("error"), []);
  assert.deepEqual(sockets.last.sent, []);

  news.subscribe("news", handler);
  assert.equal(sockets.last.accept().length, 1);
});

test("being subscribed already is as good as being subscribed", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const pending = snorky.pubsub("pubsub").subscribe("news", () => {});
  sockets.last.refuse("Already subscribed");
  const subscription = await pending;
  const ended = subscription.unsubscribe();
  sockets.last.refuse("Not subscribed");
  await ended;
});

test("other refusals of unsubscribe are told", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const pending = snorky.pubsub("pubsub").subscribe("news", () => {});
  sockets.last.accept();
  const ended = (await pending).unsubscribe();
  sockets.last.refuse("Internal error");
  await assert.rejects(ended, snorkyError("refused", "Internal error"));
});

test("a subscription without an answer fails in time, and the server is told to forget it", async (t) => {
  const { snorky, sockets, tick } = setUpOpen(t, { callTimeout: 1000 });
  const pending = snorky.pubsub("pubsub").subscribe("news", () => {});
  sockets.last.take();
  tick(1000);
  await assert.rejects(pending, snorkyError("timeout"));
  assert.deepEqual(sockets.last.accept(), [["unsubscribe", { channel: "news" }]]);
});

test("subscribing again right after unsubscribing works without waiting", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const news = snorky.pubsub("pubsub");
  const [got, handler] = notes();
  const pending = news.subscribe("news", () => {});
  sockets.last.accept();
  const ended = (await pending).unsubscribe();
  const again = news.subscribe("news", handler);
  assert.deepEqual(sockets.last.accept().map(([command]) => command), ["unsubscribe", "subscribe"]);
  await ended;
  await again;
  sockets.last.packet("pubsub", message("news", 1));
  assert.equal(got.length, 1);
});

test("subscriptions wait for the first connection without a time limit, in their place among the calls", async (t) => {
  const { snorky, sockets, tick } = setUp(t, { callTimeout: 1000, connectTimeout: 1e6 });
  const pending = snorky.pubsub("pubsub").subscribe("private", () => {});
  const login = snorky.service("auth").call("login", { name: "ann" }, { timeout: 0 });
  snorky.pubsub("pubsub").subscribe("public", () => {});
  tick(5000);
  assert.equal(await outcome(pending), "pending");
  sockets.last.open();
  assert.deepEqual(sockets.last.accept().map(([command]) => command), ["subscribe", "login", "subscribe"]);
  await pending;
  await login;
});

test("subscriptions are renewed on each new connection, before queued calls", async (t) => {
  const { snorky, sockets, tick, seen } = setUpOpen(t, { callTimeout: 0 });
  const news = snorky.pubsub("pubsub");
  const [got, handler] = notes();
  const pending = [news.subscribe("a", handler), news.subscribe({ b: 1 }, handler), news.subscribe("c", handler)];
  sockets.last.accept();
  const [, , c] = await Promise.all(pending);
  c.unsubscribe();

  for (let round = 0; round < 3; round++) {
    sockets.last.drop();
    news.publish("a", round);
    tick(30_000);
    sockets.last.open();
    assert.deepEqual(sockets.last.accept(), [
      ["subscribe", { channel: "a" }],
      ["subscribe", { channel: { b: 1 } }],
      ["publish", { channel: "a", message: round }],
    ]);
    sockets.last.packet("pubsub", message("a", round));
    assert.deepEqual(got.splice(0), [[round, "a"]]);
  }
  assert.deepEqual(seen("error"), []);
});

test("a login made by an open listener precedes the renewed subscriptions", async (t) => {
  const { snorky, sockets, tick } = setUp(t);
  snorky.on("open", () => snorky.service("auth").call("login", { name: "ann" }));
  snorky.pubsub("pubsub").subscribe("a", () => {});
  for (let round = 0; round < 2; round++) {
    sockets.last.open();
    assert.deepEqual(sockets.last.accept().map(([command]) => command), ["login", "subscribe"]);
    await settle();
    sockets.last.drop();
    tick(30_000);
  }
});

test("subscribing in an open listener asks once", async (t) => {
  const { snorky, sockets, tick } = setUp(t);
  snorky.on("open", () => snorky.pubsub("pubsub").subscribe("a", () => {}));
  for (let round = 0; round < 2; round++) {
    sockets.last.open();
    assert.deepEqual(sockets.last.accept(), [["subscribe", { channel: "a" }]]);
    await settle();
    sockets.last.drop();
    tick(30_000);
  }
});

test("a subscription under way when the connection ends is asked for again", async (t) => {
  const { snorky, sockets, tick } = setUpOpen(t);
  const pending = snorky.pubsub("pubsub").subscribe("a", () => {});
  sockets.last.drop();
  tick(30_000);
  sockets.last.open();
  assert.equal(await outcome(pending), "pending");
  assert.deepEqual(sockets.last.accept(), [["subscribe", { channel: "a" }]]);
  await pending;
});

test("subscribing to a known channel between connections waits for its renewal, which precedes calls", async (t) => {
  const { snorky, sockets, tick } = setUpOpen(t);
  const news = snorky.pubsub("pubsub");
  const first = news.subscribe("a", () => {});
  sockets.last.accept();
  await first;
  sockets.last.drop();
  const published = news.publish("b", 1, { timeout: 0 });
  const second = news.subscribe("a", () => {});
  assert.equal(await outcome(second), "pending");
  tick(30_000);
  sockets.last.open();
  assert.deepEqual(sockets.last.accept().map(([command]) => command), ["subscribe", "publish"]);
  await second;
  await published;
});

test("unsubscribing between connections is done at once, and nothing is renewed", async (t) => {
  const { snorky, sockets, tick } = setUpOpen(t);
  const pending = snorky.pubsub("pubsub").subscribe("a", () => {});
  sockets.last.accept();
  const subscription = await pending;
  sockets.last.drop();
  await subscription.unsubscribe();
  tick(30_000);
  sockets.last.open();
  assert.deepEqual(sockets.last.sent, []);
});

test("unsubscribing is done if its connection ends before the answer", async (t) => {
  const { snorky, sockets, tick } = setUpOpen(t);
  const pending = snorky.pubsub("pubsub").subscribe("a", () => {});
  sockets.last.accept();
  const ended = (await pending).unsubscribe();
  sockets.last.drop();
  await ended;
  tick(30_000);
  sockets.last.open();
  assert.deepEqual(sockets.last.sent, []);
});

test("unsubscribing while the connection closes sends nothing on the next one", async (t) => {
  const { snorky, sockets, tick } = setUpOpen(t);
  const pending = snorky.pubsub("pubsub").subscribe("a", () => {});
  sockets.last.accept();
  const subscription = await pending;
  sockets.last.readyState = 2;
  await subscription.unsubscribe();
  sockets.last.drop(1001);
  tick(30_000);
  sockets.last.open();
  assert.deepEqual(sockets.last.sent, []);
});

test("unsubscribing is done if the client is closed before the answer", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const pending = snorky.pubsub("pubsub").subscribe("a", () => {});
  sockets.last.accept();
  const ended = (await pending).unsubscribe();
  snorky.close();
  await ended;
});

test("a renewal that was given up and is refused does not harm who subscribed since", async (t) => {
  const { snorky, sockets, tick, seen } = setUpOpen(t);
  const news = snorky.pubsub("pubsub");
  const [got, handler] = notes();
  const pending = news.subscribe("a", () => {});
  sockets.last.accept();
  const subscription = await pending;
  sockets.last.drop();
  tick(30_000);
  sockets.last.open();
  const ended = subscription.unsubscribe();
  const again = news.subscribe("a", handler);
  const [renewal, unsubscribe, subscribe] = sockets.last.take().map(([, , , callId]) => callId);
  sockets.last.packet("pubsub", { type: "error", callId: renewal, message: "Too many subscriptions" });
  sockets.last.packet("pubsub", { type: "error", callId: unsubscribe, message: "Not subscribed" });
  sockets.last.packet("pubsub", { type: "response", callId: subscribe, data: null });
  await ended;
  await again;
  sockets.last.packet("pubsub", message("a", 1));
  assert.deepEqual(got, [[1, "a"]]);
  assert.deepEqual(seen("error"), []);
});

test("unsubscribing while the renewal is under way ends it", async (t) => {
  const { snorky, sockets, tick } = setUpOpen(t);
  const pending = snorky.pubsub("pubsub").subscribe("a", () => {});
  sockets.last.accept();
  const subscription = await pending;
  sockets.last.drop();
  tick(30_000);
  sockets.last.open();
  const ended = subscription.unsubscribe();
  assert.deepEqual(sockets.last.accept().map(([command]) => command), ["subscribe", "unsubscribe"]);
  await ended;
});

test("a renewal that fails is reported, and tried again on the next connection", async (t) => {
  const { snorky, sockets, tick, seen } = setUpOpen(t, { callTimeout: 1000 });
  const [got, handler] = notes();
  const pending = snorky.pubsub("pubsub").subscribe("a", handler);
  sockets.last.accept();
  await pending;

  sockets.last.drop();
  tick(30_000);
  sockets.last.open();
  sockets.last.refuse("Not authorized");
  const [refused] = seen("error");
  assert.ok(snorkyError("refused", "Not authorized")(refused));
  assert.deepEqual([refused.service, refused.command, refused.channel], ["pubsub", "subscribe", "a"]);

  sockets.last.drop();
  tick(30_000);
  sockets.last.open();
  tick(1000);
  assert.equal(seen("error")[1].code, "timeout");

  sockets.last.drop();
  tick(30_000);
  sockets.last.open();
  sockets.last.accept();
  sockets.last.packet("pubsub", message("a", 1));
  assert.deepEqual(got, [[1, "a"]]);
  assert.equal(seen("error").length, 2);
});

test("after a renewal that failed, subscribing asks again for all", async (t) => {
  const { snorky, sockets, tick } = setUpOpen(t);
  const news = snorky.pubsub("pubsub");
  const first = news.subscribe("a", () => {});
  sockets.last.accept();
  await first;
  sockets.last.drop();
  tick(30_000);
  sockets.last.open();
  sockets.last.refuse("Not authorized");

  const second = news.subscribe("a", () => {});
  assert.deepEqual(sockets.last.accept(), [["subscribe", { channel: "a" }]]);
  await second;
});

test("renewals are not held back by the bound of the queue", async (t) => {
  const { snorky, sockets, tick, seen } = setUpOpen(t, { maxQueuedBytes: 200 });
  for (let i = 0; i < 10; i++) {
    const pending = snorky.pubsub("pubsub").subscribe(i, () => {});
    sockets.last.accept();
    await pending;
  }
  sockets.last.drop();
  tick(30_000);
  Object.defineProperty(sockets.last, "bufferedAmount", { get: () => sockets.last.sent.join("").length });
  sockets.last.open();
  assert.equal(sockets.last.take().length, 10);
  assert.deepEqual(seen("error"), []);
});

test("a subscription beyond the bound of the queue is refused", async (t) => {
  const { snorky, sockets } = setUp(t, { maxQueuedBytes: 10 });
  await assert.rejects(snorky.pubsub("pubsub").subscribe("a", () => {}), snorkyError("overflow"));
  sockets.last.open();
  assert.deepEqual(sockets.last.sent, []);
});

test("close rejects who waits; connect renews what was confirmed", async (t) => {
  const { snorky, sockets, seen } = setUpOpen(t);
  const news = snorky.pubsub("pubsub");
  const [got, handler] = notes();
  const confirmed = news.subscribe("a", handler);
  sockets.last.accept();
  await confirmed;
  const waiting = news.subscribe("b", handler);
  snorky.close();
  await assert.rejects(waiting, snorkyError("closed"));
  await assert.rejects(news.subscribe("a", handler), snorkyError("closed"));
  await assert.rejects(news.subscribe("c", handler), snorkyError("closed"));

  snorky.connect();
  sockets.last.open();
  assert.deepEqual(sockets.last.accept(), [["subscribe", { channel: "a" }]]);
  sockets.last.packet("pubsub", message("a", 1));
  assert.deepEqual(got, [[1, "a"]]);
  assert.deepEqual(seen("error"), []);
});

test("handlers may unsubscribe each other while a message is handed out", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const news = snorky.pubsub("pubsub");
  const got = [];
  const subscriptions = [];
  const pending = [
    news.subscribe("a", () => {
      got.push("first");
      subscriptions.forEach((one) => one.unsubscribe());
      news.subscribe("a", () => got.push("new"));
    }),
    news.subscribe("a", () => got.push("second")),
  ];
  sockets.last.accept();
  subscriptions.push(...(await Promise.all(pending)));
  sockets.last.packet("pubsub", message("a", 1));
  assert.deepEqual(got, ["first"]);
  assert.deepEqual(sockets.last.accept().map(([command]) => command), ["unsubscribe", "subscribe"]);
  sockets.last.packet("pubsub", message("a", 2));
  assert.deepEqual(got, ["first", "new"]);
});

test("a renewal without an answer is asked for again on the same connection, later each time", async (t) => {
  draws(t);
  const { snorky, sockets, tick, seen } = setUpOpen(t, { callTimeout: 1000 });
  const [got, handler] = notes();
  const pending = snorky.pubsub("pubsub").subscribe("a", handler);
  sockets.last.accept();
  await pending;
  sockets.last.drop();
  tick(500);
  sockets.last.open();
  for (const wait of [500, 1000]) {
    assert.equal(sockets.last.take().length, 1);
    tick(1000);
    tick(wait - 1);
    assert.deepEqual(sockets.last.sent, []);
    tick(1);
  }
  sockets.last.refuse("Already subscribed");
  sockets.last.packet("pubsub", message("a", 1));
  tick(100_000);
  assert.deepEqual([got, sockets.last.sent, seen("error").length], [[[1, "a"]], [], 2]);
});
