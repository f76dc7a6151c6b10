import { type Stop } from "./emitter.js";
import type { Json } from "./json.js";
import type { CallOptions, Service } from "./service.js";
/** A message to one of this client's names. */
export interface DirectMessage<B = any> {
    readonly sender: Json;
    /** The name it was sent to. */
    readonly dest: Json;
    readonly body: B;
}
/** The events of a messaging service, with what their listeners get. */
export type MessagingEvents = {
    message: [message: DirectMessage];
};
/** A messaging service (PROTOCOL.md section 6.5). Made by `snorky.messaging(name)`. */
export declare class Messaging {
    #private;
    /** The service behind. */
    readonly service: Service;
    /** The name of the service. */
    get name(): string;
    /** Adds a listener, and returns what takes it away. */
    on<K extends keyof MessagingEvents>(event: K, listener: (...args: MessagingEvents[K]) => void): Stop;
    /**
     * Registers a name: messages to it come as events. Resolves when the server has confirmed; the name is registered
     * again on each new connection, and tried again for as long as the server has not noticed that the one before is
     * gone. Rejects with a SnorkyError if the server refuses or does not answer in time.
     */
    register(name: Json): Promise<void>;
    /** Gives a name back. Resolves when the server has confirmed; at once if this client does not have it. */
    unregister(name: Json): Promise<void>;
    /** All names that are registered, by whomever. Rejects as `Service.call` does. */
    list(options?: CallOptions): Promise<Json[]>;
    /** Sends a message from an own name to any name. Rejects as `Service.call` does. */
    send(sender: Json, dest: Json, body: unknown, options?: CallOptions): Promise<void>;
}
