import { advice, delay } from "./backoff.js";
import type { Settings, WebSocketLike } from "./options.js";

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
  /** The connection is open. */
  up(): void;
  /** A text arrived. */
  text(data: string): void;
  /** The connection ended, or could not be made. */
  down(end: CloseInfo, wasOpen: boolean, wait?: Wait): void;
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
    return this.state === "open" && this.#socket?.readyState === OPEN;
  }

  /** How many bytes the socket holds that are not on their way. */
  get buffered(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Sends a text; only while writable. */
  send(text: string): void {
    this.#socket?.send(text);
  }

  /** Begins an attempt now, unless one is under way or has succeeded. */
  connect(): void {
    if (this.#socket) {
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

  #dial(): void {
    const socket = new this.#settings.WebSocket(this.#url);
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
    this.#timer = setTimeout(() => this.#lost(1006, "no connection in time"), this.#settings.connectTimeout);
  }

  #opened(): void {
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
      wait = this.#wait(advice(code) === "later");
    }
    socket?.close(1000);
    this.#owner.down(this.end, wasOpen, wait);
  }

  #wait(later: boolean): Wait {
    const wait = { attempt: ++this.#attempt, delay: delay(this.#attempt, later, this.#settings) };
    this.#timer = setTimeout(() => this.connect(), wait.delay);
    if (!later) {
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
