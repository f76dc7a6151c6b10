import assert from "node:assert/strict";
import { test } from "node:test";
import { renderToString } from "react-dom/server";
import { createElement } from "react";
import { ArrayCollection, MapCollection } from "snorky-client";
import { render } from "./render.mjs";
import { settle } from "../../test/fake.mjs";
import {
  SnorkyProvider,
  useChannel,
  useChat,
  useCollection,
  useConnectionState,
  useCursors,
  useSnapshot,
  useSnorky,
} from "../dist/index.js";

const timestamp = "2026-11-23T07:40:28+00:00";
const delta = (type, id) => ({ type: "delta", delta: { type, model: "Task", data: { id } } });
const commands = (socket) => socket.take().map(([, command]) => command);

/** Answers the join with this, and everything else with null; returns the commands. */
function answer(socket, data) {
  return socket.take().map(([service, command, , callId]) => {
    const isJoin = command === "join" || command === "createCursor";
    socket.packet(service, { type: "response", callId, data: isJoin ? data : null });
    return command;
  });
}

test("useSnorky gives the client of the provider, and throws without one", async (t) => {
  const page = render(t, () => useSnorky());
  await page.mount();
  assert.equal(page.now, page.snorky);
  const Probe = () => {
    useSnorky();
    return null;
  };
  assert.throws(() => renderToString(createElement(Probe)), /no SnorkyProvider/);
});

test("useConnectionState follows the state", async (t) => {
  const page = render(t, () => useConnectionState(), { open: false });
  await page.mount();
  assert.equal(page.now, "connecting");
  await page.run(() => page.sockets.last.open());
  assert.equal(page.now, "open");
  await page.run(() => page.sockets.last.drop());
  assert.equal(page.now, "waiting");
  await page.run(() => page.snorky.close());
  assert.equal(page.now, "closed");
});

test("on a server everything has its first value, and nothing is called", () => {
  const Probe = () => {
    const results = [
      useSnorky(),
      useConnectionState(),
      useChannel("a", () => assert.fail()),
      useCollection("Task", () => assert.fail()).snapshot,
      useChat("lobby").members,
      useCursors("doc").cursors,
    ];
    return JSON.stringify(results);
  };
  const html = renderToString(createElement(SnorkyProvider, { snorky: null }, createElement(Probe)));
  assert.equal(html.replaceAll("&quot;", '"'), '[null,"connecting",{"subscribed":false},[],[],[]]');
});

for (const strict of [false, true]) {
  const mode = strict ? " (strict mode)" : "";

  test(`useChannel calls the latest handler while the component is there${mode}`, async (t) => {
    const got = [];
    const use = ({ channel, prefix }) => useChannel(channel, (message) => got.push(`${prefix}${message}`));
    const page = render(t, use, { strict, props: { channel: { a: 1 }, prefix: "x" } });
    const tell = (channel, message) => page.sockets.last.packet("pubsub", { type: "message", channel, message });
    await page.mount();
    assert.deepEqual(page.now, { subscribed: false, error: undefined });
    await page.run(() => assert.equal(page.sockets.last.accept().length, 1));
    assert.deepEqual(page.now, { subscribed: true, error: undefined });
    tell({ a: 1 }, 1);
    await page.rerender({ channel: { a: 1 }, prefix: "y" });
    tell({ a: 1 }, 2);
    assert.deepEqual([got, page.sockets.last.sent], [["x1", "y2"], []]);

    await page.rerender({ channel: "b", prefix: "z" });
    assert.equal(page.now.subscribed, false);
    tell({ a: 1 }, 3);
    assert.deepEqual(commands(page.sockets.last).sort(), ["subscribe", "unsubscribe"]);
    await page.rerender({ prefix: "z" });
    tell("b", 4);
    assert.deepEqual(got, ["x1", "y2"]);
  });

  test(`useCollection loads, follows, and stops${mode}`, async (t) => {
    const loads = [];
    const source = (signal) => {
      loads.push(signal);
      return { token: `t${loads.length}`, data: [{ id: 1 }] };
    };
    const page = render(t, () => useCollection("Task", source), { strict });
    await page.mount();
    const wanted = loads.filter((signal) => !signal.aborted);
    assert.equal(wanted.length, 1);
    assert.deepEqual([page.now.snapshot, page.now.state], [[{ id: 1 }], "loading"]);
    const token = `t${loads.length}`;
    await page.run(() => assert.deepEqual(page.sockets.last.accept(), [["acquireSubscription", { token }]]));
    assert.equal(page.now.state, "live");
    await page.run(() => page.sockets.last.packet("datasync", delta("insert", 2)));
    assert.deepEqual(page.now.snapshot, [{ id: 1 }, { id: 2 }]);
    await page.unmount();
    assert.deepEqual(page.sockets.last.accept(), [["cancelSubscription", { token }]]);
  });

  test(`useChat has members and messages, sends, and leaves${mode}`, async (t) => {
    const told = [];
    const options = {
      limit: 2,
      onMessage: ({ body }) => told.push(body),
      onPresence: ({ status }) => told.push(status),
      onRead: () => told.push("read"),
    };
    const page = render(t, ({ channel }) => useChat(channel, options), { strict, props: { channel: "lobby" } });
    await page.mount();
    assert.deepEqual([page.now.joined, page.now.members], [false, []]);
    let sent;
    await page.run(() => {
      sent = page.now.send("early");
      answer(page.sockets.last, { members: ["ann"] });
    });
    assert.deepEqual([page.now.joined, page.now.members], [true, ["ann"]]);
    assert.deepEqual(page.sockets.last.accept(), [["send", { channel: "lobby", body: "early" }]]);
    await sent;
    const common = { channel: "lobby", from: "bob", timestamp };
    const tell = (message) => page.sockets.last.packet("chat", { ...common, ...message });
    await page.run(() => {
      tell({ type: "presence", status: "joined" });
      [1, 2, 3].forEach((body) => tell({ type: "message", body }));
      tell({ type: "read" });
    });
    assert.deepEqual(page.now.members, ["ann", "bob"]);
    assert.deepEqual(page.now.messages.map(({ body }) => body), [2, 3]);
    assert.deepEqual(told, ["joined", 1, 2, 3, "read"]);
    await page.run(() => {
      page.now.read();
    });
    assert.deepEqual(page.sockets.last.accept(), [["read", { channel: "lobby" }]]);

    await page.rerender({ channel: undefined });
    assert.deepEqual([page.now.joined, page.now.members, page.now.messages], [false, [], []]);
    assert.deepEqual(page.sockets.last.accept(), [["leave", { channel: "lobby" }]]);
    await assert.rejects(page.now.send("x"), /not joined/);
  });

  test(`useCursors shows the cursors of others and moves the own one${mode}`, async (t) => {
    const use = () => useCursors("doc", { initial: { position: 0, status: null } });
    const page = render(t, use, { strict });
    const foreign = { publicHandle: 5, document: "doc", position: 1, status: null, owner: "bob" };
    await page.mount();
    await page.run(() => {
      page.now.update({ position: 1 });
      answer(page.sockets.last, { cursors: [foreign] });
    });
    await page.run(() => assert.deepEqual(answer(page.sockets.last, 7), ["createCursor"]));
    assert.deepEqual([page.now.joined, page.now.cursors], [true, [foreign]]);
    assert.deepEqual(page.sockets.last.accept().map(([, { newData }]) => newData), [{ position: 1 }]);
    const moved = { ...foreign, position: 2 };
    await page.run(() => page.sockets.last.packet("cursors", { type: "cursorUpdated", cursor: moved }));
    assert.deepEqual(page.now.cursors, [moved]);
    await page.unmount();
    assert.deepEqual(commands(page.sockets.last), ["removeCursor", "leave"]);
  });
}

test("what the server refuses is shown", async (t) => {
  const page = render(t, () => [useChannel("a", () => {}), useChat("lobby"), useCursors("doc")]);
  await page.mount();
  await page.run(() => {
    for (const [service, , , callId] of page.sockets.last.take()) {
      page.sockets.last.packet(service, { type: "error", callId, message: "Not authenticated" });
    }
  });
  for (const { error, joined, subscribed } of page.now) {
    assert.equal(error.message, "Not authenticated");
    assert.equal(joined ?? subscribed, false);
  }
});

test("an own cursor that is refused leaves the document", async (t) => {
  const page = render(t, () => useCursors("doc", { initial: { position: 0, status: 0 } }));
  await page.mount();
  await page.run(() => page.sockets.last.answer({ cursors: [] }));
  await page.run(() => page.sockets.last.refuse("Too many cursors"));
  assert.deepEqual([page.now.error.message, page.now.joined], ["Too many cursors", false]);
  assert.deepEqual(commands(page.sockets.last), ["leave"]);
  await page.run(() => page.now.update({ position: 1 }));
});

test("a loader that fails is shown until it succeeds; reload loads anew", async (t) => {
  let fails = true;
  let n = 0;
  const source = async () => {
    if (fails) {
      throw new Error("503");
    }
    return { token: "t", data: [{ id: ++n }] };
  };
  const page = render(t, () => useCollection("Task", source));
  await page.mount();
  assert.deepEqual([page.now.state, page.now.error.message, page.now.snapshot], ["waiting", "Loading failed: 503", []]);
  fails = false;
  await page.run(() => page.now.reload());
  await page.run(() => page.sockets.last.accept());
  assert.deepEqual([page.now.state, page.now.error, page.now.snapshot], ["live", undefined, [{ id: 1 }]]);
  await page.run(() => page.now.reload());
  assert.deepEqual(page.now.snapshot, [{ id: 2 }]);
  assert.deepEqual(page.seen("error"), []);
});

test("useCollection with a collection of another kind, loaded anew with another key", async (t) => {
  const seen = [];
  const use = ({ owner }) =>
    useCollection("Task", () => (seen.push(owner), { token: owner, data: [{ id: owner }] }), {
      collection: () => new MapCollection(),
      key: owner,
    });
  const page = render(t, use, { props: { owner: "ann" } });
  await page.mount();
  await page.run(() => page.sockets.last.accept());
  await page.rerender({ owner: "ann" });
  assert.deepEqual([[...page.now.snapshot.keys()], page.sockets.last.sent], [["ann"], []]);
  await page.rerender({ owner: "bob" });
  assert.deepEqual([seen, [...page.now.snapshot.keys()]], [["ann", "bob"], ["bob"]]);
  await page.run(() =>
    assert.deepEqual(page.sockets.last.accept(), [
      ["cancelSubscription", { token: "ann" }],
      ["acquireSubscription", { token: "bob" }],
    ]),
  );
});

test("useCollection takes addresses", async (t) => {
  const fetched = [];
  t.mock.method(globalThis, "fetch", async (input) => {
    fetched.push(String(input));
    return new Response("[]", { headers: { "X-Subscription-Token": "t" } });
  });
  const page = render(t, ({ url }) => useCollection("Task", new URL(url)), { props: { url: "http://app.test/1" } });
  await page.mount();
  await page.rerender({ url: "http://app.test/1" });
  await page.rerender({ url: "http://app.test/2" });
  assert.deepEqual(fetched, ["http://app.test/1", "http://app.test/2"]);
});

test("useSnapshot follows a collection made elsewhere", async (t) => {
  const [first, second] = [new ArrayCollection(), new ArrayCollection()];
  second.reset([{ id: 9 }]);
  const page = render(t, ({ tasks }) => useSnapshot(tasks), { props: { tasks: first } });
  await page.mount();
  await page.run(() => first.reset([{ id: 1 }]));
  assert.deepEqual(page.now, [{ id: 1 }]);
  await page.rerender({ tasks: second });
  assert.deepEqual(page.now, [{ id: 9 }]);
  const { length } = page.results;
  await page.run(() => first.reset([]));
  assert.equal(page.results.length, length);
});

test("another client takes the place of the one before, or none", async (t) => {
  const page = render(t, () => [useChannel("a", () => {}), useConnectionState()]);
  await page.mount();
  await page.run(() => page.sockets.last.accept());
  assert.deepEqual(page.now, [{ subscribed: true, error: undefined }, "open"]);
  await page.rerender({}, null);
  assert.deepEqual(page.now, [{ subscribed: false, error: undefined }, "connecting"]);
  assert.deepEqual(commands(page.sockets.last), ["unsubscribe"]);
});

test("what is left before the server has answered is left when it has", async (t) => {
  const page = render(t, () => [useChat("lobby"), useCursors("doc", { initial: { position: 0, status: 0 } })]);
  await page.mount();
  await page.unmount();
  const joins = page.sockets.last.take();
  for (const [service, , , callId] of joins) {
    page.sockets.last.packet(service, { type: "response", callId, data: { members: [], cursors: [] } });
  }
  await settle();
  await settle();
  assert.deepEqual(commands(page.sockets.last), ["leave", "leave"]);
});

test("useChat keeps no messages if it is told to keep none", async (t) => {
  const told = [];
  const page = render(t, () => useChat("lobby", { limit: 0, onMessage: ({ body }) => told.push(body) }));
  await page.mount();
  await page.run(() => answer(page.sockets.last, { members: ["ann"] }));
  const message = { type: "message", channel: "lobby", from: "bob", timestamp, body: "hi" };
  await page.run(() => page.sockets.last.packet("chat", message));
  assert.deepEqual([page.now.messages, told], [[], ["hi"]]);
});
