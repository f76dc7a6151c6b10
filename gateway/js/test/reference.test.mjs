// The connectors against the reference application, built from this repository.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { ArrayCollection, CollectionDeltaProcessor, Snorky } from "../dist/snorky.mjs";
import { snorkyError } from "./fake.mjs";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "snorky-js-"));
const program = join(scratch, "reference");

/** A port that nobody listens on. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** The reference application as a process, and its backend as a web application sees it. */
class Reference {
  #process;

  async start() {
    this.front ??= await freePort();
    this.back ??= await freePort();
    const doors = ["-frontend", `127.0.0.1:${this.front}`, "-backend", `127.0.0.1:${this.back}`];
    this.#process = spawn(program, doors, { stdio: ["ignore", "ignore", "inherit"], env: {} });
    return this;
  }

  async stop(signal = "SIGKILL") {
    const ended = once(this.#process, "exit");
    this.#process.kill(signal);
    await ended;
  }

  async call(service, command, params) {
    const response = await fetch(`http://127.0.0.1:${this.back}/backend`, {
      method: "POST",
      headers: { "X-Backend-Key": "swordfish" },
      body: JSON.stringify({ service, message: { command, params } }),
    });
    const { message } = await response.json();
    assert.equal(message.type, "response", message.message);
    return message.data;
  }

  authorize(...items) {
    return this.call("datasync_backend", "authorizeSubscription", { items });
  }

  publish(...deltas) {
    return this.call("datasync_backend", "publishDeltas", { deltas });
  }
}

let reference;
let clients = [];

before(async () => {
  const build = spawnSync("go", ["build", "-o", program, "./examples/reference"], {
    cwd: repository,
    encoding: "utf8",
  });
  assert.equal(build.status, 0, `${build.error ?? ""}${build.stderr}`);
  reference = await new Reference().start();
});

afterEach(() => {
  clients.splice(0).forEach((snorky) => snorky.close());
});

after(async () => {
  await reference?.stop("SIGTERM");
  rmSync(scratch, { recursive: true });
});

/** A client, with the identity that is given, if any. It tries until the server is there. */
function connect(name) {
  const url = `ws://127.0.0.1:${reference.front}/ws`;
  const snorky = new Snorky(url, { WebSocket, backoffBase: 20, backoffCap: 50 });
  clients.push(snorky);
  if (name !== undefined) {
    snorky.on("open", () => snorky.service("auth").call("login", { name }));
  }
  return snorky;
}

/** Resolves as soon as `pass` holds after an event of the source; `on` adds the listener. */
function until(on, pass) {
  return new Promise((resolve) => {
    let stop;
    const look = () => {
      if (pass()) {
        stop?.();
        resolve();
      }
    };
    stop = on(look);
    look();
  });
}

/** Ends all connections, as a crash would. Resolves when all clients are back. */
async function crash() {
  const back = clients.map((snorky) => new Promise((resolve) => snorky.on("open", resolve)));
  await reference.stop();
  await reference.start();
  await Promise.all(back);
}

const task = (id, owner = "ann") => ({ id, owner });
const insert = (data, model = "Task") => ({ type: "insert", model, data });

test("datasync: load, follow, survive a crash", async () => {
  const table = new Map([[1, task(1)]]);
  const save = async (row) => {
    table.set(row.id, row);
    await reference.publish(insert(row));
  };
  let loads = 0;
  const load = async () => {
    loads++;
    const token = await reference.authorize({ dealer: "AllTasks", query: null });
    await save(task(10 * loads)); // between both: it is in the data and comes as a delta too
    return { token, data: [...table.values()] };
  };
  const tasks = new ArrayCollection();
  const ids = () => tasks.snapshot.map(({ id }) => id);
  const live = connect().datasync().subscribe("Task", tasks, load);
  await live.ready();
  assert.deepEqual(ids(), [1, 10]);

  await save(task(2));
  await until((f) => tasks.onChange(f), () => tasks.size === 3);
  const renamed = { ...task(2), title: "renamed" };
  await reference.publish(
    { type: "update", model: "Task", oldData: task(2), newData: renamed },
    { type: "delete", model: "Task", data: task(1) },
  );
  await until((f) => tasks.onChange(f), () => tasks.size === 2);
  assert.deepEqual(tasks.snapshot, [task(10), renamed]);

  await crash();
  await until((f) => live.on("state", f), () => live.state === "live" && loads === 2);
  assert.deepEqual(ids(), [1, 10, 2, 20]);

  await live.stop();
  await reference.publish(insert(task(99)));
  await assert.rejects(live.ready(), snorkyError("closed"));
  assert.equal(tasks.size, 4);
});

test("datasync: models apart, and two subscriptions of one model", async () => {
  const snorky = connect();
  const of = (owner) => new ArrayCollection({ where: (task) => task.owner === owner });
  const [ann, bob, notes] = [of("ann"), of("bob"), new ArrayCollection()];
  const both = async () => ({
    token: await reference.authorize(
      { dealer: "TasksByOwner", query: "ann" },
      { dealer: "AllNotes", query: null },
    ),
    data: { Task: { ann: [task(1)], bob: [task(2, "bob")] }, Note: [] },
  });
  const one = snorky.datasync().subscribe(new CollectionDeltaProcessor({ Task: { ann, bob }, Note: notes }), both);
  const two = snorky.datasync().subscribe("Task", bob, async () => ({
    token: await reference.authorize({ dealer: "TasksByOwner", query: "bob" }),
    data: [task(2, "bob")],
  }));
  await Promise.all([one.ready(), two.ready()]);
  await reference.publish(
    { type: "update", model: "Task", oldData: task(1), newData: task(1, "bob") },
    insert({ id: 1 }, "Note"),
  );
  await until((f) => notes.onChange(f), () => notes.size === 1);
  assert.deepEqual([ann.snapshot, bob.snapshot], [[], [task(2, "bob"), task(1, "bob")]]);
});

test("datasync: a token that nobody knows is replaced", async () => {
  const tokens = ["unknown", await reference.authorize({ dealer: "AllTasks", query: null })];
  const load = () => ({ token: tokens.shift(), data: [] });
  await connect().datasync().subscribe("Task", new ArrayCollection(), load).ready();
  assert.deepEqual(tokens, []);
});

test("chat: talk, presence, read marks, and a crash", async () => {
  const [ann, bob] = [connect("ann"), connect("bob")];
  await assert.rejects(connect().chat().join("room"), snorkyError("refused", "Not authenticated"));
  const got = [];
  const first = await ann.chat().join("room", { message: ({ from, body }) => got.push([from, body]) });
  assert.deepEqual(first.members, ["ann"]);
  const second = await bob.chat().join("room");
  await until((f) => first.on("members", f), () => first.members.length === 2);
  await second.send({ text: "hi" });
  await first.send("hello");
  assert.deepEqual(got, [["bob", { text: "hi" }], ["ann", "hello"]]);

  const other = await connect("ann").chat().join("room");
  const read = new Promise((resolve) => other.on("read", resolve));
  await first.read();
  assert.ok(Date.parse((await read).timestamp) > 0);

  const before = new Map([first, second].map((room) => [room, room.members]));
  await crash();
  for (const [room, members] of before) {
    await until((f) => room.on("members", f), () => room.members !== members && room.members.length === 2);
  }
  await second.send("back");
  await first.send("again");
  assert.deepEqual(got.slice(2), [["bob", "back"], ["ann", "again"]]);
  await second.leave();
  await until((f) => first.on("members", f), () => first.members.length === 1);
  assert.deepEqual(first.members, ["ann"]);
});

test("cursors: make, move, remove, and a crash", async () => {
  const [ann, bob] = [connect("ann"), connect("bob")];
  const [mine, theirs] = await Promise.all([ann.cursors().join("text"), bob.cursors().join("text")]);
  const own = await mine.create({ position: 0, status: "typing" });
  const shown = (pass) => theirs.cursors.length === 1 && pass(theirs.cursors[0]);
  const shows = (pass) => until((f) => theirs.on("cursors", f), () => shown(pass));
  await shows(() => true);
  assert.deepEqual(theirs.cursors, [
    { publicHandle: own.publicHandle, document: "text", position: 0, status: "typing", owner: "ann" },
  ]);
  for (let x = 1; x <= 500; x++) {
    own.update({ position: x });
  }
  await shows(({ position }) => position === 500);
  assert.deepEqual(mine.cursors, []);

  const before = theirs.cursors;
  await crash();
  own.update({ position: 501 });
  await shows((cursor) => cursor.position === 501 && theirs.cursors !== before);
  await own.remove();
  await until((f) => theirs.on("cursors", f), () => theirs.cursors.length === 0);
  const again = await mine.create({ position: 1, status: null });
  assert.equal(typeof again.publicHandle, "number");
  await shows(() => true);
  await mine.leave();
  await until((f) => theirs.on("cursors", f), () => theirs.cursors.length === 0);
});

test("messaging: names, messages, and a crash", async () => {
  const [ann, bob] = [connect().messaging(), connect().messaging()];
  const got = [];
  ann.on("message", (message) => got.push(message));
  await ann.register("ann");
  await ann.register({ robot: 1 });
  await bob.register("bob");
  await assert.rejects(bob.register("ann"), snorkyError("refused", "Name already registered"));
  await assert.rejects(bob.register("!"), snorkyError("refused", "Name not allowed"));
  assert.deepEqual(await bob.list(), ["ann", "bob", { robot: 1 }]);
  const arrived = (n) => until((f) => ann.on("message", f), () => got.length === n);
  await bob.send("bob", "ann", [1]);
  await arrived(1);
  await ann.unregister({ robot: 1 });
  await crash();
  while ((await bob.list()).length < 2);
  await bob.send("bob", "ann", 2);
  await arrived(2);
  assert.deepEqual(got, [
    { sender: "bob", dest: "ann", body: [1] },
    { sender: "bob", dest: "ann", body: 2 },
  ]);
});

test("pubsub: subscriptions survive a crash", async () => {
  const snorky = connect();
  let told;
  const message = new Promise((resolve) => (told = resolve));
  await snorky.pubsub("announcements").subscribe("news", told);
  await crash();
  // What is answered after the renewal.
  assert.equal(await snorky.service("calculator").call("sum", { number1: 1, number2: 2 }), 3);
  await reference.call("announcements_backend", "publish", { channel: "news", message: "up" });
  assert.equal(await message, "up");
});
