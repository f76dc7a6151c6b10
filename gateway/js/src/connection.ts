import { advice, delay, hint } from "./backoff.js";
import { SnorkyError } from "./errors.js";
import { type Settings, type WebSocketLike, withToken } from "./options.js";

/**
 * - `connecting`: an attempt to connect is under way.
 * - `open`: calls are sent at once.
 * - `waiting`: the connection ended or failed; the next attempt is due.
 * - `closed`: the end, unless `connect()` is called.
 */
export type State = "connecting" | "open" | "waiting" | "closed";

/** How a connection ended. */
export interface CloseInfo {
  /** The code of the close frame (RFC 6455), 1006 if there was none. */
  readonly code: number;
  /** The text of the close frame. */
  readonly reason: string;
  /** The client does not come back. */
  readonly final: boolean;
}

/** A wait before an attempt. */
export interface Wait {
  /** The number of the attempt since the last stable connection, from 1. */
  readonly attempt: number;
  /** Milliseconds until then. */
  readonly delay: number;
}

/** What a connection tells its owner. Everything inside has changed before any of these is called. */
export interface Owner {
  /** A new attempt has begun. */
  dialing(): void;
  /** The socket is open. The connection is, once the promise is settled; at once if there is none. */
  greet(): Promise<unknown> | undefined;
  /** The connection is open. */
  up(): void;
  /** A text arrived. */
  text(data: string): void;
  /** The connection ended, or could not be made. */
  down(end: CloseInfo, wasOpen: boolean, wait?: Wait): void;
  /** Something failed that the end of an attempt does not tell. */
  fail(error: SnorkyError): void;
}

const OPEN = 1; // readyState

/** One socket after the other to the same address. */
export class Connection {
  state: State = "connecting";
  /** How the last socket ended. */
  end: CloseInfo | undefined;
  /** How many sockets have ended; tells what belongs to the present one from what belonged to others. */
  ended = 0;

  #url: string;
  #settings: Settings;
  #owner: Owner;
  #socket: WebSocketLike | undefined;
  #attempt = 0;
  /** Of the state: the end of the attempt, the proof of stability, or the end of the wait. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wakers: AbortController | undefined;

  constructor(url: string, settings: Settings, owner: Owner) {
    this.#url = url;
    this.#settings = settings;
    this.#owner = owner;
    this.#dial();
  }

  /** Tells whether a text would go out now: a socket the server has begun to close is open no more. */
  get writable(): boolean {
    return this.state === "open" && this.greetable;
  }

  /** Tells the same for what precedes everything else. */
  get greetable(): boolean {
    return this.#socket?.readyState === OPEN;
  }

  /** How many bytes the socket holds that are not on their way. */
  get buffered(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Sends a text; only while writable, or greetable. */
  send(text: string): void {
    this.#socket?.send(text);
  }

  /** Begins an attempt now, unless one is under way or has succeeded. */
  connect(): void {
    if (this.state === "connecting" || this.state === "open") {
      return;
    }
    this.#rest();
    this.state = "connecting";
    try {
      this.#dial();
    } catch (error) {
      // A policy of the page may have changed since the first attempt.
      this.#lost(1006, String(error));
      return;
    }
    this.#owner.dialing();
  }

  /** Ends the connection for good. */
  close(): void {
    if (this.state !== "closed") {
      this.#lost(1000, "", true);
    }
  }

  /** Begins an attempt. Throws if the class of the socket does not take the address. */
  #dial(): void {
    const { token, connectTimeout } = this.#settings;
    if (typeof token === "function") {
      this.#await(Promise.resolve().then(token), (value) => this.#open(withToken(this.#url, value)));
    } else {
      this.#open(token ? withToken(this.#url, token) : this.#url);
    }
    this.#timer = setTimeout(() => this.#lost(1006, "no connection in time"), connectTimeout);
  }

  #open(url: string): void {
    const socket = new this.#settings.WebSocket(url);
    this.#socket = socket;
    // A socket that was given up may take long to end and is not listened to any more.
    const current = (f: (event: any) => void) => (event: unknown) => {
      if (this.#socket === socket) {
        f(event);
      }
    };
    socket.onopen = current(() => this.#opened());
    socket.onmessage = current(({ data }) => {
      // Answers and notifications are texts (PROTOCOL.md section 1).
      if (typeof data === "string") {
        this.#owner.text(data);
      }
    });
    socket.onerror = () => {}; // it closes next; without a listener, the sockets of ws throw
    socket.onclose = current(({ code, reason }) => this.#lost(code, reason));
  }

  #opened(): void {
    const greeting = this.#owner.greet();
    if (greeting) {
      this.#await(greeting, () => this.#up());
    } else {
      this.#up();
    }
  }

  /** Goes on with the present attempt when a promise is fulfilled; if it is not, the attempt has failed. */
  #await<T>(promise: Promise<T>, next: (value: T) => void): void {
    const { ended } = this;
    const current = (f: (value: any) => void) => (value: unknown) => {
      if (ended === this.ended) {
        f(value);
      }
    };
    promise.then(current(next)).catch(
      current((cause) => {
        this.#lost(1006, "could not begin");
        const error = new SnorkyError(`Connecting failed: ${(cause as Error | undefined)?.message ?? cause}`, "load");
        error.cause = cause;
        this.#owner.fail(error);
      }),
    );
  }

  #up(): void {
    this.#rest();
    this.state = "open";
    this.#timer = setTimeout(() => {
      this.#attempt = 0;
    }, this.#settings.stableAfter);
    this.#owner.up();
  }

  /** Ends the present socket or wait; by default the close code says what comes next. */
  #lost(code: number, reason: string, final = advice(code) === "never"): void {
    this.#rest();
    const socket = this.#socket;
    const wasOpen = this.state === "open";
    this.#socket = undefined;
    this.ended++;
    this.end = { code, reason, final };
    let wait: Wait | undefined;
    if (final) {
      this.state = "closed";
      this.#attempt = 0;
    } else {
      this.state = "waiting";
      wait = this.#wait(advice(code) === "later", hint(reason));
    }
    socket?.close(1000);
    this.#owner.down(this.end, wasOpen, wait);
  }

  #wait(later: boolean, asked?: number): Wait {
    const wait = { attempt: ++this.#attempt, delay: delay(this.#attempt, later, this.#settings, asked) };
    this.#timer = setTimeout(() => this.connect(), wait.delay);
    // Whoever is asked to stay away does, whatever the user looks at: so do all the others.
    if (!later && asked === undefined) {
      this.#listen();
    }
    return wait;
  }

  /** Ends the wait as soon as the network is back or somebody looks at the page. */
  #listen(): void {
    this.#wakers = new AbortController();
    const { signal } = this.#wakers;
    // Node.js knows neither of the two, workers know only the first.
    globalThis.addEventListener?.("online", () => this.connect(), { signal });
    globalThis.document?.addEventListener(
      "visibilitychange",
      () => {
        if (document.visibilityState === "visible") {
          this.connect();
        }
      },
      { signal },
    );
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#wakers?.abort();
  }
}
