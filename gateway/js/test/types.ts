// Not run: compiled by `npm run check` against the built types, as a user's program would be.
import Default, {
  ArrayCollection,
  CollectionDeltaProcessor,
  type Delta,
  fetchSubscription,
  type Json,
  MapCollection,
  type OwnCursor,
  type Room,
  SingleItemCollection,
  Snorky,
  SnorkyError,
  type State,
  type Subscription,
} from "../dist/snorky.mjs";

interface News {
  text: string;
}

export async function program(): Promise<void> {
  new Snorky();
  new Default("/live", { WebSocket });
  const snorky = new Snorky(new URL("wss://snorky.test/ws"), { WebSocket, backoffCap: 1000 });
  const state: State = snorky.state;

  const news = snorky.pubsub("announcements");
  const subscription: Subscription = await news.subscribe<News>("news", ({ text }, channel: Json) => [text, channel]);
  await news.subscribe({ room: [1, null] }, (message) => {
    // @ts-expect-error a message is unknown unless its type is given
    message.text;
  });
  await news.publish("news", { text: state } satisfies News);
  await subscription.unsubscribe();

  const calc = snorky.service("calculator");
  const sum: number = await calc.call<number>("sum", { number1: 1, number2: 2 }, { timeout: sum0() });
  const stop = calc.on("notification", ({ type }) => type.toUpperCase());
  stop();
  snorky.service("echo").send(sum);

  snorky.on("close", ({ code, reason, final }) => (final ? reason : code.toFixed()));
  snorky.on("reconnecting", ({ attempt, delay }) => attempt + delay);
  snorky.on("error", (error) => {
    if (error instanceof SnorkyError && error.code === "refused") {
      error.channel satisfies Json | undefined;
    }
  });

  // @ts-expect-error no such event
  snorky.on("opened", () => {});
  // @ts-expect-error a channel is a JSON value
  await news.subscribe(undefined, () => {});
  // @ts-expect-error no such option
  new Snorky("/ws", { retries: 3 });
  // @ts-expect-error the state is the client's own business
  snorky.state = "open";
}

interface Task {
  id: number;
  title: string;
}

export async function datasync(snorky: Snorky): Promise<void> {
  const sync = snorky.datasync();
  sync.on("delta", (delta: Delta<Task, "Task">) => {
    if (delta.type === "update") {
      delta.newData.title satisfies string;
      // @ts-expect-error an update has no data
      delta.data;
    } else {
      delta.data.id satisfies number;
    }
  });
  await sync.acquire("token");
  await sync.cancel("token", { timeout: 0 });

  const tasks = new ArrayCollection<Task>({ sort: (a, b) => a.id - b.id, where: ({ title }) => title !== "" });
  const list: readonly Task[] = tasks.snapshot;
  // @ts-expect-error snapshots are not for changing
  tasks.snapshot.push(...list);
  const titles = new MapCollection<Task, number, string>({ id: ({ id }) => id, transform: ({ title }) => title });
  titles.onChange((snapshot: ReadonlyMap<number, string>) => snapshot.get(1));
  const user = new SingleItemCollection<{ name: string }>();
  user.snapshot?.name;

  const live = sync.subscribe("Task", tasks, "/tasks");
  await live.ready();
  live.on("state", (state) => state === "live");
  live.on("error", (error: SnorkyError) => error.cause);
  live.reload();
  await live.stop();
  sync.subscribe("Task", tasks, (signal) => fetchSubscription<Task[]>("/tasks", { signal }), { timeout: 1000 });
  sync.subscribe("User", user, async () => ({ token: "t", data: null }));
  // @ts-expect-error these are no tasks
  sync.subscribe("Task", tasks, async () => ({ token: "t", data: [{ id: 1 }] }));

  const processor = new CollectionDeltaProcessor({ Task: { tasks, titles }, User: user });
  sync.subscribe(processor, async () => ({ token: "t", data: { Task: list, User: { name: "ann" } } }));
  sync.subscribe(processor, async () => ({ token: "t", data: { Task: { titles: list } } }));
  // @ts-expect-error no such model
  sync.subscribe(processor, async () => ({ token: "t", data: { Note: [] } }));
}

export async function services(snorky: Snorky): Promise<void> {
  const room: Room<{ text: string }> = await snorky.chat().join<{ text: string }>("lobby", {
    message: ({ from, body, timestamp }) => [from, body.text.length, timestamp.length],
    members: (members: readonly Json[]) => members.length,
    presence: ({ status }) => status satisfies "joined" | "left",
  });
  await room.send({ text: "hi" });
  // @ts-expect-error not what is sent in this room
  await room.send("hi");
  await room.read();
  await room.leave();

  const document = await snorky.cursors("cursors").join<{ x: number }, string>({ page: 1 });
  document.on("cursors", ([first]) => first?.position.x.toFixed());
  const own: OwnCursor<{ x: number }, string> = await document.create({ position: { x: 1 }, status: "idle" });
  own.update({ position: { x: 2 } });
  // @ts-expect-error no such member
  own.update({ colour: "red" });
  await own.remove();
  await document.leave();

  const messaging = snorky.messaging();
  messaging.on("message", ({ sender, dest, body }) => [sender, dest, body]);
  await messaging.register("ann");
  const names: Json[] = await messaging.list();
  await messaging.send("ann", names[0] ?? null, { any: ["JSON"] });
  await messaging.unregister("ann");

  const session = snorky.session("session", { token: () => "token" });
  const { identity, expiresIn } = await session.authenticate("token");
  session.on("authenticated", (now) => now.identity === identity && now.expiresIn === expiresIn);
  session.on("expiring", ({ expiresIn }) => expiresIn.toFixed());
  new Snorky("/ws", { token: "text" });
  new Snorky("/ws", { token: async () => null });
  // @ts-expect-error a token is a text
  new Snorky("/ws", { token: () => 5 });
}

declare function sum0(): number;
