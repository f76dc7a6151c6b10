import { delay } from "../backoff.js";
import type { Core } from "../core.js";
import { Emitter, guard, type Stop, until } from "../emitter.js";
import { SnorkyError } from "../errors.js";
import { ending } from "../membership.js";
import type { DeltaTarget } from "./collection.js";
import type { DataSync } from "./datasync.js";
import type { Delta } from "./delta.js";
import { fetchSubscription, type Loaded } from "./fetch.js";

/**
 * Gets the data, and the token of a subscription to their changes; the subscription must have been authorized before
 * the data were read. Called anew for each connection, since subscriptions end with theirs. The signal is aborted when
 * the result is not wanted any more.
 */
export type Loader<R> = (signal: AbortSignal) => Promise<Loaded<R>> | Loaded<R>;

/** A loader, or the address of an endpoint that `fetchSubscription` understands. */
export type Source<R> = Loader<R> | string | URL;

/** Settings of a live subscription. */
export interface LiveOptions {
  /** How long the loader may take, in milliseconds. 0: for ever. Default: the client's callTimeout. */
  timeout?: number;
}

/**
 * - `loading`: data are on their way, or are there and the subscription is not confirmed yet.
 * - `live`: the data follow all changes.
 * - `waiting`: for the next connection, or to try again. The data are those of before.
 * - `stopped`: the end.
 */
export type LiveState = "loading" | "live" | "waiting" | "stopped";

/** The events of a live subscription, with what their listeners get. */
export type LiveEvents = {
  /** The state changed. */
  state: [state: LiveState];
  /**
   * Loading or acquiring failed, and is tried again after a while. Without a listener it becomes an `error` event of
   * the client.
   */
  error: [error: SnorkyError];
};

/** What the server answers if the subscription was not acquired in time, or too much waited for it. */
const unusable = ["No such subscription", "Subscription overflowed"];

/** Data that follow their changes, over reconnects too, until stopped. Made by `datasync.subscribe`. */
export class LiveSubscription {
  #core: Core;
  #datasync: DataSync;
  #target: DeltaTarget;
  #load: Loader<unknown>;
  #timeout: number;
  #events = new Emitter<LiveEvents>();

  #state: LiveState = "loading";
  /** The present turn of loading and acquiring; aborted once it is of no use. */
  #turn = new AbortController();
  /** Of the state: the end of the loader's time, the proof of stability, or the next attempt. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Failures since the subscription was live for a while. */
  #failures = 0;
  /**
   * What comes between asking for the subscription and the answer. What came before is not for this one, whose deltas
   * wait at the server; and to apply it after newer data could bring back what has been deleted since.
   */
  #held: Delta[] | undefined;
  /** The token of the acquired subscription. */
  #token: string | undefined;

  /** @internal */
  constructor(core: Core, datasync: DataSync, target: DeltaTarget, source: Source<unknown>, options: LiveOptions) {
    this.#core = core;
    this.#datasync = datasync;
    this.#target = target;
    this.#load = typeof source === "function" ? source : (signal) => fetchSubscription(source, { signal });
    this.#timeout = options.timeout ?? core.settings.callTimeout;
    this.#begin();
  }

  /** What it is doing. */
  get state(): LiveState {
    return this.#state;
  }

  /** Adds a listener, and returns what takes it away. */
  on<K extends keyof LiveEvents>(event: K, listener: (...args: LiveEvents[K]) => void): Stop {
    return this.#events.on(event, listener);
  }

  /** Resolves when it is live, at once if it is. Rejects when it is stopped. */
  ready(): Promise<void> {
    return until(
      (listener) => this.on("state", listener),
      () =>
        this.#state === "stopped"
          ? new SnorkyError("Subscription stopped", "closed", this.#datasync.name)
          : this.#state === "live",
    );
  }

  /** Loads everything anew, under a new subscription. */
  reload(): void {
    if (this.#state !== "stopped") {
      this.#release().catch(() => {}); // at worst, deltas come twice
      this.#begin();
    }
  }

  /**
   * Ends it: from here on the data stay as they are. Resolves when the server has confirmed the end of the
   * subscription, at once if it does not hold one. May be called again.
   */
  async stop(): Promise<void> {
    if (this.#state !== "stopped") {
      this.#rest();
      this.#become("stopped");
      await this.#release();
    }
  }

  /** A new connection is there. @internal */
  renew(): void {
    if (this.#state === "waiting") {
      this.#begin();
    }
  }

  /** The connection ended. A turn that has not asked for the subscription yet goes on. @internal */
  lost(): void {
    if (this.#token !== undefined) {
      this.#token = undefined;
      this.#wait();
    }
  }

  /** @internal */
  receive(delta: Delta): void {
    if (this.#held) {
      this.#held.push(delta);
    } else if (this.#state === "live") {
      this.#target.apply([delta]);
    }
  }

  /** The server ended a subscription. @internal */
  ended(token: string, reason: string): void {
    if (token === this.#token) {
      this.#token = undefined;
      this.#expired(new SnorkyError(`Subscription ended: ${reason}`, "load", this.#datasync.name));
    }
  }

  #begin(): void {
    this.#rest();
    const turn = (this.#turn = new AbortController());
    if (this.#timeout && this.#timeout < 2 ** 31) {
      this.#timer = setTimeout(() => this.#failed(this.#error("No data in time")), this.#timeout);
    }
    this.#become("loading");
    if (!turn.signal.aborted) {
      this.#run(turn).catch((error) => {
        if (!turn.signal.aborted) {
          this.#failed(this.#error(`Loading failed: ${(error as Error | undefined)?.message ?? error}`, error));
        }
      });
    }
  }

  async #run(turn: AbortController): Promise<void> {
    const { token, data } = await this.#load(turn.signal);
    if (turn.signal.aborted) {
      return;
    }
    if (typeof token !== "string") {
      throw new TypeError("there is no token");
    }
    clearTimeout(this.#timer);
    this.#target.reset(data);
    // A listener of the change may have stopped it.
    if (!turn.signal.aborted) {
      this.#acquire(turn, token);
    }
  }

  /** Asks for the subscription. What has waited for it precedes the answer, and makes one change. */
  #acquire(turn: AbortController, token: string): void {
    this.#held = [];
    const done = (error?: SnorkyError) => {
      if (turn.signal.aborted) {
        this.#cancel(token).catch(() => {});
      } else if (!error) {
        this.#acquired(turn, token);
      } else if (error.code === "lost" || error.code === "closed") {
        this.#wait();
      } else if (unusable.includes(error.message)) {
        this.#expired(error);
      } else {
        this.#cancel(token).catch(() => {}); // an answer that came too late may have been a yes
        this.#failed(error);
      }
    };
    this.#core.request({
      service: this.#datasync.name,
      command: "acquireSubscription",
      params: { token },
      timeout: this.#core.settings.callTimeout,
      patient: true,
      unlimited: true,
      done,
    });
  }

  #acquired(turn: AbortController, token: string): void {
    const held = this.#held;
    this.#held = undefined;
    this.#token = token;
    if (held?.length) {
      guard(() => this.#target.apply(held));
    }
    // A listener of the change may have stopped it.
    if (!turn.signal.aborted) {
      this.#timer = setTimeout(() => {
        this.#failures = 0;
      }, this.#core.settings.stableAfter);
      this.#become("live");
    }
  }

  /** Begins again: at once if it seems to be an accident. */
  #expired(error: SnorkyError): void {
    if (this.#failures === 0) {
      this.#failures++;
      this.#begin();
    } else {
      this.#failed(error);
    }
  }

  #failed(error: SnorkyError): void {
    this.#wait();
    this.#timer = setTimeout(() => this.#begin(), delay(++this.#failures, false, this.#core.settings));
    if (!this.#events.emit("error", error)) {
      this.#core.fail(error);
    }
  }

  #wait(): void {
    this.#rest();
    this.#become("waiting");
  }

  #become(state: LiveState): void {
    if (this.#state !== state) {
      this.#state = state;
      this.#events.emit("state", state);
    }
  }

  /** Ends the present turn and its timer. */
  #rest(): void {
    clearTimeout(this.#timer);
    this.#held = undefined;
    this.#turn.abort();
  }

  async #release(): Promise<void> {
    const token = this.#token;
    this.#token = undefined;
    if (token !== undefined) {
      await this.#cancel(token);
    }
  }

  /** Tells the server that a subscription is not wanted. */
  async #cancel(token: string): Promise<void> {
    // With its connection the subscription has ended as well.
    if (this.#core.connection.writable) {
      await ending(this.#datasync.cancel(token), "No such subscription");
    }
  }

  #error(message: string, cause?: unknown): SnorkyError {
    const error = new SnorkyError(message, "load", this.#datasync.name);
    error.cause = cause;
    return error;
  }
}
