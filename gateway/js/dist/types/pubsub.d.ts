import type { Json } from "./json.js";
import type { CallOptions, Service } from "./service.js";
/** Gets the messages of a channel, with the channel as the publisher wrote it. */
export type Handler<M = unknown> = (message: M, channel: Json) => void;
/** One handler of one channel. */
export interface Subscription {
    /** The channel as it was given to `subscribe`. */
    readonly channel: Json;
    /**
     * Ends the subscription: the handler is not called any more from now on. With the last handler of a channel the
     * server is told; the promise resolves when it has confirmed. May be called again.
     */
    unsubscribe(): Promise<void>;
}
/** A PubSub service (PROTOCOL.md section 6.4). Made by `snorky.pubsub(name)`. */
export declare class PubSub {
    #private;
    /** The service behind, for commands beyond those of PubSub. */
    readonly service: Service;
    /** The name of the service. */
    get name(): string;
    /**
     * Calls the handler for each message of a channel, until it is unsubscribed. Resolves when the server has confirmed
     * the subscription, which is renewed on each new connection; while there is none, it waits. Rejects with a
     * SnorkyError if the server refuses or does not answer in time, and then the handler is gone.
     */
    subscribe<M = unknown>(name: Json, handler: Handler<M>): Promise<Subscription>;
    /**
     * Publishes a message in a channel; no subscription is needed. Resolves when the server has accepted it, and rejects
     * as `Service.call` does.
     */
    publish(channel: Json, message: unknown, options?: CallOptions): Promise<void>;
}
