import type { Core } from "./core.js";
import { serve } from "./emitter.js";
import type { Json } from "./json.js";
import { Membership, Memberships, type Terms } from "./membership.js";
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

const terms: Terms = {
  enter: "subscribe",
  leave: "unsubscribe",
  subject: "channel",
  already: "Already subscribed",
  not: "Not subscribed",
};

/** A PubSub service (PROTOCOL.md section 6.4). Made by `snorky.pubsub(name)`. */
export class PubSub {
  /** The service behind, for commands beyond those of PubSub. */
  readonly service: Service;

  #channels: Memberships<Membership<Entry>>;

  /** @internal */
  constructor(core: Core, service: Service) {
    this.service = service;
    this.#channels = new Memberships(core, (name, forget) => new Membership(core, service, terms, name, forget));
    service.on("notification", (notification) => this.#receive(notification));
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
    const channel = this.#channels.get(name);
    const entry = { handle: handler as Handler };
    await channel.enter(entry);
    let ended: Promise<void> | undefined;
    return { channel: name, unsubscribe: () => (ended ??= channel.leave(entry)) };
  }

  /**
   * Publishes a message in a channel; no subscription is needed. Resolves when the server has accepted it, and rejects
   * as `Service.call` does.
   */
  async publish(channel: Json, message: unknown, options?: CallOptions): Promise<void> {
    await this.service.call("publish", { channel, message }, options);
  }

  #receive({ type, channel, message }: Notification): void {
    const handlers = type === "message" ? this.#channels.find(channel)?.users : undefined;
    if (handlers) {
      serve(handlers, ({ handle }) => handle(message, channel as Json));
    }
  }
}
