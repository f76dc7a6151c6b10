// Not run: compiled by `npm run check` against the built types, as a user's program would be.
import Default, { type Json, Snorky, SnorkyError, type State, type Subscription } from "../dist/snorky.mjs";

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

declare function sum0(): number;
