import assert from "node:assert/strict";
import { test } from "node:test";
import { ArrayCollection, CollectionDeltaProcessor, fetchSubscription, SnorkyError } from "../dist/snorky.mjs";
import { outcome, reported, settle, setUp, setUpOpen, snorkyError } from "./fake.mjs";

const insert = (id, model = "Task") => ({ type: "insert", model, data: { id } });
const remove = (id) => ({ type: "delete", model: "Task", data: { id } });
const delta = (delta) => ({ type: "delta", delta });
const acquire = (token) => ["acquireSubscription", { token }];
const cancel = (token) => ["cancelSubscription", { token }];

/** A loader whose calls the test answers. */
function loader() {
  const calls = [];
  const load = (signal) => new Promise((resolve, reject) => calls.push({ signal, resolve, reject }));
  return {
    calls,
    load,
    /** Answers the latest call with items of these ids. */
    give: async (token, ...ids) => {
      calls.at(-1).resolve({ token, data: ids.map((id) => ({ id })) });
      await settle();
    },
    fail: async (error) => {
      calls.at(-1).reject(error);
      await settle();
    },
  };
}

/** A live collection, by default on an open connection. */
function live(t, options, start = setUpOpen) {
  const all = start(t, options);
  const tasks = new ArrayCollection();
  const source = loader();
  const subscription = all.snorky.datasync().subscribe("Task", tasks, source.load);
  const states = [];
  subscription.on("state", (state) => states.push(state));
  return {
    ...all,
    tasks,
    subscription,
    states,
    ...source,
    ids: () => tasks.snapshot.map(({ id }) => id),
    deltas: (...deltas) => deltas.forEach((one) => all.sockets.last.packet("datasync", delta(one))),
  };
}

/** The same, acquired with the token "t1" and the items 1 and 2. */
async function acquired(t, options) {
  const all = live(t, options);
  await all.give("t1", 1, 2);
  assert.deepEqual(all.sockets.last.accept(), [acquire("t1")]);
  assert.equal(all.subscription.state, "live");
  return all;
}

test("low level: acquire, cancel and deltas", async (t) => {
  const { snorky, sockets, seen } = setUpOpen(t);
  const sync = snorky.datasync();
  assert.equal(snorky.datasync("datasync"), sync);
  const got = [];
  const stop = sync.on("delta", (one) => got.push(one));
  const pending = sync.acquire("t");
  sockets.last.packet("datasync", delta(insert(1)));
  assert.deepEqual(sockets.last.accept(), [acquire("t")]);
  await pending;
  const cancelled = sync.cancel("t");
  assert.deepEqual(sockets.last.accept(), [cancel("t")]);
  await cancelled;
  const wrong = sync.acquire("wrong");
  sockets.last.refuse("No such subscription");
  await assert.rejects(wrong, snorkyError("refused", "No such subscription"));
  stop();
  sockets.last.packet("datasync", delta(insert(2)));
  assert.deepEqual(got, [insert(1)]);
  assert.deepEqual(seen("error"), []);
});

test("what is no delta is reported and reaches nobody", (t) => {
  const { snorky, sockets, seen } = setUpOpen(t);
  const got = [];
  snorky.datasync().on("delta", (one) => got.push(one));
  const strange = [undefined, null, [], { type: "insert", data: 1 }, { type: "insert", model: "M" }];
  strange.push({ type: "upsert", model: "M", data: 1 }, { type: "update", model: "M", newData: 1 });
  strange.forEach((one) => sockets.last.packet("datasync", delta(one)));
  sockets.last.packet("datasync", { type: "other" });
  assert.deepEqual(got, []);
  assert.deepEqual(seen("error").map(({ code }) => code), strange.map(() => "protocol"));
});

test("a collection is loaded, its subscription acquired, and follows the deltas", async (t) => {
  const { tasks, subscription, sockets, give, deltas, ids, states, calls } = live(t);
  assert.equal(subscription.state, "loading");
  assert.equal(calls.length, 1);
  const ready = subscription.ready();
  await give("t1", 1, 2);
  assert.deepEqual(ids(), [1, 2]);
  assert.equal(await outcome(ready), "pending");
  assert.deepEqual(sockets.last.accept(), [acquire("t1")]);
  await ready;
  await subscription.ready();
  deltas(insert(3), remove(1), insert(4, "Other"));
  assert.deepEqual(ids(), [2, 3]);
  assert.deepEqual(states, ["live"]);
  const before = tasks.snapshot;
  deltas(insert(5, "Other"));
  assert.equal(tasks.snapshot, before);
});

test("deltas that come before the answer are applied after it, in one change", async (t) => {
  const { tasks, sockets, give, deltas, ids } = live(t);
  const changes = [];
  tasks.onChange((snapshot) => changes.push(snapshot.map(({ id }) => id)));
  await give("t1", 1, 2);
  deltas(insert(3), remove(3), insert(1), insert(4));
  assert.deepEqual(ids(), [1, 2]);
  sockets.last.accept();
  assert.deepEqual(ids(), [1, 2, 4]);
  assert.deepEqual(changes, [[1, 2], [1, 2, 4]]);
});

test("deltas that come before the data are of other subscriptions, and must not follow newer data", async (t) => {
  const { sockets, give, deltas, ids } = live(t);
  deltas(insert(66)); // deleted again before the data were read
  assert.deepEqual(ids(), []);
  await give("t1", 1);
  sockets.last.accept();
  assert.deepEqual(ids(), [1]);
});

test("data are shown while there is no connection yet, and the subscription is asked for when there is", async (t) => {
  const { sockets, give, ids, subscription, calls } = live(t, {}, setUp);
  await give("t1", 1);
  assert.deepEqual([ids(), subscription.state], [[1], "loading"]);
  sockets.last.open();
  assert.deepEqual(sockets.last.accept(), [acquire("t1")]);
  assert.deepEqual([subscription.state, calls.length], ["live", 1]);
});

test("each new connection loads anew and replaces the content in one change", async (t) => {
  const all = await acquired(t);
  const { sockets, tick, give, deltas, ids, states, calls, tasks } = all;
  let changes = 0;
  tasks.onChange(() => changes++);
  for (const round of [2, 3]) {
    sockets.last.drop();
    assert.deepEqual([all.subscription.state, ids()], ["waiting", round === 2 ? [1, 2] : [20, 7]]);
    tick(30_000);
    sockets.last.open();
    assert.equal(calls.length, round);
    await give(`t${round}`, round * 10);
    assert.deepEqual(sockets.last.accept(), [acquire(`t${round}`)]);
    assert.deepEqual(ids(), [round * 10]);
    deltas(insert(7));
  }
  assert.deepEqual([ids(), changes], [[30, 7], 4]);
  assert.deepEqual(states, ["live", "waiting", "loading", "live", "waiting", "loading", "live"]);
});

test("a connection that ends while data are loaded: their token stays good", async (t) => {
  const { sockets, tick, give, ids, calls } = live(t);
  sockets.last.drop();
  tick(1000);
  sockets.last.open();
  assert.equal(calls.length, 1);
  await give("t1", 1);
  sockets.last.accept();
  assert.deepEqual(ids(), [1]);
});

test("a connection that ends before the answer to acquire: everything is loaded anew", async (t) => {
  const { sockets, tick, give, deltas, ids, calls, subscription, seen } = live(t);
  await give("t1", 1);
  deltas(insert(66));
  sockets.last.drop();
  assert.equal(subscription.state, "waiting");
  tick(30_000);
  sockets.last.open();
  assert.deepEqual([sockets.last.sent, calls.length], [[], 2]);
  await give("t2", 2);
  assert.deepEqual(sockets.last.accept(), [acquire("t2")]);
  assert.deepEqual(ids(), [2]);
  assert.deepEqual(seen("error"), []);
});

test("a connection that ends right after the answer to acquire: everything is loaded anew", async (t) => {
  const { sockets, tick, calls, subscription } = await acquired(t);
  sockets.last.drop();
  tick(30_000);
  sockets.last.open();
  assert.deepEqual([calls.length, subscription.state], [2, "loading"]);
});

test("a loader that fails is reported and tried again, later each time", async (t) => {
  t.mock.method(Math, "random", () => 1);
  const { subscription, tick, fail, give, calls, sockets, ids, seen } = live(t);
  const errors = [];
  subscription.on("error", (error) => errors.push(error));
  const cause = new Error("503");
  await fail(cause);
  assert.ok(errors[0] instanceof SnorkyError);
  assert.deepEqual([errors[0].message, errors[0].code, errors[0].service], ["Loading failed: 503", "load", "datasync"]);
  assert.equal(errors[0].cause, cause);
  assert.equal(subscription.state, "waiting");
  let expected = 1;
  for (const wait of [500, 1000, 2000]) {
    tick(wait - 1);
    assert.equal(calls.length, expected);
    tick(1);
    assert.equal(calls.length, ++expected);
    await fail("text");
  }
  assert.equal(errors.at(-1).message, "Loading failed: text");
  tick(4000);
  await give("t1", 1);
  sockets.last.accept();
  assert.deepEqual([ids(), subscription.state], [[1], "live"]);
  assert.deepEqual([errors.length, seen("error").length], [4, 0]);
});

test("without a listener of its own, errors go to the client", async (t) => {
  const { fail, seen } = live(t);
  await fail(new Error("no"));
  assert.deepEqual(seen("error").map(({ message }) => message), ["Loading failed: no"]);
});

const badSources = [
  ["throws", () => { throw new Error("at once"); }, "Loading failed: at once"],
  ["gives nothing", () => undefined, undefined],
  ["gives no token", () => ({ data: [] }), "Loading failed: there is no token"],
  ["gives data of another form", () => ({ token: "t", data: { results: [] } }), undefined],
  ["gives items without id", () => ({ token: "t", data: [1] }), undefined],
];

for (const [title, load, message] of badSources) {
  test(`a loader that ${title} has failed`, async (t) => {
    const { snorky, sockets, seen } = setUpOpen(t);
    const live = snorky.datasync().subscribe("Task", new ArrayCollection(), load);
    await settle();
    assert.deepEqual([live.state, sockets.last.sent], ["waiting", []]);
    const [error] = seen("error");
    assert.equal(error.code, "load");
    assert.equal(error.message, message ?? error.message);
  });
}

test("a loader that takes too long is given up and called again; what it brings later is ignored", async (t) => {
  t.mock.method(Math, "random", () => 1);
  const { tick, calls, give, sockets, ids, seen } = live(t, { callTimeout: 1000 });
  tick(1000);
  assert.ok(calls[0].signal.aborted);
  assert.deepEqual(seen("error").map(({ message }) => message), ["No data in time"]);
  tick(500);
  calls[0].resolve({ token: "late", data: [{ id: 99 }] });
  await give("t1", 1);
  assert.deepEqual([sockets.last.accept(), ids()], [[acquire("t1")], [1]]);
});

test("the time of the loader can be set, also to none", (t) => {
  const { snorky, tick, seen } = setUpOpen(t, { callTimeout: 1000 });
  const never = () => new Promise(() => {});
  snorky.datasync().subscribe("Task", new ArrayCollection(), never, { timeout: 5000 });
  snorky.datasync().subscribe("Task", new ArrayCollection(), never, { timeout: 0 });
  tick(4999);
  assert.equal(seen("error").length, 0);
  tick(1);
  assert.equal(seen("error").length, 1);
});

test("a new connection ends the wait after a failure", async (t) => {
  t.mock.method(Math, "random", () => 1);
  const { fail, calls, sockets, tick } = live(t, { backoffBase: 10_000 });
  await fail(new Error("no"));
  sockets.last.drop();
  snorkyConnect(sockets, tick);
  assert.equal(calls.length, 2);
  tick(30_000);
  assert.equal(calls.length, 2);
});

/** Lets the client come back; the clock stands at most as long as its wait. */
function snorkyConnect(sockets, tick) {
  const { length } = sockets.all;
  for (let i = 0; i < 100 && sockets.all.length === length; i++) {
    tick(100);
  }
  sockets.last.open();
}

test("a token that is too old is replaced at once, again only after a wait and with an error", async (t) => {
  t.mock.method(Math, "random", () => 1);
  const { give, calls, sockets, seen, tick, subscription } = live(t);
  await give("t1", 1);
  sockets.last.refuse("No such subscription");
  assert.equal(calls.length, 2);
  assert.deepEqual(seen("error"), []);

  await give("t2", 1);
  sockets.last.refuse("Subscription overflowed");
  assert.deepEqual([calls.length, subscription.state], [2, "waiting"]);
  assert.deepEqual(seen("error").map(({ message, code }) => [message, code]), [["Subscription overflowed", "refused"]]);
  tick(1000);
  await give("t3", 1);
  sockets.last.accept();
  assert.equal(subscription.state, "live");
});

test("a subscription that the server ended is loaded anew, at once if that is rare", async (t) => {
  t.mock.method(Math, "random", () => 1);
  const { snorky, sockets, give, calls, seen, ids, tick, subscription } = await acquired(t);
  const ends = [];
  snorky.datasync().on("ended", (end) => ends.push(end));
  const end = (token) => sockets.last.packet("datasync", { type: "subscriptionEnded", token, reason: "too slow" });
  end("another");
  assert.equal(calls.length, 1);
  for (const token of ["t1", "t2"]) {
    tick(5000); // long enough to count as stable
    end(token);
    assert.equal(calls.length, token === "t1" ? 2 : 3);
    await give(token === "t1" ? "t2" : "t3", 5);
    sockets.last.accept();
    assert.deepEqual(ids(), [5]);
  }
  assert.deepEqual(seen("error"), []);

  end("t3");
  assert.deepEqual([calls.length, subscription.state], [3, "waiting"]);
  assert.deepEqual(seen("error").map(({ message }) => message), ["Subscription ended: too slow"]);
  tick(1000);
  assert.equal(calls.length, 4);
  assert.deepEqual(ends.map(({ token }) => token), ["another", "t1", "t2", "t3"]);
});

test("acquiring that is refused, or not answered, is tried again with a new token", async (t) => {
  t.mock.method(Math, "random", () => 1);
  const { give, calls, sockets, tick, seen } = live(t, { callTimeout: 1000 });
  await give("t1", 1);
  sockets.last.refuse("Already acquired");
  assert.deepEqual(sockets.last.accept(), [cancel("t1")]);
  tick(500);
  await give("t2", 1);
  sockets.last.take();
  tick(1000);
  assert.deepEqual(sockets.last.accept(), [cancel("t2")], "the answer may have been a yes");
  assert.deepEqual(seen("error").map(({ code }) => code), ["refused", "timeout"]);
  tick(1000);
  assert.equal(calls.length, 3);
});

test("reload loads anew under a new subscription", async (t) => {
  const { subscription, sockets, give, calls, deltas, ids } = await acquired(t);
  subscription.reload();
  assert.deepEqual(sockets.last.accept(), [cancel("t1")]);
  subscription.reload();
  assert.ok(calls[1].signal.aborted);
  await give("t2", 3);
  assert.deepEqual(sockets.last.take().map(([, ...call]) => call.slice(0, 2)), [acquire("t2")]);
  subscription.reload(); // while the answer is under way
  assert.deepEqual(sockets.last.sent, []);
  deltas(insert(66));
  await give("t3", 3);
  deltas(insert(4));
  assert.deepEqual(sockets.last.accept(), [acquire("t3")]);
  assert.deepEqual(ids(), [3, 4]);
});

test("stop cancels the subscription; nothing changes from there on", async (t) => {
  const { subscription, sockets, tick, deltas, ids, calls, states } = await acquired(t);
  const stopped = subscription.stop();
  deltas(insert(3));
  assert.equal(await outcome(stopped), "pending");
  assert.deepEqual(sockets.last.accept(), [cancel("t1")]);
  await stopped;
  await subscription.stop();
  subscription.reload();
  await assert.rejects(subscription.ready(), snorkyError("closed"));
  sockets.last.drop();
  tick(30_000);
  sockets.last.open();
  assert.deepEqual([sockets.last.sent, ids(), calls.length, states.at(-1)], [[], [1, 2], 1, "stopped"]);
});

test("stop while loading aborts the loader, and uses no token", async (t) => {
  const { subscription, sockets, give, calls, ids } = live(t);
  const ready = subscription.ready();
  await subscription.stop();
  await assert.rejects(ready, snorkyError("closed"));
  assert.ok(calls[0].signal.aborted);
  await give("t1", 1);
  assert.deepEqual([sockets.last.sent, ids()], [[], []]);
});

test("a loader that fails since it was aborted is no error", async (t) => {
  const { subscription, fail, seen, tick, calls } = live(t);
  subscription.stop();
  await fail(new Error("aborted"));
  tick(30_000);
  assert.deepEqual([seen("error"), calls.length], [[], 1]);
});

test("stop while the subscription is asked for cancels it once it is there", async (t) => {
  const { subscription, sockets, give } = live(t);
  await give("t1", 1);
  subscription.stop();
  assert.deepEqual(sockets.last.accept(), [acquire("t1")]);
  assert.deepEqual(sockets.last.accept(), [cancel("t1")]);
});

test("stop before the connection is there", async (t) => {
  const { subscription, sockets, give } = live(t, {}, setUp);
  await give("t1", 1);
  await subscription.stop();
  sockets.last.open();
  assert.deepEqual(sockets.last.accept(), [acquire("t1")]);
  assert.deepEqual(sockets.last.accept(), [cancel("t1")]);
});

test("stop between connections, and stop in a listener", async (t) => {
  const { snorky, subscription, sockets, tick, calls } = await acquired(t);
  const tasks = new ArrayCollection();
  const second = loader();
  const other = snorky.datasync().subscribe("Task", tasks, second.load);
  tasks.onChange(() => other.stop());
  await second.give("t2", 1);
  assert.deepEqual(sockets.last.sent, [], "stopped by the change that the data made");
  sockets.last.drop();
  await subscription.stop();
  tick(30_000);
  sockets.last.open();
  assert.deepEqual([sockets.last.sent, calls.length], [[], 1]);
});

test("stop by a change that the answer to acquire makes", async (t) => {
  const { sockets, give, deltas, subscription, tasks } = live(t);
  await give("t1", 1);
  deltas(insert(2));
  tasks.onChange(() => subscription.stop());
  sockets.last.accept();
  assert.equal(subscription.state, "stopped");
  assert.deepEqual(sockets.last.accept(), [cancel("t1")]);
});

test("a subscription whose end the server refuses says so", async (t) => {
  const { subscription, sockets } = await acquired(t);
  const stopped = subscription.stop();
  sockets.last.refuse("Internal error");
  await assert.rejects(stopped, snorkyError("refused", "Internal error"));
});

test("a subscription that is gone already, or lost with its connection, is stopped all the same", async (t) => {
  const first = await acquired(t);
  let stopped = first.subscription.stop();
  first.sockets.last.refuse("No such subscription");
  await stopped;
  const tasks = new ArrayCollection();
  const second = first.snorky.datasync().subscribe("Task", tasks, () => ({ token: "t2", data: [] }));
  await settle();
  first.sockets.last.accept();
  stopped = second.stop();
  first.sockets.last.drop();
  await stopped;
});

test("a closed client keeps the data, and loads anew when it connects again", async (t) => {
  const { snorky, sockets, subscription, calls, ids, tick } = await acquired(t);
  snorky.close();
  assert.equal(subscription.state, "waiting");
  tick(100_000);
  assert.deepEqual([calls.length, ids()], [1, [1, 2]]);
  snorky.connect();
  sockets.last.open();
  assert.equal(calls.length, 2);
});

test("subscribing on a closed client shows data and waits", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  snorky.close();
  const tasks = new ArrayCollection();
  const live = snorky.datasync().subscribe("Task", tasks, () => ({ token: "t", data: [{ id: 1 }] }));
  await settle();
  assert.deepEqual([tasks.size, live.state], [1, "waiting"]);
  snorky.connect();
  sockets.last.open();
  await settle();
  assert.deepEqual(sockets.last.accept(), [acquire("t")]);
});

test("several models in one subscription", async (t) => {
  const { snorky, sockets } = setUpOpen(t);
  const [tasks, notes] = [new ArrayCollection(), new ArrayCollection()];
  const processor = new CollectionDeltaProcessor({ Task: tasks, Note: notes });
  const data = { Task: [{ id: 1 }], Note: [{ id: 2 }] };
  const live = snorky.datasync().subscribe(processor, () => ({ token: "t", data }));
  await settle();
  sockets.last.packet("datasync", delta(insert(3, "Note")));
  sockets.last.accept();
  await live.ready();
  assert.deepEqual([tasks.size, notes.size], [1, 2]);
  sockets.last.packet("datasync", delta(insert(4, "Task")));
  assert.deepEqual([tasks.size, notes.size], [2, 2]);
});

test("a target that throws keeps no delta from the others", async (t) => {
  const errors = reported(t);
  const { snorky, sockets } = setUpOpen(t);
  const tasks = new ArrayCollection();
  const bad = {
    reset() {},
    apply() {
      throw new Error("target");
    },
  };
  for (const target of [bad, tasks]) {
    snorky.datasync().subscribe(target, () => ({ token: "t", data: [] }));
  }
  await settle();
  sockets.last.accept();
  sockets.last.packet("datasync", delta(insert(1)));
  assert.deepEqual([tasks.size, errors], [1, ["target"]]);
});

/** Replaces fetch; `answer` gets the request and returns a response. */
function fakeFetch(t, answer) {
  t.mock.method(globalThis, "fetch", async (input, init) => answer(new Request(input, init)));
}

const json = (body, headers = {}, status = 200) => new Response(JSON.stringify(body), { status, headers });

test("an address is fetched with the headers of the convention", async (t) => {
  const requests = [];
  fakeFetch(t, (request) => {
    requests.push(request);
    return json([{ id: 1 }], { "X-Subscription-Token": "t1" });
  });
  const { snorky, sockets } = setUpOpen(t);
  for (const address of ["https://app.test/tasks", new URL("https://app.test/tasks")]) {
    const tasks = new ArrayCollection();
    const live = snorky.datasync().subscribe("Task", tasks, address);
    await settle();
    assert.deepEqual([sockets.last.accept(), tasks.snapshot], [[acquire("t1")], [{ id: 1 }]]);
    const request = requests.pop();
    assert.deepEqual(
      [request.url, request.method, request.headers.get("X-Snorky"), request.headers.get("Accept")],
      ["https://app.test/tasks", "GET", "Subscribe", "application/json"],
    );
    live.reload();
    await live.stop();
    assert.ok(requests.pop().signal.aborted);
    sockets.last.take();
  }
});

test("fetchSubscription: own settings stay, the token may be in the body", async (t) => {
  let seen;
  fakeFetch(t, (request) => {
    seen = request;
    return json({ token: "t2", data: { id: 1 } });
  });
  const init = { method: "POST", body: "{}", headers: { Authorization: "Bearer x", Accept: "text/x" } };
  assert.deepEqual(await fetchSubscription("https://app.test/q", init), { token: "t2", data: { id: 1 } });
  assert.equal(seen.method, "POST");
  assert.deepEqual(
    ["Authorization", "Accept", "X-Snorky"].map((name) => seen.headers.get(name)),
    ["Bearer x", "text/x", "Subscribe"],
  );
  await fetchSubscription(new Request("https://app.test/q", { headers: { Authorization: "Bearer y" } }));
  assert.deepEqual([seen.headers.get("Authorization"), seen.headers.get("X-Snorky")], ["Bearer y", "Subscribe"]);
});

const badAnswers = [
  ["a status that is no success", () => json({}, { "X-Subscription-Token": "t" }, 403), /answered 403/],
  ["no token", () => json([]), /without a subscription token/],
  ["a token that is no text", () => json({ token: 1, data: [] }), /without a subscription token/],
  ["no JSON", () => new Response("<html>", { headers: { "X-Subscription-Token": "t" } }), SyntaxError],
];

for (const [title, answer, expected] of badAnswers) {
  test(`fetchSubscription rejects ${title}`, async (t) => {
    fakeFetch(t, answer);
    await assert.rejects(fetchSubscription("https://app.test/q"), expected);
  });
}
