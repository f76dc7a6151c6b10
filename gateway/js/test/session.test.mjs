import assert from "node:assert/strict";
import { test } from "node:test";
import { Snorky } from "../dist/snorky.mjs";
import { draws, fakeWebSocket, settle, setUp, setUpOpen, snorkyError } from "./fake.mjs";

const identity = (identity, expiresIn = null) => ({ identity, expiresIn });

/** A token provider whose calls the test answers. */
function provider() {
  const calls = [];
  return { calls, token: () => new Promise((resolve, reject) => calls.push({ resolve, reject })) };
}

test("authenticate", async (t) => {
  const { snorky, sockets, tick } = setUpOpen(t);
  const session = snorky.session();
  assert.equal(snorky.session("session"), session);
  const got = [];
  session.on("authenticated", (one) => got.push(one));
  assert.equal(session.identity, undefined);
  const pending = session.authenticate("secret");
  const [[service, command, params, callId]] = sockets.last.take();
  assert.deepEqual([service, command, params], ["session", "authenticate", { token: "secret" }]);
  sockets.last.packet("session", { type: "response", callId, data: identity({ id: 1 }, 60) });
  assert.deepEqual(await pending, identity({ id: 1 }, 60));
  assert.deepEqual([session.identity, got], [{ id: 1 }, [identity({ id: 1 }, 60)]]);

  const refused = session.authenticate("wrong", { timeout: 0 });
  sockets.last.refuse("Invalid token");
  await assert.rejects(refused, snorkyError("refused", "Invalid token"));
  assert.deepEqual(session.identity, { id: 1 });
  sockets.last.drop();
  assert.equal(session.identity, undefined);
  tick(30_000);
  sockets.last.open();
  assert.deepEqual([session.identity, sockets.last.sent], [undefined, []]);
});

test("a token is handed in on each connection before anything else is sent", async (t) => {
  const { calls, token } = provider();
  const { snorky, sockets, tick, seen } = setUp(t);
  snorky.session("session", { token });
  snorky.on("open", () => snorky.service("x").call("opened"));
  snorky.pubsub("pubsub").subscribe("a", () => {});
  const ready = snorky.ready();
  for (const round of [1, 2]) {
    const queued = snorky.service("x").call("queued", {}, { timeout: 0 });
    sockets.last.open();
    snorky.service("x").send("talk");
    await settle();
    assert.deepEqual([snorky.state, sockets.last.sent, calls.length], ["connecting", [], round]);
    calls.at(-1).resolve(`t${round}`);
    await settle();
    await ready;
    assert.equal(snorky.state, "open");
    const sent = sockets.last.take();
    const order = ["authenticate", "opened", "subscribe", "queued", "talk"];
    assert.deepEqual(sent.map(([, command]) => command), order);
    assert.deepEqual(sent[0][2], { token: `t${round}` });
    for (const [service, , , callId] of sent.slice(0, 4)) {
      sockets.last.packet(service, { type: "response", callId, data: null });
    }
    await queued;
    await settle();
    sockets.last.drop();
    tick(30_000);
  }
  assert.deepEqual(seen("error"), []);
});

test("without a token the client goes on without an identity", async (t) => {
  const { snorky, sockets } = setUp(t);
  for (const token of [() => undefined, () => null, async () => ""]) {
    snorky.session("session", { token });
    sockets.last.open();
    await settle();
    assert.deepEqual([snorky.state, sockets.last.sent], ["open", []]);
    snorky.close();
    snorky.connect();
  }
});

test("a provider that fails fails the attempt, which is made again", async (t) => {
  const { snorky, sockets, tick, seen } = setUp(t);
  const answers = [
    () => {
      throw new Error("at once");
    },
    async () => {
      throw new Error("later");
    },
    () => "good",
  ];
  snorky.session("session", { token: () => answers.shift()() });
  for (let i = 0; i < 3; i++) {
    sockets.last.open();
    await settle();
    tick(30_000);
  }
  assert.deepEqual([snorky.state, sockets.all.length, sockets.all[0].closedWith], ["open", 3, 1000]);
  const errors = seen("error");
  assert.deepEqual(errors.map(({ message }) => message), ["Connecting failed: at once", "Connecting failed: later"]);
  assert.deepEqual([errors[0].code, errors[0].cause.message], ["load", "at once"]);
  assert.equal(seen("close").length, 0);
});

test("a provider that takes too long fails the attempt; its token is not used on another connection", async (t) => {
  const { calls, token } = provider();
  const { snorky, sockets, tick } = setUp(t, { connectTimeout: 1000 });
  snorky.session("session", { token });
  sockets.last.open();
  await settle();
  tick(1000);
  assert.equal(snorky.state, "waiting");
  tick(1000);
  sockets.last.open();
  calls[0].resolve("late");
  await settle();
  assert.deepEqual([snorky.state, sockets.last.sent], ["connecting", []]);
  calls[1].resolve("fresh");
  await settle();
  assert.deepEqual(sockets.last.take().map(([, , params]) => params), [{ token: "fresh" }]);
});

test("a connection that ends while the token is fetched, or while it is checked", async (t) => {
  const { calls, token } = provider();
  const { snorky, sockets, tick, seen } = setUp(t);
  snorky.session("session", { token });
  sockets.last.open();
  await settle();
  sockets.last.readyState = 2;
  calls[0].resolve("t1");
  await settle();
  sockets.last.drop();
  for (const round of [1, 2]) {
    tick(30_000);
    sockets.last.open();
    await settle();
    calls[round].resolve(`t${round + 1}`);
    await settle();
    assert.deepEqual(sockets.last.take().map(([, , params]) => params), [{ token: `t${round + 1}` }]);
    sockets.last.drop(4003, "token expired");
    assert.equal(snorky.state, "waiting");
  }
  assert.deepEqual(seen("error"), []);
});

test("a refused token is reported; the server decides what becomes of the connection", async (t) => {
  const { snorky, sockets, seen } = setUp(t);
  snorky.session("session", { token: () => "bad" });
  sockets.last.open();
  await settle();
  sockets.last.refuse("Invalid token");
  await settle();
  const [error] = seen("error");
  assert.deepEqual([error.message, error.command], ["Invalid token", "authenticate"]);
  assert.equal(snorky.state, "open");
  sockets.last.drop(4203, "authentication required");
  assert.deepEqual(seen("close"), [{ code: 4203, reason: "authentication required", final: true }]);
});

test("a token that the server cannot check for now is handed in again, later each time", async (t) => {
  draws(t);
  const { snorky, sockets, tick, seen } = setUp(t, { callTimeout: 5000 });
  let n = 0;
  snorky.session("session", { token: () => `t${++n}` });
  sockets.last.open();
  await settle();
  sockets.last.refuse("Temporarily unavailable");
  await settle();
  tick(500);
  await settle();
  assert.deepEqual(sockets.last.take().map(([, , { token }]) => token), ["t2"]);
  tick(5000); // no answer
  await settle();
  tick(1000);
  await settle();
  sockets.last.refuse("Temporarily unavailable");
  await settle();
  sockets.last.drop();
  tick(500); // the next attempt to connect; the third to authenticate is not made any more
  sockets.last.open();
  await settle();
  tick(100_000);
  await settle();
  assert.deepEqual(seen("error").map(({ code }) => code), ["refused", "timeout", "refused", "timeout"]);
  assert.deepEqual([sockets.all.length, n], [2, 4]);
});

test("whoami", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const pending = snorky.session().whoami();
  sockets.last.answer("ann");
  assert.equal(await pending, "ann");
});

test("the provider is asked again when the identity is about to expire", async (t) => {
  const { snorky, sockets, seen } = setUp(t);
  let n = 0;
  let broken = false;
  const session = snorky.session("session", {
    token: async () => {
      if (broken) {
        throw new Error("no");
      }
      return `t${++n}`;
    },
  });
  const ends = [];
  session.on("expiring", ({ expiresIn }) => ends.push(expiresIn));
  sockets.last.open();
  await settle();
  sockets.last.answer(identity("ann", 60));
  const expire = async () => {
    sockets.last.packet("session", { type: "expiring", expiresIn: 15 });
    await settle();
  };
  await expire();
  assert.deepEqual(sockets.last.take().map(([, ...call]) => call.slice(0, 2)), [["authenticate", { token: "t2" }]]);
  broken = true;
  await expire();
  assert.deepEqual([sockets.last.sent, snorky.state, ends], [[], "open", [15, 15]]);
  assert.deepEqual(seen("error").map(({ message }) => message), ["No new token: no"]);
});

test("without a provider, expiring is told only", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const ends = [];
  snorky.session().on("expiring", (end) => ends.push(end));
  sockets.last.packet("session", { type: "expiring", expiresIn: 15 });
  sockets.last.packet("session", { type: "other" });
  await settle();
  assert.deepEqual([ends, sockets.last.sent], [[{ expiresIn: 15 }], []]);
});

test("a provider given on an open connection is asked at once; another one takes its place", async (t) => {
  const { snorky, sockets, tick } = setUpOpen(t);
  snorky.session("session", { token: () => "t1" });
  await settle();
  snorky.session("session", { token: () => "t2" });
  await settle();
  assert.deepEqual(sockets.last.take().map(([, , { token }]) => token), ["t1", "t2"]);
  sockets.last.drop();
  tick(30_000);
  sockets.last.open();
  await settle();
  assert.deepEqual(sockets.last.take().map(([, , { token }]) => token), ["t2"]);
});

test("a token as text is put into the address", (t) => {
  const { sockets } = setUp(t, { token: "a b&c" });
  assert.equal(sockets.last.url, "ws://snorky.test/ws?access_token=a+b%26c");
});

test("other parameters of the address stay, an old token does not", () => {
  const sockets = fakeWebSocket();
  const snorky = new Snorky("wss://snorky.test/ws?x=1&access_token=old", { WebSocket: sockets, token: "new" });
  assert.equal(sockets.last.url, "wss://snorky.test/ws?x=1&access_token=new");
  snorky.close();
});

test("a function gives the token of each attempt, also later", async (t) => {
  let n = 0;
  const answers = [() => "t1", async () => "t2", () => null];
  const { snorky, sockets, tick } = setUp(t, { token: () => answers[n++]() });
  const urls = [];
  for (let i = 0; i < 3; i++) {
    assert.equal(snorky.state, "connecting");
    await settle();
    urls.push(sockets.last.url);
    sockets.last.open();
    assert.equal(snorky.state, "open");
    sockets.last.drop(4003);
    tick(30_000);
  }
  const address = "ws://snorky.test/ws";
  assert.deepEqual(urls, [`${address}?access_token=t1`, `${address}?access_token=t2`, address]);
});

test("without a token for the address there is no attempt; it is tried again, and ends with close", async (t) => {
  const { calls, token } = provider();
  const { snorky, sockets, tick, seen } = setUp(t, { token, connectTimeout: 1000 });
  await settle();
  calls[0].reject(new Error("503"));
  await settle();
  assert.deepEqual([snorky.state, sockets.all.length], ["waiting", 0]);
  assert.deepEqual(seen("error").map(({ message, code }) => [message, code]), [["Connecting failed: 503", "load"]]);
  tick(30_000);
  await settle();
  tick(1000); // no answer
  assert.equal(snorky.state, "waiting");
    snorky.connect();
  await settle();
  snorky.connect(); // under way already
  await settle();
  assert.equal(calls.length, 3);
  calls[1].resolve("late");
  await settle();
  assert.equal(sockets.all.length, 0);
  snorky.close();
  calls[2].resolve("too late");
  await settle();
  assert.deepEqual([snorky.state, sockets.all.length], ["closed", 0]);
});

test("who logs in late gets what was refused without an identity, and asks for nothing twice", async (t) => {
  const { snorky, sockets, tick, seen } = setUpOpen(t);
  const said = [];
  const joining = snorky.chat().join("lobby", { message: ({ body }) => said.push(body) });
  sockets.last.answer({ members: [] });
  const room = await joining;
  sockets.last.drop();
  tick(30_000);
  sockets.last.open();
  sockets.last.refuse("Not authenticated");
  assert.equal(seen("error").length, 1);

  for (const expected of [[["join", { channel: "lobby" }]], []]) {
    const login = snorky.session().authenticate("secret");
    sockets.last.answer(identity("ann"));
    await login;
    assert.deepEqual(sockets.last.take().map(([service, command, params, callId]) => {
      sockets.last.packet(service, { type: "response", callId, data: { members: ["ann"] } });
      return [command, params];
    }), expected);
  }
  assert.deepEqual(room.members, ["ann"]);
  sockets.last.packet("chat", { type: "message", from: "bob", channel: "lobby", body: "hi", timestamp: "" });
  assert.deepEqual(said, ["hi"]);
});
