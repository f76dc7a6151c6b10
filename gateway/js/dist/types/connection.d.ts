import { SnorkyError } from "./errors.js";
import { type Settings } from "./options.js";
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
/** One socket after the other to the same address. */
export declare class Connection {
    #private;
    state: State;
    /** How the last socket ended. */
    end: CloseInfo | undefined;
    /** How many sockets have ended; tells what belongs to the present one from what belonged to others. */
    ended: number;
    constructor(url: string, settings: Settings, owner: Owner);
    /** Tells whether a text would go out now: a socket the server has begun to close is open no more. */
    get writable(): boolean;
    /** Tells the same for what precedes everything else. */
    get greetable(): boolean;
    /** How many bytes the socket holds that are not on their way. */
    get buffered(): number;
    /** Sends a text; only while writable, or greetable. */
    send(text: string): void;
    /** Begins an attempt now, unless one is under way or has succeeded. */
    connect(): void;
    /** Ends the connection for good. */
    close(): void;
}
