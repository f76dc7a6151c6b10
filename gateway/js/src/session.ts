import { delay } from "./backoff.js";
import type { Core } from "./core.js";
import { Emitter, type Stop } from "./emitter.js";
import { SnorkyError } from "./errors.js";
import type { Json } from "./json.js";
import type { TokenProvider } from "./options.js";
import type { CallOptions, Notification, Service } from "./service.js";

/** Who the server takes this client for. */
export interface Identity {
  readonly identity: Json;
  /** For how long, in seconds from the answer; null: as long as the connection lasts. */
  readonly expiresIn: number | null;
}

/** The events of a session, with what their listeners get. */
export type SessionEvents = {
  /** The server has accepted a token. */
  authenticated: [identity: Identity];
  /** The identity ends soon, and the connection with it. A token provider, if there is one, is called by itself. */
  expiring: [end: { readonly expiresIn: number }];
};

/** Settings of a session. */
export interface SessionOptions {
  /**
   * Called on each new connection, before anything is sent, and again when the identity is about to expire. If it
   * fails, so has the attempt to connect.
   */
  token?: TokenProvider;
}

/** A service that gives the connection an identity in exchange for a token. Made by `snorky.session(name)`. */
export class Session {
  /** The service behind. */
  readonly service: Service;

  #core: Core;
  #events = new Emitter<SessionEvents>();
  #provider: TokenProvider | undefined;
  /** Checks in a row that the server was not able to make, and the next attempt. */
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #present: { readonly on: number; readonly identity: Identity } | undefined;

  /** @internal */
  constructor(core: Core, service: Service) {
    this.service = service;
    this.#core = core;
    service.on("notification", (notification) => this.#receive(notification));
  }

  /** The name of the service. */
  get name(): string {
    return this.service.name;
  }

  /** Who the server takes the client for on the present connection; undefined before it has said so. */
  get identity(): Json | undefined {
    return this.#present?.on === this.#core.connection.ended ? this.#present.identity.identity : undefined;
  }

  /** Adds a listener, and returns what takes it away. */
  on<K extends keyof SessionEvents>(event: K, listener: (...args: SessionEvents[K]) => void): Stop {
    return this.#events.on(event, listener);
  }

  /**
   * Gives the server a token for the present connection; the next one needs it anew, which a token provider does by
   * itself. Rejects as `Service.call` does.
   */
  authenticate(token: string, { timeout = this.#core.settings.callTimeout }: CallOptions = {}): Promise<Identity> {
    return this.#authenticate(token, timeout, false);
  }

  /** Asks the server who it takes the client for; null: for nobody. Rejects as `Service.call` does. */
  whoami(options?: CallOptions): Promise<Json> {
    return this.service.call("whoami", {}, options);
  }

  /** @internal */
  provide(provider: TokenProvider): void {
    if (!this.#provider) {
      this.#core.greetings.push(() => this.#refresh(true));
    }
    this.#provider = provider;
    if (this.#core.connection.state === "open") {
      this.#refreshLater();
    }
  }

  #receive({ type, expiresIn }: Notification): void {
    if (type === "expiring") {
      this.#events.emit("expiring", { expiresIn: Number(expiresIn) });
      if (this.#provider) {
        this.#refreshLater();
      }
    }
  }

  /** Gets a token and hands it in. Resolves when it is sent: the server does in order what it is asked. */
  async #refresh(first: boolean): Promise<void> {
    clearTimeout(this.#timer);
    const { connection, settings } = this.#core;
    const { ended } = connection;
    const token = await this.#provider?.();
    if (token && ended === connection.ended) {
      this.#authenticate(token, settings.callTimeout, first).then(
        () => {
          this.#failures = 0;
        },
        (error: SnorkyError) => this.#refused(error),
      );
    }
  }

  /** Reports a refusal; one that does not tell anything about the token is no last word. */
  #refused(error: SnorkyError): void {
    if (error.code === "lost" || error.code === "closed") {
      return;
    }
    if (error.code === "timeout" || error.message === "Temporarily unavailable") {
      const { connection, settings } = this.#core;
      const { ended } = connection;
      this.#timer = setTimeout(
        () => ended === connection.ended && this.#refreshLater(),
        delay(++this.#failures, false, settings),
      );
    }
    this.#core.fail(error);
  }

  /** The same, when nobody waits for it: should it fail, the server ends the connection when the time has come. */
  #refreshLater(): void {
    this.#refresh(false).catch((cause) => {
      const message = `No new token: ${(cause as Error | undefined)?.message ?? cause}`;
      const error = new SnorkyError(message, "load", this.name);
      error.cause = cause;
      this.#core.fail(error);
    });
  }

  #authenticate(token: string, timeout: number, first: boolean): Promise<Identity> {
    return new Promise((resolve, reject) => {
      const done = (error: SnorkyError | undefined, data?: unknown) => {
        if (error) {
          reject(error);
          return;
        }
        const identity = data as Identity;
        this.#present = { on: this.#core.connection.ended, identity };
        this.#events.emit("authenticated", identity);
        resolve(identity);
        if (this.#core.connection.writable) {
          this.#core.renew(); // what was refused to nobody may be granted to somebody
        }
      };
      this.#core.request({ service: this.name, command: "authenticate", params: { token }, timeout, first, done });
    });
  }
}
