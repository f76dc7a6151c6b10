import assert from "node:assert/strict";
import { test } from "node:test";
import { draws, outcome, reported, settle, setUpOpen, snorkyError } from "./fake.mjs";

const cursor = (publicHandle, position = 0, document = "doc") => ({
  publicHandle,
  document,
  position,
  status: "idle",
  owner: "bob",
});
const state = (position, status = "idle") => ({ position, status });

/** A client in the document "doc", with these cursors of others. */
async function joined(t, cursors = [], options) {
  const all = setUpOpen(t, options);
  const pending = all.snorky.cursors().join("doc");
  all.sockets.last.answer({ cursors });
  const document = await pending;
  return {
    ...all,
    document,
    handles: () => document.cursors.map(({ publicHandle }) => publicHandle),
    notify: (type, cursor) => all.sockets.last.packet("cursors", { type, cursor }),
  };
}

/** Makes an own cursor, which gets a public handle. */
async function created({ document, sockets }, position = 0, publicHandle = 100) {
  const pending = document.create(state(position));
  sockets.last.answer(publicHandle);
  return pending;
}

function comeBack({ sockets, tick }, cursors = []) {
  sockets.last.drop();
  tick(30_000);
  sockets.last.open();
  sockets.last.answer({ cursors });
}

test("join and leave", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  assert.equal(snorky.cursors("cursors"), snorky.cursors());
  const pending = snorky.cursors().join({ page: 1 });
  const [[service, command, params, callId]] = sockets.last.take();
  assert.deepEqual([service, command, params], ["cursors", "join", { document: { page: 1 } }]);
  sockets.last.packet("cursors", { type: "response", callId, data: { cursors: [cursor(5)] } });
  const document = await pending;
  assert.deepEqual([document.document, document.cursors], [{ page: 1 }, [cursor(5)]]);
  const left = document.leave();
  assert.deepEqual(sockets.last.accept(), [["leave", { document: { page: 1 } }]]);
  await left;
  await document.leave();
  await assert.rejects(document.create(state(1)), snorkyError("closed", "Document left"));
  assert.deepEqual(sockets.last.sent, []);
});

test("the cursors of others are kept in the order they were made", async (t) => {
  const all = await joined(t, [cursor(1), cursor(2)]);
  const { document, notify, handles } = all;
  const changes = [];
  const stop = document.on("cursors", (cursors) => changes.push(cursors));
  const first = document.cursors;
  notify("cursorAdded", cursor(3));
  notify("cursorUpdated", cursor(1, 7));
  assert.deepEqual([handles(), document.cursors[0].position], [[1, 2, 3], 7]);
  notify("cursorRemoved", { publicHandle: 2, document: "doc" });
  assert.deepEqual(handles(), [1, 3]);
  assert.deepEqual(first, [cursor(1), cursor(2)]);
  assert.equal(changes.length, 3);
  assert.equal(changes[2], document.cursors);
  stop();

  // What is unknown here.
  notify("cursorUpdated", cursor(9));
  notify("cursorAdded", cursor(9, 1));
  notify("cursorRemoved", { publicHandle: 77, document: "doc" });
  notify("cursorAdded", cursor(4, 0, "other"));
  notify("cursorAdded", null);
  notify("cursorAdded", {});
  notify("cursorMoved", cursor(4));
  assert.deepEqual([handles(), document.cursors[2].position, changes.length], [[1, 3, 9], 1, 3]);
});

test("documents are compared as JSON", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const pending = snorky.cursors().join({ a: 1, b: [2] });
  sockets.last.answer({ cursors: [] });
  const document = await pending;
  const again = await snorky.cursors().join({ b: [2], a: 1 });
  sockets.last.packet("cursors", { type: "cursorAdded", cursor: cursor(1, 0, { b: [2], a: 1 }) });
  assert.deepEqual([document.cursors.length, again.cursors.length], [1, 1]);
  await again.leave();
  assert.deepEqual(sockets.last.sent, []);
});

test("an own cursor is made, moved and removed", async (t) => {
  const { document, sockets } = await joined(t);
  const pending = document.create(state({ x: 1 }));
  const [[service, command, params, callId]] = sockets.last.take();
  const { privateHandle } = params;
  assert.deepEqual([service, command, params], [
    "cursors",
    "createCursor",
    { privateHandle, document: "doc", position: { x: 1 }, status: "idle" },
  ]);
  sockets.last.packet("cursors", { type: "response", callId, data: 4711 });
  const own = await pending;
  assert.deepEqual([own.position, own.status, own.publicHandle], [{ x: 1 }, "idle", 4711]);
  own.update({ position: { x: 2 } });
  assert.deepEqual([own.position, own.status], [{ x: 2 }, "idle"]);
  assert.deepEqual(sockets.last.accept(), [["updateCursor", { privateHandle, newData: { position: { x: 2 } } }]]);
  own.update({ status: null });
  assert.deepEqual(sockets.last.accept(), [["updateCursor", { privateHandle, newData: { status: null } }]]);
  const gone = own.remove();
  own.update({ position: 3 });
  assert.deepEqual(sockets.last.accept(), [["removeCursor", { privateHandle }]]);
  await gone;
  await own.remove();
  assert.deepEqual([document.cursors, sockets.last.sent], [[], []]);
});

test("private handles are unique over all documents", async (t) => {
  const { snorky, document, sockets } = await joined(t);
  const other = snorky.cursors().join("other");
  sockets.last.answer({ cursors: [] });
  const documents = [document, await other, document];
  documents.forEach((one) => one.create(state(0)));
  const handles = sockets.last.accept().map(([, { privateHandle }]) => privateHandle);
  assert.equal(new Set(handles).size, 3);
});

test("at most one request is under way, and the last state wins", async (t) => {
  const { document, sockets } = await joined(t);
  const pending = document.create(state(0));
  const [[, , { privateHandle }, callId]] = sockets.last.take();
  const answer = (callId) => sockets.last.packet("cursors", { type: "response", callId, data: 1 });
  answer(callId);
  const own = await pending;
  for (let x = 1; x <= 1000; x++) {
    own.update({ position: x });
  }
  own.update({ status: "typing" });
  const [first, ...more] = sockets.last.take();
  assert.deepEqual([first[2].newData, more], [{ position: 1 }, []]);
  answer(first[3]);
  const [second] = sockets.last.take();
  assert.deepEqual(second[2], { privateHandle, newData: { position: 1000, status: "typing" } });
  answer(second[3]);
  own.update({});
  assert.deepEqual(sockets.last.sent, []);
});

test("an update that fails is reported; what it said goes with the next one", async (t) => {
  const all = await joined(t, [], { callTimeout: 1000 });
  const { sockets, tick, seen } = all;
  const own = await created(all);
  own.update({ position: 1, status: "a" });
  sockets.last.refuse("Internal error");
  own.update({ status: "b" });
  assert.deepEqual(sockets.last.take()[0][2].newData, { position: 1, status: "b" });
  tick(1000);
  own.update({ status: "c" });
  assert.deepEqual(sockets.last.take()[0][2].newData, { position: 1, status: "c" });
  assert.deepEqual(seen("error").map(({ code }) => code), ["refused", "timeout"]);
});

test("a cursor that is refused rejects, and is not made again", async (t) => {
  const all = await joined(t);
  const pending = all.document.create(state(0));
  all.sockets.last.refuse("Too many cursors");
  await assert.rejects(pending, snorkyError("refused", "Too many cursors"));
  comeBack(all);
  assert.deepEqual([all.sockets.last.sent, all.seen("error")], [[], []]);
});

test("a cursor without an answer fails in time, and the server is told to forget it", async (t) => {
  const all = await joined(t, [], { callTimeout: 1000 });
  const pending = all.document.create(state(0));
  const [[, , { privateHandle }]] = all.sockets.last.take();
  all.tick(1000);
  await assert.rejects(pending, snorkyError("timeout"));
  assert.deepEqual(all.sockets.last.accept(), [["removeCursor", { privateHandle }]]);
});

test("each new connection joins again and makes the own cursors as they are then", async (t) => {
  const all = await joined(t, [cursor(1), cursor(2)]);
  const { document, sockets, handles } = all;
  const own = await created(all, 5);
  const removed = await created(all, 6);
  own.update({ position: 6 }); // its answer is lost
  sockets.last.take();
  own.update({ position: 7 });
  sockets.last.drop();
  own.update({ status: "away" });
  await removed.remove();
  assert.deepEqual([own.publicHandle, handles()], [undefined, [1, 2]]);
  all.tick(30_000);
  sockets.last.open();
  own.update({ position: 8 });
  sockets.last.answer({ cursors: [cursor(3)] });
  assert.deepEqual(handles(), [3]);
  const [[, command, params, callId], ...more] = sockets.last.take();
  assert.deepEqual([command, params.position, params.status, more], ["createCursor", 8, "away", []]);
  own.update({ position: 9 });
  assert.deepEqual(sockets.last.sent, []);
  sockets.last.packet("cursors", { type: "response", callId, data: 200 });
  assert.equal(own.publicHandle, 200);
  assert.deepEqual(sockets.last.accept().map(([, { newData }]) => newData), [{ position: 9 }]);
  assert.deepEqual([document.cursors.length, all.seen("error")], [1, []]);
});

test("a cursor made between connections, or whose answer is lost, is made on the next one", async (t) => {
  const all = await joined(t);
  const { document, sockets } = all;
  const lost = document.create(state(1));
  sockets.last.take();
  sockets.last.readyState = 2;
  const closing = document.create(state(2));
  sockets.last.drop();
  const between = document.create(state(3));
  assert.equal(await outcome(lost), "pending");
  all.tick(30_000);
  sockets.last.open();
  sockets.last.answer({ cursors: [] });
  assert.deepEqual(sockets.last.accept().map(([, { position }]) => position), [1, 2, 3]);
  for (const [i, own] of (await Promise.all([lost, closing, between])).entries()) {
    assert.equal(own.position, i + 1);
  }
});

test("close rejects who waits for a cursor; the others come back with connect", async (t) => {
  const all = await joined(t);
  const own = await created(all, 1);
  const asked = all.document.create(state(2));
  all.sockets.last.take();
  all.sockets.last.drop();
  const between = all.document.create(state(3));
  all.snorky.close();
  await assert.rejects(asked, snorkyError("closed"));
  await assert.rejects(between, snorkyError("closed"));
  all.snorky.connect();
  all.sockets.last.open();
  all.sockets.last.answer({ cursors: [] });
  assert.deepEqual(all.sockets.last.accept().map(([, { position }]) => position), [1]);
  assert.equal(own.position, 1);
});

test("a cursor that cannot be made again is reported, and tried on the next connection", async (t) => {
  const all = await joined(t);
  const own = await created(all);
  comeBack(all);
  all.sockets.last.refuse("Too many cursors");
  assert.deepEqual(all.seen("error").map(({ message }) => message), ["Too many cursors"]);
  own.update({ position: 1 });
  await own.update({ position: 2 });
  assert.deepEqual(all.sockets.last.sent, []);
  comeBack(all);
  const again = all.sockets.last.accept();
  assert.deepEqual(again.map(([command, { position }]) => [command, position]), [["createCursor", 2]]);
});

test("removing a cursor while it is made", async (t) => {
  const all = await joined(t);
  const { document, sockets } = all;
  const pending = document.create(state(0));
  const left = document.leave();
  assert.deepEqual(sockets.last.accept().map(([command]) => command), ["createCursor", "removeCursor", "leave"]);
  await left;
  await assert.rejects(pending, snorkyError("closed"));
  assert.deepEqual(all.seen("error"), []);
});

test("leaving takes away the own cursors of this part, and leaves with the last part", async (t) => {
  const all = await joined(t);
  const { snorky, document, sockets } = all;
  const second = await snorky.cursors().join("doc");
  await created(all);
  const other = second.create(state(9));
  sockets.last.answer(101);
  await other;
  const left = document.leave();
  assert.deepEqual(sockets.last.accept().map(([command]) => command), ["removeCursor"]);
  await left;
  comeBack(all);
  assert.deepEqual(sockets.last.accept().map(([, { position }]) => position), [9]);
  const gone = second.leave();
  sockets.last.accept();
  await gone;
});

test("values that are no JSON are refused at once, and change nothing", async (t) => {
  const all = await joined(t);
  await assert.rejects(all.document.create({ position: undefined, status: 1 }), TypeError);
  await assert.rejects(all.document.create({ position: 1 }), TypeError);
  const own = await created(all, 5);
  assert.throws(() => own.update({ position: () => 1 }), TypeError);
  assert.throws(() => own.update({ status: 1n }), TypeError);
  assert.deepEqual([own.position, own.status, all.sockets.last.sent], [5, "idle", []]);
});

test("listeners that throw keep nothing from the others", async (t) => {
  const errors = reported(t);
  const { document, notify, handles } = await joined(t);
  const got = [];
  document.on("cursors", () => {
    throw new Error("listener");
  });
  document.on("cursors", (cursors) => got.push(cursors.length));
  notify("cursorAdded", cursor(1));
  await settle();
  assert.deepEqual([handles(), got, errors], [[1], [1], ["listener"]]);
});

test("who is in already goes out and comes in, and the own cursors with it", async (t) => {
  const all = await joined(t);
  await created(all, 5);
  comeBackJoined(all);
  const [leave, join] = all.sockets.last.take();
  assert.deepEqual([leave[1], join[1]], ["leave", "join"]);
  all.sockets.last.packet("cursors", { type: "response", callId: leave[3], data: null });
  all.sockets.last.packet("cursors", { type: "response", callId: join[3], data: { cursors: [cursor(8)] } });
  assert.deepEqual(all.handles(), [8]);
  assert.deepEqual(all.sockets.last.accept().map(([, { position }]) => position), [5]);
});

/** Reconnects to a server that has the join already. */
function comeBackJoined({ sockets, tick }) {
  sockets.last.drop();
  tick(30_000);
  sockets.last.open();
  sockets.last.refuse("Already joined");
}

test("the last state reaches the others though its update had no answer, and nothing moves any more", async (t) => {
  draws(t);
  const all = await joined(t, [], { callTimeout: 1000 });
  const { sockets, tick } = all;
  const own = await created(all);
  own.update({ position: 1 });
  own.update({ position: 2 });
  for (const wait of [500, 1000]) {
    assert.equal(sockets.last.take().length, 1);
    tick(1000);
    tick(wait - 1);
    assert.deepEqual(sockets.last.sent, []);
    tick(1);
  }
  assert.deepEqual(sockets.last.accept(), [["updateCursor", { privateHandle: 0, newData: { position: 2 } }]]);
  tick(100_000);
  assert.deepEqual(sockets.last.sent, []);
});

test("a cursor that is taken away is not moved any more", async (t) => {
  const all = await joined(t, [], { callTimeout: 1000 });
  const own = await created(all);
  own.update({ position: 1 });
  all.tick(1000);
  all.sockets.last.take();
  const removed = own.remove();
  assert.deepEqual(all.sockets.last.accept().map(([command]) => command), ["removeCursor"]);
  await removed;
  all.tick(100_000);
  assert.deepEqual(all.sockets.last.sent, []);
});

test("a closed client makes no cursors", async (t) => {
  const { snorky, document } = await joined(t);
  snorky.close();
  assert.equal((await outcome(document.create(state(1))))[0], "rejected");
  await assert.rejects(document.create(state(1)), snorkyError("closed"));
  snorky.connect();
  assert.deepEqual(document.own.size, 0);
});
