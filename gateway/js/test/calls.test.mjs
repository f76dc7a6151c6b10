import assert from "node:assert/strict";
import { test } from "node:test";
import { outcome, setUp, setUpOpen, settle, snorkyError } from "./fake.mjs";

test("a call is sent as a request and resolves to the data of its response", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const sum = snorky.service("calculator").call("sum", { number1: 1, number2: 2 });
  assert.deepEqual(JSON.parse(sockets.last.sent[0]), {
    service: "calculator",
    message: { command: "sum", params: { number1: 1, number2: 2 }, callId: 0 },
  });
  sockets.last.answer(3);
  assert.equal(await sum, 3);
});

test("a call without parameters sends an empty object", (t) => {
  const { snorky, sockets } = setUpOpen(t);
  snorky.service("chat").call("list");
  assert.deepEqual(sockets.last.take(), [["chat", "list", {}, 0]]);
});

test("an error answer rejects with its text, service and command", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const call = snorky.service("calculator").call("log", { number: -1 });
  sockets.last.refuse("Internal error");
  await assert.rejects(call, (error) => {
    assert.equal(error.service, "calculator");
    assert.equal(error.command, "log");
    return snorkyError("refused", "Internal error")(error);
  });
});

test("answers find their calls in any order", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const calc = snorky.service("calculator");
  const calls = [calc.call("a"), calc.call("b"), snorky.service("other").call("c")];
  for (const [service, command, , callId] of sockets.last.take().reverse()) {
    sockets.last.packet(service, { type: "response", callId, data: command.toUpperCase() });
  }
  assert.deepEqual(await Promise.all(calls), ["A", "B", "C"]);
});

test("an answer of another service than the one called does not count", async (t) => {
  const { snorky, sockets, seen } = setUpOpen(t);
  const call = snorky.service("a").call("x");
  snorky.service("b");
  sockets.last.packet("b", { type: "response", callId: 0, data: "wrong" });
  assert.equal(await outcome(call), "pending");
  assert.equal(seen("error").length, 1);
  sockets.last.packet("a", { type: "response", callId: 0, data: "right" });
  assert.equal(await call, "right");
});

test("parameters that are no JSON reject the call and send nothing", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const circle = {};
  circle.circle = circle;
  const calc = snorky.service("calculator");
  await assert.rejects(calc.call("sum", circle), TypeError);
  await assert.rejects(calc.call("sum", { number1: 1n }), TypeError);
  assert.throws(() => calc.send(undefined), TypeError);
  assert.throws(() => calc.send(circle), TypeError);
  assert.deepEqual(sockets.last.sent, []);
});

test("a call without an answer fails in time, and a late answer is reported and harms nothing", async (t) => {
  const { snorky, sockets, seen, tick } = setUpOpen(t, { callTimeout: 1000 });
  const calc = snorky.service("calculator");
  const [slow, slower, patient] = [calc.call("a"), calc.call("b", {}, { timeout: 2000 }), calc.call("c", {}, { timeout: 0 })];
  const sent = sockets.last.take();
  tick(999);
  assert.equal(await outcome(slow), "pending");
  tick(1);
  await assert.rejects(slow, snorkyError("timeout", "No answer in time"));
  assert.equal(await outcome(slower), "pending");
  tick(1000);
  await assert.rejects(slower, snorkyError("timeout"));
  tick(1e9);
  assert.equal(await outcome(patient), "pending");

  for (const [, , , callId] of sent) {
    sockets.last.packet("calculator", { type: "response", callId, data: 1 });
  }
  assert.equal(await patient, 1);
  assert.deepEqual(seen("error").map((e) => e.code), ["protocol", "protocol"]);
});

test("a time-out longer than timers know is none", async (t) => {
  const { snorky, tick } = setUpOpen(t, { callTimeout: Infinity });
  const call = snorky.service("calculator").call("a");
  tick(1e6);
  assert.equal(await outcome(call), "pending");
});

test("calls made before the connection is open go out in order, in one go", async (t) => {
  const { snorky, sockets } = setUp(t);
  const auth = snorky.service("auth");
  const login = auth.call("login", { name: "ann" });
  snorky.service("chat").call("join", { channel: 1 });
  snorky.service("echo").send("raw");
  snorky.pubsub("pubsub").publish("news", "hello");
  assert.equal(sockets.last.sent.length, 0);
  sockets.last.open();
  assert.deepEqual(sockets.last.take(), [
    ["auth", "login", { name: "ann" }, 0],
    ["chat", "join", { channel: 1 }, 1],
    ["echo", "raw"],
    ["pubsub", "publish", { channel: "news", message: "hello" }, 2],
  ]);
  sockets.last.packet("auth", { type: "response", callId: 0, data: null });
  assert.equal(await login, null);
});

test("what open listeners call goes out before what was queued", (t) => {
  const { snorky, sockets } = setUp(t);
  snorky.service("chat").call("join", { channel: 1 });
  snorky.on("open", () => snorky.service("auth").call("login", { name: "ann" }));
  sockets.last.open();
  assert.deepEqual(sockets.last.take().map(([, command]) => command), ["login", "join"]);
});

test("a queued call that times out is never sent", async (t) => {
  const { snorky, sockets, tick } = setUp(t, { callTimeout: 1000 });
  const call = snorky.service("calculator").call("sum");
  tick(1000);
  await assert.rejects(call, snorkyError("timeout", "Not sent in time"));
  sockets.last.open();
  assert.deepEqual(sockets.last.sent, []);
});

test("what waits to be sent is bounded in bytes, in the queue and in the socket", async (t) => {
  const packet = '{"service":"s","message":"ä"}';
  const size = Buffer.byteLength(packet);
  const { snorky, sockets } = setUp(t, { maxQueuedBytes: 2 * size });
  const service = snorky.service("s");
  service.send("ä");
  service.send("ä");
  assert.throws(() => service.send(0), snorkyError("overflow"));
  await assert.rejects(service.call("x"), snorkyError("overflow"));

  sockets.last.open();
  assert.deepEqual(sockets.last.sent, [packet, packet]);
  sockets.last.bufferedAmount = size + 1;
  assert.throws(() => service.send("ä"), snorkyError("overflow"));
  sockets.last.bufferedAmount = size;
  service.send("ä");
  assert.equal(sockets.last.sent.length, 3);
});

test("calls that time out make room in the queue", async (t) => {
  const { snorky, tick } = setUp(t, { maxQueuedBytes: 100, callTimeout: 1000 });
  const service = snorky.service("s");
  const call = service.call("x".repeat(30));
  assert.throws(() => service.send("x".repeat(30)), snorkyError("overflow"));
  tick(1000);
  await assert.rejects(call, snorkyError("timeout"));
  service.send("x".repeat(30));
});

test("calls under way when the connection ends are lost, queued ones are not", async (t) => {
  const { snorky, sockets, tick } = setUpOpen(t);
  const calc = snorky.service("calculator");
  const sent = calc.call("sent");
  sockets.last.drop();
  const queued = calc.call("queued");
  await assert.rejects(sent, (error) => {
    assert.equal(error.command, "sent");
    return snorkyError("lost")(error);
  });
  tick(500);
  sockets.last.open();
  assert.deepEqual(sockets.last.take().map(([, command]) => command), ["queued"]);
  assert.equal(await outcome(queued), "pending");
});

test("a call made while the socket closes waits for the next one", async (t) => {
  const { snorky, sockets, tick } = setUpOpen(t);
  sockets.last.readyState = 2;
  const call = snorky.service("calculator").call("sum");
  sockets.last.drop(1001);
  assert.equal(await outcome(call), "pending");
  tick(500);
  sockets.last.open();
  sockets.last.answer(3);
  assert.equal(await call, 3);
});

test("answers to calls of an earlier connection are not mistaken for others", async (t) => {
  const { snorky, sockets, tick } = setUpOpen(t);
  const calc = snorky.service("calculator");
  const before = calc.call("before");
  const [[, , , id]] = sockets.last.take();
  sockets.last.drop();
  await assert.rejects(before, snorkyError("lost"));
  tick(500);
  sockets.last.open();
  calc.call("after");
  const [[, , , next]] = sockets.last.take();
  assert.notEqual(next, id);
});

test("echo: contents go out and come back as they are", async (t) => {
  const { snorky, sockets, seen } = setUpOpen(t);
  const echo = snorky.service("echo");
  const got = [];
  echo.on("message", (content) => got.push(content));
  const contents = ["a", 0, null, false, [1], {}, { type: "response", callId: 9, data: 1 }, { type: "x" }];
  for (const content of contents) {
    echo.send(content);
    const [[service, sent]] = sockets.last.take();
    sockets.last.packet(service, sent);
  }
  assert.deepEqual(got, contents);
  assert.deepEqual(seen("error"), []);
});

test("notifications are objects with a type, and no answers", async (t) => {
  const { snorky, sockets, seen } = setUpOpen(t);
  const got = [];
  const stop = snorky.service("chat").on("notification", (n) => got.push(n));
  for (const content of [{ type: "presence", who: 1 }, {}, { type: 1 }, [], "text", null]) {
    sockets.last.packet("chat", content);
  }
  stop();
  stop();
  sockets.last.packet("chat", { type: "presence" });
  assert.deepEqual(got, [{ type: "presence", who: 1 }]);
  assert.deepEqual(seen("error"), []);
});

test("service() and pubsub() give the same connector for the same name", (t) => {
  const { snorky } = setUp(t);
  assert.equal(snorky.service("a"), snorky.service("a"));
  assert.equal(snorky.pubsub("a"), snorky.pubsub("a"));
  assert.equal(snorky.pubsub("a").service, snorky.service("a"));
  assert.equal(snorky.pubsub("a").name, "a");
  assert.notEqual(snorky.service("a"), snorky.service("b"));
});

test("a call that is over leaves no timer behind", async (t) => {
  const { snorky, sockets } = setUp(t);
  const timers = new Set();
  const { setTimeout, clearTimeout } = globalThis;
  t.mock.method(globalThis, "setTimeout", (...args) => {
    const timer = setTimeout(...args);
    timers.add(timer);
    return timer;
  });
  t.mock.method(globalThis, "clearTimeout", (timer) => {
    timers.delete(timer);
    clearTimeout(timer);
  });
  const calc = snorky.service("calculator");
  const queued = calc.call("queued");
  assert.equal(timers.size, 1);
  sockets.last.open();
  const direct = calc.call("direct");
  const subscribed = snorky.pubsub("pubsub").subscribe("a", () => {});
  sockets.last.accept();
  await Promise.all([queued, direct, subscribed]);
  const lost = calc.call("lost");
  snorky.close();
  await assert.rejects(lost);
  assert.equal(timers.size, 0);
});

test("contents that were queued when the client was closed are not sent later", (t) => {
  const { snorky, sockets } = setUp(t);
  snorky.service("echo").send("old");
  snorky.close();
  snorky.connect();
  snorky.service("echo").send("new");
  sockets.last.open();
  assert.deepEqual(sockets.last.take(), [["echo", "new"]]);
});

test("close rejects all calls, sent and queued, and those made later", async (t) => {
  const { snorky, sockets, seen } = setUpOpen(t);
  const calc = snorky.service("calculator");
  const sent = calc.call("sent");
  sockets.last.readyState = 2;
  const queued = calc.call("queued");
  snorky.close();
  for (const call of [sent, queued, calc.call("later")]) {
    await assert.rejects(call, snorkyError("closed", "Connection closed (1000)"));
  }
  assert.throws(() => calc.send(1), snorkyError("closed"));
  assert.deepEqual(seen("error"), []);
  await settle();
});
