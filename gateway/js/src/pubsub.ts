import type { Core } from "./core.js";
import { serve } from "./emitter.js";
import { SnorkyError } from "./errors.js";
import { canonical, type Json } from "./json.js";
import type { CallOptions, Notification, Service } from "./service.js";

/** Gets the messages of a channel, with the channel as the publisher wrote it. */
export type Handler<M = unknown> = (message: M, channel: Json) => void;

/** One handler of one channel. */
export interface Subscription {
  /** The channel as it was given to `subscribe`. */
  readonly channel: Json;
  /**
   * Ends the subscription: the handler is not called any more from now on. With the last handler of a channel the
   * server is told; the promise resolves when it has confirmed. May be called again.
   */
  unsubscribe(): Promise<void>;
}

/** A handler, distinct also if one function is subscribed twice. */
interface Entry {
  readonly handle: Handler;
}

/** A call of `subscribe` that waits for the server to confirm. */
interface Waiter {
  readonly entry: Entry;
  resolve(): void;
  reject(error: SnorkyError): void;
}

/**
 * A channel with at least one handler, which is one subscription at the server, whatever their number. Connections are
 * numbered by how many ended before them.
 */
interface Channel {
  readonly key: string;
  readonly name: Json;
  readonly handlers: Set<Entry>;
  waiters: Waiter[];
  /** A request is under way, or queued if it is the first of the channel. */
  asked: boolean;
  /** The connection on which the server may hold the subscription, whether or not it has confirmed. */
  held?: number;
  /** The connection on which the server has confirmed the subscription. */
  confirmed?: number;
}

/** A PubSub service (PROTOCOL.md section 6.4). Made by `snorky.pubsub(name)`. */
export class PubSub {
  /** The service behind, for commands beyond those of PubSub. */
  readonly service: Service;

  #core: Core;
  #channels = new Map<string, Channel>();

  /** @internal */
  constructor(core: Core, service: Service) {
    this.service = service;
    this.#core = core;
    service.on("notification", (notification) => this.#receive(notification));
    core.renewals.push(() => this.#renew());
  }

  /** The name of the service. */
  get name(): string {
    return this.service.name;
  }

  /**
   * Calls the handler for each message of a channel, until it is unsubscribed. Resolves when the server has confirmed
   * the subscription, which is renewed on each new connection; while there is none, it waits. Rejects with a
   * SnorkyError if the server refuses or does not answer in time, and then the handler is gone.
   */
  async subscribe<M = unknown>(name: Json, handler: Handler<M>): Promise<Subscription> {
    const key = canonical(name);
    const known = this.#channels.get(key);
    const channel: Channel = known ?? { key, name, handlers: new Set(), waiters: [], asked: false };
    this.#channels.set(key, channel);
    const entry = { handle: handler as Handler };
    channel.handlers.add(entry);

    const { connection } = this.#core;
    if (channel.confirmed !== connection.ended) {
      await new Promise<void>((resolve, reject) => {
        channel.waiters.push({ entry, resolve, reject });
        // The next connection renews what was subscribed before; a new channel takes its place among queued calls.
        if (!channel.asked && (!known || connection.writable || connection.state === "closed")) {
          this.#ask(channel, false);
        }
      });
    }
    let ended: Promise<void> | undefined;
    return { channel: name, unsubscribe: () => (ended ??= this.#leave(channel, entry)) };
  }

  /**
   * Publishes a message in a channel; no subscription is needed. Resolves when the server has accepted it, and rejects
   * as `Service.call` does.
   */
  async publish(channel: Json, message: unknown, options?: CallOptions): Promise<void> {
    await this.service.call("publish", { channel, message }, options);
  }

  #receive({ type, channel, message }: Notification): void {
    if (type === "message" && channel !== undefined) {
      const handlers = this.#channels.get(canonical(channel))?.handlers;
      if (handlers) {
        serve(handlers, ({ handle }) => handle(message, channel as Json));
      }
    }
  }

  #renew(): void {
    for (const channel of this.#channels.values()) {
      if (!channel.asked) {
        this.#ask(channel, true);
      }
    }
  }

  /** Asks the server for the subscription. */
  #ask(channel: Channel, renewal: boolean): void {
    channel.asked = true;
    this.#core.request({
      service: this.name,
      command: "subscribe",
      params: { channel: channel.name },
      timeout: this.#core.settings.callTimeout,
      patient: true,
      unlimited: renewal,
      done: (error) => {
        channel.asked = false;
        this.#answered(channel, renewal, error);
      },
    });
  }

  #answered(channel: Channel, renewal: boolean, error?: SnorkyError): void {
    if (error?.code === "lost") {
      return; // whoever waits goes on waiting, for the next connection renews
    }
    const { waiters } = channel;
    const { ended } = this.#core.connection;
    channel.waiters = [];
    if (!error || error.message === "Already subscribed") {
      channel.held = channel.confirmed = ended;
      waiters.forEach((waiter) => waiter.resolve());
      return;
    }
    if (error.code === "timeout") {
      channel.held = ended;
    }
    error.channel = channel.name;
    for (const { entry, reject } of waiters) {
      channel.handlers.delete(entry);
      reject(error);
    }
    if (!channel.handlers.size) {
      this.#drop(channel).catch(() => {}); // nobody asked for it; at worst, messages come that nobody gets
    } else if (renewal && error.code !== "closed") {
      this.#core.fail(error);
    }
  }

  async #leave(channel: Channel, entry: Entry): Promise<void> {
    channel.handlers.delete(entry);
    if (!channel.handlers.size) {
      await this.#drop(channel);
    }
  }

  /** Forgets a channel without handlers, and tells the server if it may hold the subscription. */
  async #drop(channel: Channel): Promise<void> {
    const { key, name, asked, held } = channel;
    const { connection } = this.#core;
    if (this.#channels.get(key) !== channel) {
      return; // forgotten before; another of the same name may have come since
    }
    this.#channels.delete(key);
    // Requests take effect in the order sent, so that one under way needs not be waited for.
    if (connection.writable && (asked || held === connection.ended)) {
      try {
        await this.service.call("unsubscribe", { channel: name });
      } catch (error) {
        // With its connection a subscription has ended just as well.
        const { code, message } = error as SnorkyError;
        if (code !== "lost" && code !== "closed" && message !== "Not subscribed") {
          throw error;
        }
      }
    }
  }
}
