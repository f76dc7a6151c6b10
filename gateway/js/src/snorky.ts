import type { State } from "./connection.js";
import { Core, type SnorkyEvents } from "./core.js";
import { DataSync } from "./datasync/datasync.js";
import type { Stop } from "./emitter.js";
import { SnorkyError } from "./errors.js";
import { address, settings, type SnorkyOptions } from "./options.js";
import { PubSub } from "./pubsub.js";
import { Service } from "./service.js";

/** A client of a Snorky server: one connection, made anew whenever it ends, and the services behind it. */
export class Snorky {
  /** The class of the errors, for those who have the script tag. */
  static readonly Error = SnorkyError;

  #core: Core;
  #services = new Map<string, Service>();
  #pubsubs = new Map<string, PubSub>();
  #datasyncs = new Map<string, DataSync>();

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
    return new Promise((resolve, reject) => {
      let stop: Stop | undefined;
      const look = () => {
        if (this.state === "open") {
          resolve();
        } else if (this.state === "closed") {
          reject(this.#core.closed());
        } else {
          stop ??= this.on("state", look);
          return;
        }
        stop?.();
      };
      look();
    });
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
