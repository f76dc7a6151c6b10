import type { Core } from "./core.js";
import type { SnorkyError } from "./errors.js";
import { type Json } from "./json.js";
import type { Service } from "./service.js";
/** How a service calls what its clients do with channels, documents or names. */
export interface Terms {
    readonly enter: string;
    readonly leave: string;
    /** The parameter of both commands. */
    readonly subject: string;
    /** What the service answers to who is in already, if being told so is as good as entering. */
    readonly already?: string;
    /** What it answers to who leaves without being in. */
    readonly not: string;
    /** Entering is answered with what is there: who is told to be in already goes out and comes in again. */
    readonly listed?: boolean;
    /** A refusal that may pass: what the connection before held may not be free yet. */
    readonly passing?: string;
}
/**
 * What a client is in at the server on behalf of at least one user of its own, whatever their number: a channel, a
 * document, a name. Each new connection enters again. Connections are numbered by how many ended before them.
 */
export declare class Membership<U extends object> {
    #private;
    /** The channel, document or name, as it was given first. */
    readonly subject: Json;
    readonly users: Set<U>;
    constructor(core: Core, service: Service, terms: Terms, subject: Json, forget: () => void);
    /** Tells whether the server has confirmed on the present connection. */
    get confirmed(): boolean;
    /** Adds a user. Resolves when the server has confirmed; rejects, without the user, if it refuses or is silent. */
    enter(user: U): Promise<void>;
    /** Takes a user away; with the last one the server is told. Resolves when it has confirmed. */
    leave(user: U): Promise<void>;
    /** The client was closed: who waits for a connection waits no more. */
    closed(error: SnorkyError): void;
    /** Enters on a new connection, or with a new identity what was refused before. */
    renew(): void;
    /** Gets the answer of each connection, before anything that follows it. */
    protected entered(_data: unknown): void;
}
/** The memberships of one service, by what they are in. */
export declare class Memberships<M extends Membership<any>> {
    #private;
    constructor(core: Core, make: (subject: Json, forget: () => void) => M);
    /** The membership of a subject, if there is one. */
    find(subject: unknown): M | undefined;
    /** The membership of a subject, whether or not there was one. Throws a TypeError if it is no JSON. */
    get(subject: Json): M;
}
/** Waits for a call that ends something, which has ended just as well with its connection, or before. */
export declare function ending(call: Promise<unknown>, not: string): Promise<void>;
