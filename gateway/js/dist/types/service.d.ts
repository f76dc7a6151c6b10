import { type Stop } from "./emitter.js";
/** What a service tells on its own: an object whose type is neither `response` nor `error`. */
export interface Notification {
    readonly type: string;
    readonly [member: string]: unknown;
}
/** The events of a service, with what their listeners get. */
export type ServiceEvents = {
    /** A content that answers no call. For services that are not called but talked to, as echo. */
    message: [content: unknown];
    /** A notification. */
    notification: [notification: Notification];
};
/** Settings of one call. */
export interface CallOptions {
    /** How long the call may take, in milliseconds. 0: for ever. Default: the client's callTimeout. */
    timeout?: number;
}
/** One service of the server. Made by `snorky.service(name)`. */
export declare class Service {
    #private;
    /** The name of the service. */
    readonly name: string;
    /**
     * Calls a command and resolves to its result; while the connection is not open, the call is queued. Rejects with a
     * SnorkyError, or with a TypeError if the parameters are no JSON.
     */
    call<R = unknown>(command: string, params?: object, options?: CallOptions): Promise<R>;
    /**
     * Sends a content as it is, for services that are not called but talked to. Nothing tells whether it arrives. Throws
     * a SnorkyError if the client is closed or too much waits to be sent, a TypeError if the content is no JSON.
     */
    send(content: unknown): void;
    /** Adds a listener, and returns what takes it away. */
    on<K extends keyof ServiceEvents>(event: K, listener: (...args: ServiceEvents[K]) => void): Stop;
}
