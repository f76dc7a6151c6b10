import { delay } from "./backoff.js";
import type { Core } from "./core.js";
import type { CursorState } from "./cursors.js";
import { SnorkyError } from "./errors.js";
import { checkJson, type Json } from "./json.js";
import { ending } from "./membership.js";
import type { Service } from "./service.js";

/** What an own cursor is made of. */
interface Origin<P, S> {
  /** The private handle, unique among the cursors of the service at this client. */
  readonly handle: number;
  readonly document: Json;
  readonly state: CursorState<P, S>;
  /** Called when it is gone. */
  removed(): void;
}

/**
 * A cursor of this client, made by `document.create(state)`. Only one request of it is under way at any time: what
 * changes until its answer is sent as one update, so that a cursor may be moved as often as the mouse is.
 */
export class OwnCursor<P = any, S = any> {
  /** Settled by the first answer of the server. @internal */
  readonly ready: Promise<void>;

  #core: Core;
  #service: Service;
  #origin: Origin<P, S>;
  #state: CursorState<P, S>;
  /** How `ready` is settled, until it is. */
  #waiter: { resolve(): void; reject(error: SnorkyError): void } | undefined;
  /** The connection on which it was asked for. */
  #on: number | undefined;
  #publicHandle: number | undefined;
  #busy = false;
  /** What was not sent yet. */
  #changes: Partial<CursorState<P, S>> = {};
  /** Updates in a row that came to nothing, and the next attempt. */
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #removed: Promise<void> | undefined;

  /** @internal Throws a TypeError if the state is no JSON. */
  constructor(core: Core, service: Service, origin: Origin<P, S>) {
    const { position, status } = origin.state;
    checkJson(position);
    checkJson(status);
    this.#core = core;
    this.#service = service;
    this.#origin = origin;
    this.#state = { position, status };
    this.ready = new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  get position(): P {
    return this.#state.position;
  }

  get status(): S {
    return this.#state.status;
  }

  /** By what others know it on the present connection; undefined until the server has told. */
  get publicHandle(): number | undefined {
    return this.#present ? this.#publicHandle : undefined;
  }

  /**
   * Changes the position, the status, or both. Returns at once; the last state wins, and what fails is an `error` event
   * of the client. Throws a TypeError if a value is no JSON.
   */
  update(changes: Partial<CursorState<P, S>>): void {
    const own = Object.fromEntries(
      (["position", "status"] as const)
        .filter((name) => changes[name] !== undefined)
        .map((name) => [name, changes[name]]),
    ) as Partial<CursorState<P, S>>;
    Object.values(own).forEach(checkJson);
    this.#state = { ...this.#state, ...own };
    this.#changes = { ...this.#changes, ...own };
    this.#flush();
  }

  /** Takes the cursor away. Resolves when the server has confirmed. May be called again. */
  remove(): Promise<void> {
    this.#removed ??= this.#remove();
    return this.#removed;
  }

  /** Makes the cursor, as it is now, on the present connection. @internal */
  create(): void {
    const { connection } = this.#core;
    if (!connection.writable) {
      return; // the next one makes it
    }
    const { document, handle } = this.#origin;
    this.#on = connection.ended;
    this.#changes = {};
    this.#request("createCursor", { privateHandle: handle, document, ...this.#state }, (error, data) => {
      if (!error) {
        this.#publicHandle = data as number;
        this.#waiter?.resolve();
        this.#waiter = undefined;
        return;
      }
      if (error.code === "timeout") {
        this.#end().catch(() => {}); // it may exist all the same
      }
      this.#on = undefined;
      if (this.#waiter && error.code !== "lost") {
        this.fail(error);
      } else {
        this.#report(error);
      }
    });
  }

  /** Gives up, if nobody has got it yet. @internal */
  fail(error: SnorkyError): void {
    if (this.#waiter) {
      this.#removed ??= Promise.resolve();
      this.#origin.removed();
      this.#waiter.reject(error);
      this.#waiter = undefined;
    }
  }

  /** The server may have it. */
  get #present(): boolean {
    return this.#on === this.#core.connection.ended;
  }

  /** Sends what has changed, unless an answer is due. */
  #flush(): void {
    const changes = this.#changes;
    const sendable = this.#present && this.#core.connection.writable && !this.#removed;
    if (this.#busy || !sendable || !Object.keys(changes).length) {
      return;
    }
    clearTimeout(this.#timer);
    this.#changes = {};
    this.#request("updateCursor", { privateHandle: this.#origin.handle, newData: changes }, (error) => {
      if (error) {
        this.#changes = { ...changes, ...this.#changes }; // goes with the next update
        this.#report(error);
        // Without one, the last state would be lost. What was refused would be refused again.
        if (error.code === "timeout" || error.code === "overflow") {
          this.#timer = setTimeout(() => this.#flush(), delay(++this.#failures, false, this.#core.settings));
        }
      } else {
        this.#failures = 0;
      }
    });
  }

  #request(command: string, params: object, done: (error: SnorkyError | undefined, data: unknown) => void): void {
    this.#busy = true;
    this.#core.request({
      service: this.#service.name,
      command,
      params,
      timeout: this.#core.settings.callTimeout,
      unlimited: command === "createCursor",
      done: (error, data) => {
        this.#busy = false;
        done(error, data);
        if (!error) {
          this.#flush();
        }
      },
    });
  }

  async #remove(): Promise<void> {
    clearTimeout(this.#timer);
    this.#origin.removed();
    this.#waiter?.reject(new SnorkyError("Cursor removed", "closed", this.#service.name, "createCursor"));
    this.#waiter = undefined;
    await this.#end();
  }

  /** Tells the server to take it away, if it may have it. */
  async #end(): Promise<void> {
    if (this.#present && this.#core.connection.writable) {
      await ending(this.#service.call("removeCursor", { privateHandle: this.#origin.handle }), "No such cursor");
    }
  }

  /** Reports what nobody waits for. With its connection a cursor ends, and comes back with the next one. */
  #report(error: SnorkyError): void {
    if (!this.#removed && error.code !== "lost" && error.code !== "closed") {
      this.#core.fail(error);
    }
  }
}
