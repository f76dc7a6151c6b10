import { delay } from "./backoff.js";
import type { Core } from "./core.js";
import type { SnorkyError } from "./errors.js";
import { canonical, type Json } from "./json.js";
import type { CallOptions, Service } from "./service.js";

/** How a service calls what its clients do with channels, documents or names. */
export interface Terms {
  readonly enter: string;
  readonly leave: string;
  /** The parameter of both commands. */
  readonly subject: string;
  /** What the service answers to who is in already, if being told so is as good as entering. */
  readonly already?: string;
  /** What it answers to who leaves without being in. */
  readonly not: string;
  /** Entering is answered with what is there: who is told to be in already goes out and comes in again. */
  readonly listed?: boolean;
  /** A refusal that may pass: what the connection before held may not be free yet. */
  readonly passing?: string;
}

/** A user who waits for the server to confirm. */
interface Waiter<U> {
  readonly user: U;
  resolve(): void;
  reject(error: SnorkyError): void;
}

/**
 * What a client is in at the server on behalf of at least one user of its own, whatever their number: a channel, a
 * document, a name. Each new connection enters again. Connections are numbered by how many ended before them.
 */
export class Membership<U extends object> {
  /** The channel, document or name, as it was given first. */
  readonly subject: Json;
  readonly users = new Set<U>();

  #core: Core;
  #service: Service;
  #terms: Terms;
  /** Called when the last user has left. */
  #forget: () => void;
  #forgotten = false;
  /** Nobody has asked yet. */
  #fresh = true;
  #waiters: Waiter<U>[] = [];
  /** A request is under way, or queued if it is the first. */
  #asked = false;
  /** The connection on which the server may hold the membership, whether or not it has confirmed. */
  #held: number | undefined;
  /** The connection on which the server has confirmed the membership. */
  #confirmed: number | undefined;
  /** The connection on which it went out to get what is there. */
  #reentered: number | undefined;
  #refusals = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(core: Core, service: Service, terms: Terms, subject: Json, forget: () => void) {
    this.#core = core;
    this.#service = service;
    this.#terms = terms;
    this.subject = subject;
    this.#forget = forget;
  }

  /** Tells whether the server has confirmed on the present connection. */
  get confirmed(): boolean {
    return this.#confirmed === this.#core.connection.ended;
  }

  /** Adds a user. Resolves when the server has confirmed; rejects, without the user, if it refuses or is silent. */
  async enter(user: U): Promise<void> {
    this.users.add(user);
    const fresh = this.#fresh;
    this.#fresh = false;
    if (!this.confirmed) {
      await new Promise<void>((resolve, reject) => {
        this.#waiters.push({ user, resolve, reject });
        const { connection } = this.#core;
        // The next connection renews what was entered before; what is new takes its place among queued calls.
        if (!this.#asked && (fresh || connection.writable || connection.state === "closed")) {
          this.#ask(false);
        }
      });
    }
  }

  /** Takes a user away; with the last one the server is told. Resolves when it has confirmed. */
  async leave(user: U): Promise<void> {
    this.users.delete(user);
    if (!this.users.size) {
      await this.#drop();
    }
  }

  /** The client was closed: who waits for a connection waits no more. */
  closed(error: SnorkyError): void {
    if (this.#waiters.length) {
      this.#answered(false, error);
    }
  }

  /** Enters on a new connection, or with a new identity what was refused before. */
  renew(): void {
    if (!this.#asked && !this.confirmed) {
      this.#refusals = 0;
      this.#ask(true);
    }
  }

  /** Gets the answer of each connection, before anything that follows it. */
  protected entered(_data: unknown): void {}

  #ask(renewal: boolean): void {
    clearTimeout(this.#timer);
    this.#asked = true;
    this.#core.request({
      service: this.#service.name,
      command: this.#terms.enter,
      params: { [this.#terms.subject]: this.subject },
      timeout: this.#core.settings.callTimeout,
      patient: true,
      unlimited: renewal,
      done: (error, data) => {
        this.#asked = false;
        this.#answered(renewal, error, data);
      },
    });
  }

  #answered(renewal: boolean, error?: SnorkyError, data?: unknown): void {
    if (error?.code === "lost") {
      return; // whoever waits goes on waiting, for the next connection renews
    }
    const { ended } = this.#core.connection;
    if (this.#terms.listed && error?.message === this.#terms.already && this.#reentered !== ended) {
      this.#reentered = ended;
      this.#leave().catch(() => {});
      this.#ask(renewal);
      return;
    }
    const waiters = this.#waiters;
    this.#waiters = [];
    if (!error || error.message === this.#terms.already) {
      this.#held = this.#confirmed = ended;
      if (!this.#forgotten) {
        this.entered(data);
      }
      waiters.forEach((waiter) => waiter.resolve());
      return;
    }
    if (error.code === "timeout") {
      this.#held = ended;
      this.#reentered = undefined; // what is there is still to be told
    }
    error.channel = this.subject;
    for (const { user, reject } of waiters) {
      this.users.delete(user);
      reject(error);
    }
    if (!this.users.size) {
      this.#drop().catch(() => {}); // nobody asked for it; at worst, messages come that nobody gets
    } else if (renewal && error.code !== "closed") {
      if (error.code === "timeout" || error.message === this.#terms.passing) {
        this.#askLater();
      }
      this.#core.fail(error);
    }
  }

  #askLater(): void {
    const ask = () => {
      // Otherwise the next connection asks by itself.
      if (this.#core.connection.writable) {
        this.#ask(true);
      }
    };
    this.#timer = setTimeout(ask, delay(++this.#refusals, false, this.#core.settings));
  }

  /** Ends it when nobody is left, and tells the server if it may hold the membership. */
  async #drop(): Promise<void> {
    if (this.#forgotten) {
      return; // another of the same subject may have come since
    }
    this.#forgotten = true;
    clearTimeout(this.#timer);
    this.#forget();
    const { connection } = this.#core;
    // Requests take effect in the order sent, so that one under way needs not be waited for. One that is queued will be
    // sent however long it takes, and so has to be what undoes it.
    if (this.#asked && !connection.writable) {
      await this.#leave({ timeout: 0 });
    } else if (connection.writable && (this.#asked || this.#held === connection.ended)) {
      await this.#leave();
    }
  }

  #leave(options?: CallOptions): Promise<void> {
    const { leave, subject, not } = this.#terms;
    return ending(this.#service.call(leave, { [subject]: this.subject }, options), not);
  }
}

/** The memberships of one service, by what they are in. */
export class Memberships<M extends Membership<any>> {
  #all = new Map<string, M>();
  #make: (subject: Json, forget: () => void) => M;

  constructor(core: Core, make: (subject: Json, forget: () => void) => M) {
    this.#make = make;
    core.renewals.push(() => this.#all.forEach((membership) => membership.renew()));
    core.events.on("close", ({ final }) => {
      if (final) {
        this.#all.forEach((membership) => membership.closed(core.closed()));
      }
    });
  }

  /** The membership of a subject, if there is one. */
  find(subject: unknown): M | undefined {
    return subject === undefined ? undefined : this.#all.get(canonical(subject));
  }

  /** The membership of a subject, whether or not there was one. Throws a TypeError if it is no JSON. */
  get(subject: Json): M {
    const key = canonical(subject);
    let one = this.#all.get(key);
    if (!one) {
      this.#all.set(key, (one = this.#make(subject, () => this.#all.delete(key))));
    }
    return one;
  }
}

/** Waits for a call that ends something, which has ended just as well with its connection, or before. */
export async function ending(call: Promise<unknown>, not: string): Promise<void> {
  try {
    await call;
  } catch (error) {
    const { code, message } = error as SnorkyError;
    if (code !== "lost" && code !== "closed" && message !== not) {
      throw error;
    }
  }
}
