import type { Core } from "./core.js";
import { Emitter, type Stop } from "./emitter.js";
import { SnorkyError } from "./errors.js";
import type { Json } from "./json.js";
import { Membership, Memberships, type Terms } from "./membership.js";
import type { CallOptions, Notification, Service } from "./service.js";

/** A message to one of this client's names. */
export interface DirectMessage<B = any> {
  readonly sender: Json;
  /** The name it was sent to. */
  readonly dest: Json;
  readonly body: B;
}

/** The events of a messaging service, with what their listeners get. */
export type MessagingEvents = {
  message: [message: DirectMessage];
};

const taken = "Name already registered";
const terms: Terms = {
  enter: "registerParticipant",
  leave: "unregisterParticipant",
  subject: "name",
  not: "Unknown participant",
  passing: taken,
};

/** A messaging service (PROTOCOL.md section 6.5). Made by `snorky.messaging(name)`. */
export class Messaging {
  /** The service behind. */
  readonly service: Service;

  #events = new Emitter<MessagingEvents>();
  #names: Memberships<Membership<Messaging>>;

  /** @internal */
  constructor(core: Core, service: Service) {
    this.service = service;
    this.#names = new Memberships(core, (name, forget) => new Membership(core, service, terms, name, forget));
    service.on("notification", (notification) => this.#receive(notification));
  }

  /** The name of the service. */
  get name(): string {
    return this.service.name;
  }

  /** Adds a listener, and returns what takes it away. */
  on<K extends keyof MessagingEvents>(event: K, listener: (...args: MessagingEvents[K]) => void): Stop {
    return this.#events.on(event, listener);
  }

  /**
   * Registers a name: messages to it come as events. Resolves when the server has confirmed; the name is registered
   * again on each new connection, and tried again for as long as the server has not noticed that the one before is
   * gone. Rejects with a SnorkyError if the server refuses or does not answer in time.
   */
  async register(name: Json): Promise<void> {
    if (this.#names.find(name)) {
      const error = new SnorkyError(taken, "refused", this.name, terms.enter);
      error.channel = name;
      throw error;
    }
    await this.#names.get(name).enter(this);
  }

  /** Gives a name back. Resolves when the server has confirmed; at once if this client does not have it. */
  async unregister(name: Json): Promise<void> {
    await this.#names.find(name)?.leave(this);
  }

  /** All names that are registered, by whomever. Rejects as `Service.call` does. */
  list(options?: CallOptions): Promise<Json[]> {
    return this.service.call("listParticipants", {}, options);
  }

  /** Sends a message from an own name to any name. Rejects as `Service.call` does. */
  async send(sender: Json, dest: Json, body: unknown, options?: CallOptions): Promise<void> {
    await this.service.call("send", { sender, dest, body }, options);
  }

  #receive({ type, sender, dest, body }: Notification): void {
    if (type === "message") {
      this.#events.emit("message", { sender: sender as Json, dest: dest as Json, body });
    }
  }
}
