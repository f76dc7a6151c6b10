import type { Connection } from "./connection.js";

/** A text on its way to the server. */
export interface Item {
  readonly text: string;
  /** Called when the text is handed to the socket. */
  readonly sent?: () => void;
  /** It precedes everything: it is sent before the connection counts as open, and never on another one. */
  readonly first?: boolean | undefined;
}

/** What waits for the connection to open, in the order it came. */
export class Outbox {
  #connection: Connection;
  #limit: number;
  #waiting = new Map<Item, number>();
  #bytes = 0;

  /** The limit is in bytes, over what waits here and in the socket. */
  constructor(connection: Connection, limit: number) {
    this.#connection = connection;
    this.#limit = limit;
  }

  /** Sends a text, or keeps it until flush. Tells false, and does neither, if too much waits already. */
  push(item: Item, unlimited = false): boolean {
    const size = new TextEncoder().encode(item.text).length;
    if (!unlimited && this.#bytes + this.#connection.buffered + size > this.#limit) {
      return false;
    }
    const { writable, greetable } = this.#connection;
    if (item.first ? greetable : writable) {
      this.#send(item);
    } else if (!item.first) {
      this.#waiting.set(item, size);
      this.#bytes += size;
    }
    return true;
  }

  has(item: Item): boolean {
    return this.#waiting.has(item);
  }

  remove(item: Item): void {
    this.#bytes -= this.#waiting.get(item) ?? 0;
    this.#waiting.delete(item);
  }

  /** Sends all that waits. */
  flush(): void {
    for (const item of this.#waiting.keys()) {
      this.remove(item);
      this.#send(item);
    }
  }

  clear(): void {
    this.#waiting.clear();
    this.#bytes = 0;
  }

  #send(item: Item): void {
    this.#connection.send(item.text);
    item.sent?.();
  }
}
