import assert from "node:assert/strict";
import { test } from "node:test";
import { draws, setUp, setUpOpen, snorkyError } from "./fake.mjs";

/** A client with the name "ann" registered. */
async function registered(t, options) {
  const all = setUpOpen(t, options);
  const messaging = all.snorky.messaging();
  const pending = messaging.register("ann");
  assert.deepEqual(all.sockets.last.accept(), [["registerParticipant", { name: "ann" }]]);
  await pending;
  return { ...all, messaging };
}

test("register, send, list, unregister", async (t) => {
  const { snorky, messaging, sockets } = await registered(t);
  assert.equal(snorky.messaging("messaging"), messaging);
  const sent = messaging.send("ann", { room: 1 }, ["hi"]);
  assert.deepEqual(sockets.last.accept(), [["send", { sender: "ann", dest: { room: 1 }, body: ["hi"] }]]);
  assert.equal(await sent, undefined);
  const list = messaging.list();
  sockets.last.answer(["ann", "bob", 7]);
  assert.deepEqual(await list, ["ann", "bob", 7]);
  const ended = messaging.unregister("ann");
  assert.deepEqual(sockets.last.accept(), [["unregisterParticipant", { name: "ann" }]]);
  await ended;
  await messaging.unregister("ann");
  assert.deepEqual(sockets.last.sent, []);
});

test("messages to all names come as events", async (t) => {
  const { messaging, sockets } = await registered(t);
  const got = [];
  const stop = messaging.on("message", (message) => got.push(message));
  sockets.last.packet("messaging", { type: "message", sender: "bob", dest: "ann", body: 1 });
  sockets.last.packet("messaging", { type: "other", sender: "bob", dest: "ann", body: 2 });
  stop();
  sockets.last.packet("messaging", { type: "message", sender: "bob", dest: "ann", body: 3 });
  assert.deepEqual(got, [{ sender: "bob", dest: "ann", body: 1 }]);
});

test("a refused name is refused, and not renewed", async (t) => {
  const { snorky, sockets, tick } = setUpOpen(t);
  for (const message of ["Name already registered", "Name not allowed"]) {
    const pending = snorky.messaging().register("ann");
    sockets.last.refuse(message);
    await assert.rejects(pending, (error) => {
      assert.equal(error.channel, "ann");
      return snorkyError("refused", message)(error);
    });
  }
  sockets.last.drop();
  tick(30_000);
  sockets.last.open();
  assert.deepEqual(sockets.last.sent, []);
});

test("an own name is taken, too", async (t) => {
  const { messaging, sockets } = await registered(t);
  await assert.rejects(messaging.register("ann"), snorkyError("refused", "Name already registered"));
  assert.deepEqual(sockets.last.sent, []);
  const pending = messaging.register({ a: 1, b: 2 });
  sockets.last.accept();
  await pending;
  await assert.rejects(messaging.register({ b: 2, a: 1 }), snorkyError("refused", "Name already registered"));
});

test("names are registered again on each new connection, before what was queued", async (t) => {
  const { messaging, sockets, tick } = await registered(t);
  const pending = messaging.register("bob");
  sockets.last.accept();
  await pending;
  sockets.last.drop();
  const sent = messaging.send("ann", "carl", 1, { timeout: 0 });
  const gone = messaging.unregister("bob");
  tick(30_000);
  sockets.last.open();
  assert.deepEqual(sockets.last.accept().map(([command]) => command), ["registerParticipant", "send"]);
  await sent;
  await gone;
});

test("a name that the connection before still holds is tried again, later each time", async (t) => {
  draws(t);
  const { sockets, tick, seen } = await registered(t);
  sockets.last.drop();
  tick(500);
  sockets.last.open();
  for (const wait of [500, 1000, 2000]) {
    sockets.last.refuse("Name already registered");
    tick(wait - 1);
    assert.deepEqual(sockets.last.sent, []);
    tick(1);
  }
  assert.deepEqual(sockets.last.accept(), [["registerParticipant", { name: "ann" }]]);
  tick(100_000);
  assert.deepEqual(sockets.last.sent, []);
  assert.equal(seen("error").length, 3);
});

test("unregistering ends the trying", async (t) => {
  const { messaging, sockets, tick } = await registered(t);
  sockets.last.drop();
  tick(500);
  sockets.last.open();
  sockets.last.refuse("Name already registered");
  await messaging.unregister("ann");
  tick(100_000);
  assert.deepEqual(sockets.last.sent, []);
});

test("a renewal that is refused for good is reported once", async (t) => {
  const { sockets, tick, seen } = await registered(t);
  sockets.last.drop();
  tick(500);
  sockets.last.open();
  sockets.last.refuse("Name not allowed");
  tick(100_000);
  assert.deepEqual([sockets.last.sent, seen("error").length], [[], 1]);
});

test("a name that was given back before it was asked for is not kept", async (t) => {
  const { snorky, sockets } = setUp(t);
  const messaging = snorky.messaging();
  const given = messaging.register("ann");
  const back = messaging.unregister("ann");
  const again = messaging.register("ann");
  sockets.last.open();
  const commands = sockets.last.accept().map(([command]) => command);
  assert.deepEqual(commands, ["registerParticipant", "unregisterParticipant", "registerParticipant"]);
  await Promise.all([given, back, again]);
});

test("giving a name back may wait for longer than a call", async (t) => {
  const { snorky, sockets, tick } = setUp(t, { callTimeout: 1000 });
  const messaging = snorky.messaging();
  const given = messaging.register("ann");
  const back = messaging.unregister("ann");
  tick(10_000);
  sockets.last.open();
  const commands = sockets.last.accept().map(([command]) => command);
  assert.deepEqual(commands, ["registerParticipant", "unregisterParticipant"]);
  await Promise.all([given, back]);
});

test("a name that is due to be tried again while there is no connection waits for the next one", async (t) => {
  draws(t);
  const { messaging, sockets, tick } = await registered(t, { backoffBase: 100, stableAfter: 1 });
  sockets.last.drop();
  tick(100);
  sockets.last.open();
  sockets.last.refuse("Name already registered"); // tried again in 100 ms
  tick(50);
  sockets.last.drop();
  tick(99);
  await messaging.unregister("ann");
  tick(1);
  sockets.last.open();
  assert.deepEqual(sockets.last.sent, []);
});
