import assert from "node:assert/strict";
import { test } from "node:test";
import { draws, outcome, reported, settle, setUp, setUpOpen, snorkyError } from "./fake.mjs";

const timestamp = "2026-11-23T07:40:28.277453+00:00";
const message = (channel, body, from = "ann") => ({ type: "message", from, channel, body, timestamp });
const presence = (channel, from, status) => ({ type: "presence", from, channel, status, timestamp });

/** Reconnects. */
function comeBack(sockets, tick) {
  sockets.last.drop();
  tick(30_000);
  sockets.last.open();
}

/** A joined room with these members. */
async function joined(t, members = ["ann"], handlers = {}) {
  const all = setUpOpen(t);
  const pending = all.snorky.chat().join("lobby", handlers);
  all.sockets.last.answer({ members });
  return { ...all, room: await pending };
}

test("join, send, read, leave", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  assert.equal(snorky.chat("chat"), snorky.chat());
  const pending = snorky.chat().join("lobby");
  const [[service, command, params, callId]] = sockets.last.take();
  assert.deepEqual([service, command, params], ["chat", "join", { channel: "lobby" }]);
  sockets.last.packet("chat", { type: "response", callId, data: { members: ["ann", { id: 2 }] } });
  const room = await pending;
  assert.deepEqual([room.channel, room.members], ["lobby", ["ann", { id: 2 }]]);
  const calls = [room.send({ text: "hi" }), room.read(), room.leave()];
  assert.deepEqual(sockets.last.accept(), [
    ["send", { channel: "lobby", body: { text: "hi" } }],
    ["read", { channel: "lobby" }],
    ["leave", { channel: "lobby" }],
  ]);
  assert.deepEqual(await Promise.all(calls), [undefined, undefined, undefined]);
  await room.leave();
  await assert.rejects(room.send("x"), snorkyError("closed", "Room left"));
  assert.deepEqual(sockets.last.sent, []);
});

test("handlers and listeners get messages, presence and read marks, from the first on", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const got = [];
  const handlers = Object.fromEntries(["message", "presence", "read"].map((name) => [name, (one) => got.push(one)]));
  const pending = snorky.chat().join("lobby", handlers);
  sockets.last.answer({ members: ["ann"] });
  sockets.last.packet("chat", message("lobby", 1)); // nobody has seen the room yet
  const room = await pending;
  const stop = room.on("message", ({ body }) => got.push(body));
  sockets.last.packet("chat", message("lobby", 2));
  stop();
  sockets.last.packet("chat", presence("lobby", "bob", "joined"));
  sockets.last.packet("chat", { type: "read", channel: "lobby", timestamp });
  sockets.last.packet("chat", message("elsewhere", 3));
  sockets.last.packet("chat", { type: "message" });
  sockets.last.packet("chat", { type: "typing", channel: "lobby" });
  assert.deepEqual(got, [
    { from: "ann", channel: "lobby", body: 1, timestamp },
    { from: "ann", channel: "lobby", body: 2, timestamp },
    2,
    { from: "bob", channel: "lobby", status: "joined", timestamp },
    { channel: "lobby", timestamp },
  ]);
});

test("the members follow presence, compared as JSON", async (t) => {
  const changes = [];
  const { sockets, room } = await joined(t, ["ann"], { members: (members) => changes.push(members) });
  const tell = (from, status) => sockets.last.packet("chat", presence("lobby", from, status));
  const first = room.members;
  tell("ann", "joined");
  tell("carl", "left");
  assert.equal(room.members, first);
  tell({ a: 1, b: 2 }, "joined");
  tell(1, "joined");
  tell("1", "joined");
  assert.deepEqual(room.members, ["ann", { a: 1, b: 2 }, 1, "1"]);
  tell({ b: 2, a: 1 }, "left");
  tell("1", "left");
  assert.deepEqual(room.members, ["ann", 1]);
  assert.deepEqual(first, ["ann"]);
  assert.equal(changes.length, 6);
  assert.equal(changes.at(-1), room.members);
});

test("presence listeners find the members changed", async (t) => {
  const { sockets, room } = await joined(t);
  room.on("presence", () => assert.deepEqual(room.members, ["ann", "bob"]));
  const errors = reported(t);
  sockets.last.packet("chat", presence("lobby", "bob", "joined"));
  assert.deepEqual(errors, []);
});

test("each new connection joins again, after what open listeners call and before queued messages", async (t) => {
  const { snorky, sockets, tick, room, seen } = await joined(t);
  const got = [];
  room.on("members", (members) => got.push(members));
  room.on("message", ({ body }) => got.push(body));
  snorky.on("open", () => snorky.service("auth").call("login", { name: "ann" }));
  sockets.last.drop();
  assert.deepEqual(room.members, ["ann"], "the last known");
  const sent = room.send("queued", { timeout: 0 });
  tick(30_000);
  sockets.last.open();
  const [login, join, send] = sockets.last.take();
  assert.deepEqual([login[1], join[1], send[1]], ["login", "join", "send"]);
  sockets.last.packet("chat", { type: "response", callId: join[3], data: { members: ["ann", "bob"] } });
  sockets.last.packet("chat", message("lobby", "live"));
  sockets.last.packet("chat", { type: "response", callId: send[3], data: null });
  await sent;
  assert.deepEqual(got, [["ann", "bob"], "live"]);
  assert.deepEqual(seen("error"), []);
});

test("a refused join rejects and leaves nothing", async (t) => {
  const { snorky, sockets, tick } = setUpOpen(t);
  const got = [];
  const pending = snorky.chat().join("lobby", { message: (one) => got.push(one) });
  sockets.last.refuse("Not authenticated");
  await assert.rejects(pending, (error) => {
    assert.deepEqual([error.service, error.command, error.channel], ["chat", "join", "lobby"]);
    return snorkyError("refused", "Not authenticated")(error);
  });
  sockets.last.packet("chat", message("lobby", 1));
  comeBack(sockets, tick);
  assert.deepEqual([got, sockets.last.sent], [[], []]);
});

test("a refused renewal is reported, and tried again on the next connection", async (t) => {
  const { sockets, tick, room, seen } = await joined(t);
  comeBack(sockets, tick);
  sockets.last.refuse("Not authenticated");
  assert.deepEqual(seen("error").map(({ message }) => message), ["Not authenticated"]);
  comeBack(sockets, tick);
  sockets.last.answer({ members: ["ann", "bob"] });
  assert.deepEqual(room.members, ["ann", "bob"]);
});

test("several rooms of one channel share the membership", async (t) => {
  const { snorky, sockets, room } = await joined(t, ["ann", "bob"]);
  const got = [];
  const second = await snorky.chat().join("lobby", { message: ({ body }) => got.push(body) });
  const other = snorky.chat().join({ b: 1, a: 2 });
  sockets.last.answer({ members: [] });
  const same = await snorky.chat().join({ a: 2, b: 1 });
  await other;
  assert.deepEqual([second.members, sockets.last.sent], [["ann", "bob"], []]);
  sockets.last.packet("chat", message("lobby", 1));
  await second.leave();
  sockets.last.packet("chat", message("lobby", 2));
  assert.deepEqual([got, sockets.last.sent], [[1], []]);
  const left = room.leave();
  assert.deepEqual(sockets.last.accept(), [["leave", { channel: "lobby" }]]);
  await left;
  await same.leave();
});

test("leaving while joining, joining while leaving", async (t) => {
  const { snorky, sockets, room } = await joined(t);
  const left = room.leave();
  const again = snorky.chat().join("lobby");
  const [leave, join] = sockets.last.take();
  assert.deepEqual([leave[1], join[1]], ["leave", "join"]);
  sockets.last.packet("chat", { type: "response", callId: leave[3], data: null });
  sockets.last.packet("chat", { type: "response", callId: join[3], data: { members: ["x"] } });
  await left;
  assert.deepEqual((await again).members, ["x"]);
});

test("who is in already without knowing the members goes out and comes in", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const pending = snorky.chat().join("lobby");
  sockets.last.refuse("Already joined");
  const [leave, join] = sockets.last.take();
  assert.deepEqual([leave[1], join[1]], ["leave", "join"]);
  sockets.last.packet("chat", { type: "error", callId: leave[3], message: "Not joined" });
  sockets.last.packet("chat", { type: "response", callId: join[3], data: { members: ["ann"] } });
  assert.deepEqual((await pending).members, ["ann"]);
});

test("a server that insists on being joined already is believed", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const pending = snorky.chat().join("lobby");
  sockets.last.refuse("Already joined");
  for (const [, , , callId] of sockets.last.take()) {
    sockets.last.packet("chat", { type: "error", callId, message: "Already joined" });
  }
  assert.deepEqual((await pending).members, []);
  assert.deepEqual(sockets.last.sent, []);
});

test("a join without an answer fails in time, and the server is told to forget it", async (t) => {
  const { snorky, sockets, tick } = setUpOpen(t, { callTimeout: 1000 });
  const pending = snorky.chat().join("lobby");
  sockets.last.take();
  tick(1000);
  await assert.rejects(pending, snorkyError("timeout"));
  assert.deepEqual(sockets.last.accept(), [["leave", { channel: "lobby" }]]);
});

test("a join under way when the connection ends is asked for again; close ends the wait", async (t) => {
  const { snorky, sockets, tick } = setUp(t);
  const pending = snorky.chat().join("lobby");
  sockets.last.open();
  sockets.last.take();
  comeBack(sockets, tick);
  assert.equal(await outcome(pending), "pending");
  assert.equal(sockets.last.take()[0][1], "join");
  sockets.last.drop(); // nothing is under way now, only the wait for the next connection
  snorky.close();
  await assert.rejects(pending, snorkyError("closed"));
});

test("handlers that throw keep nothing from the others", async (t) => {
  const errors = reported(t);
  const got = [];
  const fail = () => {
    throw new Error("handler");
  };
  const { snorky, sockets } = await joined(t, ["ann"], { message: fail, members: fail });
  await snorky.chat().join("lobby", { message: ({ body }) => got.push(body) });
  sockets.last.packet("chat", message("lobby", 1));
  assert.deepEqual([got, errors], [[1], ["handler", "handler"]]);
});

test("answers of another form do no harm", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  for (const data of [null, {}, { members: "x" }, []]) {
    const pending = snorky.chat().join("lobby");
    sockets.last.answer(data);
    const room = await pending;
    assert.deepEqual(room.members, []);
    room.leave();
    sockets.last.accept();
    await settle();
  }
  await assert.rejects(snorky.chat().join(undefined), TypeError);
});

test("the members are got anew also if the server was silent while the room came back", async (t) => {
  draws(t);
  const { snorky, sockets, tick } = setUpOpen(t, { callTimeout: 1000 });
  const pending = snorky.chat().join("lobby");
  sockets.last.answer({ members: ["ann"] });
  const room = await pending;
  sockets.last.drop();
  tick(500);
  sockets.last.open();
  sockets.last.refuse("Already joined");
  assert.deepEqual(sockets.last.take().map(([, command]) => command), ["leave", "join"]);
  tick(1000);
  tick(500);
  sockets.last.refuse("Already joined");
  const [[, leave], [, join, , callId]] = sockets.last.take();
  assert.deepEqual([leave, join, room.members], ["leave", "join", ["ann"]]);
  sockets.last.packet("chat", { type: "response", callId, data: { members: ["ann", "bob"] } });
  assert.deepEqual(room.members, ["ann", "bob"]);
});
