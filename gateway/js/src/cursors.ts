import type { Core } from "./core.js";
import { Emitter, serve, type Stop } from "./emitter.js";
import { SnorkyError } from "./errors.js";
import { isObject, type Json } from "./json.js";
import { Membership, Memberships, type Terms } from "./membership.js";
import { OwnCursor } from "./owncursor.js";
import type { Notification, Service } from "./service.js";

/** What a cursor says: any JSON values, which the server does not interpret. */
export interface CursorState<P = any, S = any> {
  /** Where it is. */
  readonly position: P;
  /** What it is doing. */
  readonly status: S;
}

/** Somebody else's cursor. */
export interface Cursor<P = any, S = any> extends CursorState<P, S> {
  /** What tells it from others. */
  readonly publicHandle: number;
  readonly document: Json;
  /** The identity of who made it. */
  readonly owner: Json;
}

/** The events of a document, with what their listeners get. */
export type DocumentEvents<P = any, S = any> = {
  /** The cursors of others changed. */
  cursors: [cursors: readonly Cursor<P, S>[]];
};

const terms: Terms = {
  enter: "join",
  leave: "leave",
  subject: "document",
  already: "Already joined",
  not: "Not joined",
  listed: true,
};

/** A document that at least one part of this client is in. */
class Shared extends Membership<CursorDocument> {
  /** The cursors of others, in the order they were made. */
  cursors: readonly Cursor[] = [];

  protected override entered(data: unknown): void {
    const { cursors } = isObject(data) ? data : {};
    this.#set(Array.isArray(cursors) ? cursors : []);
    this.#own((cursor) => cursor.create());
  }

  override closed(error: SnorkyError): void {
    super.closed(error);
    this.#own((cursor) => cursor.fail(error));
  }

  /** Adds a cursor, or replaces the one of the same handle in its place. */
  put(cursor: Cursor): void {
    const known = this.cursors.some((one) => one.publicHandle === cursor.publicHandle);
    const replaced = this.cursors.map((one) => (one.publicHandle === cursor.publicHandle ? cursor : one));
    this.#set(known ? replaced : [...this.cursors, cursor]);
  }

  remove({ publicHandle }: Cursor): void {
    this.#set(this.cursors.filter((one) => one.publicHandle !== publicHandle));
  }

  #own(f: (cursor: OwnCursor) => void): void {
    this.users.forEach(({ own }) => own.forEach(f));
  }

  #set(cursors: readonly Cursor[]): void {
    this.cursors = cursors;
    serve(this.users, (document) => document.events.emit("cursors", cursors));
  }
}

/** A document as one part of a program is in it. Made by `cursors.join(document)`. */
export class CursorDocument<P = any, S = any> {
  /** The document as it was given to `join`. */
  readonly document: Json;
  /** @internal */
  readonly events = new Emitter<DocumentEvents<P, S>>();
  /** @internal */
  readonly own = new Set<OwnCursor<P, S>>();

  #core: Core;
  #service: Service;
  #membership: Shared;
  #nextHandle: () => number;
  #left: Promise<void> | undefined;

  /** @internal */
  constructor(core: Core, service: Service, membership: Shared, document: Json, nextHandle: () => number) {
    this.#core = core;
    this.#service = service;
    this.#membership = membership;
    this.document = document;
    this.#nextHandle = nextHandle;
  }

  /**
   * The cursors of others, in the order they were made; a new list after each change. Between connections it is the
   * last one known.
   */
  get cursors(): readonly Cursor<P, S>[] {
    return this.#membership.cursors;
  }

  /** Adds a listener, and returns what takes it away. */
  on<K extends keyof DocumentEvents<P, S>>(event: K, listener: (...args: DocumentEvents<P, S>[K]) => void): Stop {
    return this.events.on(event, listener);
  }

  /**
   * Makes a cursor that others see. Resolves when the server has confirmed; on each new connection it is made again, as
   * it is then. While there is none, it waits. Rejects with a SnorkyError if the server refuses or does not answer in
   * time.
   */
  async create(state: CursorState<P, S>): Promise<OwnCursor<P, S>> {
    if (this.#left) {
      throw new SnorkyError("Document left", "closed", this.#service.name, "createCursor");
    }
    if (this.#core.connection.state === "closed") {
      throw this.#core.closed();
    }
    const cursor: OwnCursor<P, S> = new OwnCursor<P, S>(this.#core, this.#service, {
      handle: this.#nextHandle(),
      document: this.document,
      state,
      removed: () => this.own.delete(cursor),
    });
    this.own.add(cursor);
    // Otherwise it is made as soon as the document is joined.
    if (this.#membership.confirmed) {
      cursor.create();
    }
    await cursor.ready;
    return cursor;
  }

  /**
   * Leaves: the own cursors made here are gone, and no listener is called any more from now on. With the last part that
   * is in the document the server is told; the promise resolves when it has confirmed. May be called again.
   */
  leave(): Promise<void> {
    this.#left ??= this.#leave();
    return this.#left;
  }

  async #leave(): Promise<void> {
    const removed = [...this.own].map((cursor) => cursor.remove());
    await Promise.all([...removed, this.#membership.leave(this)]);
  }
}

/** A service of documents with cursors (PROTOCOL.md section 6.7). Made by `snorky.cursors(name)`. */
export class Cursors {
  /** The service behind. */
  readonly service: Service;

  #core: Core;
  #documents: Memberships<Shared>;
  #handles = 0;

  /** @internal */
  constructor(core: Core, service: Service) {
    this.service = service;
    this.#core = core;
    this.#documents = new Memberships(core, (name, forget) => new Shared(core, service, terms, name, forget));
    service.on("notification", (notification) => this.#receive(notification));
  }

  /** The name of the service. */
  get name(): string {
    return this.service.name;
  }

  /**
   * Joins a document, which needs an identity. Resolves when the server has confirmed; on each new connection the
   * document is joined again. While there is none, it waits. Rejects with a SnorkyError if the server refuses or does
   * not answer in time. A document may be joined several times: it is left with the last of them.
   */
  async join<P = any, S = any>(document: Json): Promise<CursorDocument<P, S>> {
    const membership = this.#documents.get(document);
    const joined = new CursorDocument<P, S>(this.#core, this.service, membership, document, () => this.#handles++);
    await membership.enter(joined);
    return joined;
  }

  #receive({ type, cursor }: Notification): void {
    const shared = isObject(cursor) ? this.#documents.find(cursor.document) : undefined;
    if (!shared) {
      return;
    }
    if (type === "cursorAdded" || type === "cursorUpdated") {
      shared.put(cursor as Cursor);
    } else if (type === "cursorRemoved") {
      shared.remove(cursor as Cursor);
    }
  }
}
