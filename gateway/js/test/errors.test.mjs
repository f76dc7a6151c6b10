import assert from "node:assert/strict";
import { test } from "node:test";
import { Snorky } from "../dist/snorky.mjs";
import { fakeWebSocket, reported, setUpOpen } from "./fake.mjs";

const fails = (text) => () => {
  throw new Error(text);
};

test("what a listener throws is reported, and keeps nothing from the others", async (t) => {
  const errors = reported(t);
  const { snorky, sockets } = setUpOpen(t);
  const got = [];
  snorky.service("pubsub").on("message", fails("message"));
  snorky.service("pubsub").on("notification", fails("notification"));
  snorky.service("pubsub").on("notification", () => got.push("notification"));
  const news = snorky.pubsub("pubsub");
  const pending = [news.subscribe("a", fails("handler")), news.subscribe("a", (message) => got.push(message))];
  sockets.last.accept();
  await Promise.all(pending);
  sockets.last.packet("pubsub", { type: "message", channel: "a", message: "first" });
  assert.deepEqual(errors.splice(0), ["message", "notification", "handler"]);
  assert.deepEqual(got, ["notification", "first"]);
  sockets.last.packet("pubsub", { type: "message", channel: "a", message: "second" });
  assert.deepEqual(got, ["notification", "first", "notification", "second"]);
});

test("what a listener of the client throws does not stop the client", (t) => {
  const errors = reported(t);
  const { snorky, sockets, tick, seen } = setUpOpen(t);
  for (const event of ["state", "open", "close", "reconnecting"]) {
    snorky.on(event, fails(event));
  }
  sockets.last.drop();
  tick(500);
  const call = snorky.service("a").call("b");
  sockets.last.open();
  assert.equal(sockets.last.take().length, 1);
  assert.equal(seen("open").length, 2);
  assert.deepEqual(errors, ["state", "close", "reconnecting", "state", "state", "open"]);
  call.catch(() => {});
});

test("where nothing reports errors they go to the console", (t) => {
  const log = t.mock.method(console, "error", () => {});
  const { snorky, sockets } = setUpOpen(t);
  snorky.service("a").on("message", fails("oops"));
  sockets.last.packet("a", 1);
  assert.equal(log.mock.calls[0].arguments[0].message, "oops");
});

const strange = [
  ["no JSON", "{"],
  ["the empty text", ""],
  ["NaN", '{"service":"a","message":NaN}'],
  ["null", "null"],
  ["a list", "[]"],
  ["a number", "1"],
  ["no service", '{"message":1}'],
  ["no message", '{"service":"a"}'],
  ["a service that is no text", '{"service":1,"message":1}'],
];
for (const [what, text] of strange) {
  test(`a text that is no packet is reported: ${what}`, (t) => {
    const { sockets, seen, snorky } = setUpOpen(t);
    snorky.service("a");
    sockets.last.receive(text);
    assert.deepEqual(seen("error").map(({ code }) => code), ["protocol"]);
    assert.equal(snorky.state, "open");
  });
}

test("binary messages and unknown services are ignored", (t) => {
  const { snorky, sockets, events } = setUpOpen(t);
  snorky.service("a").on("message", () => assert.fail("not for this service"));
  events.length = 0;
  sockets.last.receive(new ArrayBuffer(4));
  sockets.last.receive(new Blob(['{"service":"a","message":1}']));
  for (const service of ["b", "__proto__", "constructor", "A", ""]) {
    sockets.last.packet(service, { type: "response", callId: 0, data: null });
  }
  assert.deepEqual(events, []);
});

for (const callId of [undefined, null, 7, "0", [0], true]) {
  test(`an answer to no call is reported: callId ${JSON.stringify(callId)}`, (t) => {
    const { snorky, sockets, seen } = setUpOpen(t);
    snorky.service("a").call("b");
    snorky.service("a").on("notification", () => assert.fail("an answer is no notification"));
    const errors = reported(t);
    sockets.last.packet("a", { type: "error", callId, message: "Unknown command" });
    const [error] = seen("error");
    assert.equal(error.code, "protocol");
    assert.equal(error.service, "a");
    assert.match(error.message, /Unknown command/);
    assert.deepEqual(errors, []);
  });
}

test("an error without a listener is written to the console", (t) => {
  const log = t.mock.method(console, "error", () => {});
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const sockets = fakeWebSocket();
  const snorky = new Snorky("ws://snorky.test/ws", { WebSocket: sockets });
  sockets.last.open();
  sockets.last.receive("?");
  assert.equal(log.mock.calls.length, 1);
  const stop = snorky.on("error", () => stop());
  sockets.last.receive("?");
  assert.equal(log.mock.calls.length, 1);
  sockets.last.receive("?");
  assert.equal(log.mock.calls.length, 2);
});
