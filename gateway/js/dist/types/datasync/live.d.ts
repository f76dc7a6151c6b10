import { type Stop } from "../emitter.js";
import { SnorkyError } from "../errors.js";
import { type Loaded } from "./fetch.js";
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
/** Data that follow their changes, over reconnects too, until stopped. Made by `datasync.subscribe`. */
export declare class LiveSubscription {
    #private;
    /** What it is doing. */
    get state(): LiveState;
    /** Adds a listener, and returns what takes it away. */
    on<K extends keyof LiveEvents>(event: K, listener: (...args: LiveEvents[K]) => void): Stop;
    /** Resolves when it is live, at once if it is. Rejects when it is stopped. */
    ready(): Promise<void>;
    /** Loads everything anew, under a new subscription. */
    reload(): void;
    /**
     * Ends it: from here on the data stay as they are. Resolves when the server has confirmed the end of the
     * subscription, at once if it does not hold one. May be called again.
     */
    stop(): Promise<void>;
}
