import { Chat } from "./chat.js";
import type { State } from "./connection.js";
import { type SnorkyEvents } from "./core.js";
import { Cursors } from "./cursors.js";
import { DataSync } from "./datasync/datasync.js";
import { type Stop } from "./emitter.js";
import { SnorkyError } from "./errors.js";
import { Messaging } from "./messaging.js";
import { type SnorkyOptions } from "./options.js";
import { PubSub } from "./pubsub.js";
import { Service } from "./service.js";
import { Session, type SessionOptions } from "./session.js";
/** A client of a Snorky server: one connection, made anew whenever it ends, and the services behind it. */
export declare class Snorky {
    #private;
    /** The class of the errors, for those who have the script tag. */
    static readonly Error: typeof SnorkyError;
    /**
     * Begins to connect at once. The default address is `/ws` on the host of the page; a relative one starts from the
     * page, and `http` or `https` stand for `ws` or `wss`. Throws if the address is bad or there is no WebSocket class.
     */
    constructor(url?: string | URL, options?: SnorkyOptions);
    /** What the connection is doing. */
    get state(): State;
    /** A service by its name. Contents of services that were never asked for are ignored. */
    service(name: string): Service;
    /** A PubSub service by its name. */
    pubsub(name: string): PubSub;
    /** A chat service by its name. */
    chat(name?: string): Chat;
    /** A service of documents with cursors by its name. */
    cursors(name?: string): Cursors;
    /** A messaging service by its name. */
    messaging(name?: string): Messaging;
    /** A session service by its name. A token provider replaces the one given before. */
    session(name?: string, { token }?: SessionOptions): Session;
    /** A DataSync service by its name. */
    datasync(name?: string): DataSync;
    /** Adds a listener, and returns what takes it away. */
    on<K extends keyof SnorkyEvents>(event: K, listener: (...args: SnorkyEvents[K]) => void): Stop;
    /** Resolves when the connection is open, at once if it is. Rejects when the client is closed. */
    ready(): Promise<void>;
    /** Connects now instead of waiting, also after the client was closed. Subscriptions are renewed. */
    connect(): void;
    /** Ends the connection and all calls. Subscriptions stay known in case `connect` is called. */
    close(): void;
}
