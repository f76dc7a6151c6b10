import { type Stop } from "./emitter.js";
import { type Json } from "./json.js";
import type { CallOptions, Service } from "./service.js";
/** A message in a channel. */
export interface ChatMessage<B = any> {
    /** The identity of the sender. */
    readonly from: Json;
    readonly channel: Json;
    readonly body: B;
    /** ISO 8601, with the offset from UTC. */
    readonly timestamp: string;
}
/** Somebody joined with the first connection, or left with the last one. */
export interface Presence {
    readonly from: Json;
    readonly channel: Json;
    readonly status: "joined" | "left";
    readonly timestamp: string;
}
/** Another connection of the same identity has read the channel. */
export interface ReadMark {
    readonly channel: Json;
    readonly timestamp: string;
}
/** The events of a room, with what their listeners get. */
export type RoomEvents<B = any> = {
    message: [message: ChatMessage<B>];
    presence: [presence: Presence];
    read: [mark: ReadMark];
    /** The list of members changed, by presence or since it was got anew after a reconnect. */
    members: [members: readonly Json[]];
};
/** Listeners that are there from the first message on. */
export type RoomHandlers<B = any> = {
    [K in keyof RoomEvents<B>]?: (...args: RoomEvents<B>[K]) => void;
};
/** A channel as one part of a program is in it. Made by `chat.join(channel)`. */
export declare class Room<B = any> {
    #private;
    /** The channel as it was given to `join`. */
    readonly channel: Json;
    /**
     * The identities in the channel, the own one included; a new list after each change. Between connections it is the
     * last one known.
     */
    get members(): readonly Json[];
    /** Adds a listener, and returns what takes it away. */
    on<K extends keyof RoomEvents<B>>(event: K, listener: (...args: RoomEvents<B>[K]) => void): Stop;
    /** Sends a message to everybody in the channel, oneself included. Rejects as `Service.call` does. */
    send(body: B, options?: CallOptions): Promise<void>;
    /** Tells the other connections of the same identity that the channel is read. Rejects as `Service.call` does. */
    read(options?: CallOptions): Promise<void>;
    /**
     * Leaves: no listener is called any more from now on. With the last room of a channel the server is told; the promise
     * resolves when it has confirmed. May be called again.
     */
    leave(): Promise<void>;
}
/** A chat service (PROTOCOL.md section 6.6). Made by `snorky.chat(name)`. */
export declare class Chat {
    #private;
    /** The service behind. */
    readonly service: Service;
    /** The name of the service. */
    get name(): string;
    /**
     * Joins a channel, which needs an identity. Resolves when the server has confirmed; on each new connection the
     * channel is joined again. While there is none, it waits. Rejects with a SnorkyError if the server refuses or does
     * not answer in time. A channel may be joined several times: it is left with the last of the rooms.
     */
    join<B = any>(channel: Json, handlers?: RoomHandlers<B>): Promise<Room<B>>;
}
