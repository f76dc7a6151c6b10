import { Chat } from "./chat.js";
import type { State } from "./connection.js";
import { Core, type SnorkyEvents } from "./core.js";
import { Cursors } from "./cursors.js";
import { DataSync } from "./datasync/datasync.js";
import { type Stop, until } from "./emitter.js";
import { SnorkyError } from "./errors.js";
import { Messaging } from "./messaging.js";
import { address, settings, type SnorkyOptions } from "./options.js";
import { PubSub } from "./pubsub.js";
import { Service } from "./service.js";
import { Session, type SessionOptions } from "./session.js";

/** A client of a Snorky server: one connection, made anew whenever it ends, and the services behind it. */
export class Snorky {
  /** The class of the errors, for those who have the script tag. */
  static readonly Error = SnorkyError;

  #core: Core;
  #services = new Map<string, Service>();
  #pubsubs = new Map<string, PubSub>();
  #chats = new Map<string, Chat>();
  #cursors = new Map<string, Cursors>();
  #datasyncs = new Map<string, DataSync>();
  #messagings = new Map<string, Messaging>();
  #sessions = new Map<string, Session>();

  /**
   * Begins to connect at once. The default address is `/ws` on the host of the page; a relative one starts from the
   * page, and `http` or `https` stand for `ws` or `wss`. Throws if the address is bad or there is no WebSocket class.
   */
  constructor(url: string | URL = "/ws", options: SnorkyOptions = {}) {
    this.#core = new Core(address(url), settings(options));
  }

  /** What the connection is doing. */
  get state(): State {
    return this.#core.connection.state;
  }

  /** A service by its name. Contents of services that were never asked for are ignored. */
  service(name: string): Service {
    return once(this.#services, name, () => new Service(this.#core, name));
  }

  /** A PubSub service by its name. */
  pubsub(name: string): PubSub {
    return once(this.#pubsubs, name, () => new PubSub(this.#core, this.service(name)));
  }

  /** A chat service by its name. */
  chat(name = "chat"): Chat {
    return once(this.#chats, name, () => new Chat(this.#core, this.service(name)));
  }

  /** A service of documents with cursors by its name. */
  cursors(name = "cursors"): Cursors {
    return once(this.#cursors, name, () => new Cursors(this.#core, this.service(name)));
  }

  /** A messaging service by its name. */
  messaging(name = "messaging"): Messaging {
    return once(this.#messagings, name, () => new Messaging(this.#core, this.service(name)));
  }

  /** A session service by its name. A token provider replaces the one given before. */
  session(name = "session", { token }: SessionOptions = {}): Session {
    const session = once(this.#sessions, name, () => new Session(this.#core, this.service(name)));
    if (token) {
      session.provide(token);
    }
    return session;
  }

  /** A DataSync service by its name. */
  datasync(name = "datasync"): DataSync {
    return once(this.#datasyncs, name, () => new DataSync(this.#core, this.service(name)));
  }

  /** Adds a listener, and returns what takes it away. */
  on<K extends keyof SnorkyEvents>(event: K, listener: (...args: SnorkyEvents[K]) => void): Stop {
    return this.#core.events.on(event, listener);
  }

  /** Resolves when the connection is open, at once if it is. Rejects when the client is closed. */
  ready(): Promise<void> {
    return until(
      (listener) => this.on("state", listener),
      () => (this.state === "closed" ? this.#core.closed() : this.state === "open"),
    );
  }

  /** Connects now instead of waiting, also after the client was closed. Subscriptions are renewed. */
  connect(): void {
    this.#core.connect();
  }

  /** Ends the connection and all calls. Subscriptions stay known in case `connect` is called. */
  close(): void {
    this.#core.connection.close();
  }
}

function once<T>(all: Map<string, T>, name: string, make: () => T): T {
  let one = all.get(name);
  if (!one) {
    all.set(name, (one = make()));
  }
  return one;
}
