import { type CloseInfo, Connection, type Owner, type State, type Wait } from "./connection.js";
import { Emitter } from "./emitter.js";
import { SnorkyError } from "./errors.js";
import type { Settings } from "./options.js";
/** The events of a client, with what their listeners get. */
export type SnorkyEvents = {
    /** The connection is open. What listeners call is sent before renewed subscriptions and queued calls. */
    open: [];
    /** An open connection ended, or the client was closed for good. */
    close: [end: CloseInfo];
    /** The client waits before its next attempt to connect. */
    reconnecting: [wait: Wait];
    /** The state changed. */
    state: [state: State];
    /** Something failed that no caller waits for. Without a listener it is written to the console. */
    error: [error: SnorkyError];
};
/** A command for a service (PROTOCOL.md section 4). */
export interface Request {
    readonly service: string;
    readonly command: string;
    readonly params: unknown;
    /** Milliseconds until the call fails. 0: never. */
    readonly timeout: number;
    /** The time counts from sending, not from calling. */
    readonly patient?: boolean;
    /** The request may pass the limit of what waits. */
    readonly unlimited?: boolean;
    /** The request precedes everything; only made by greetings. */
    readonly first?: boolean;
    /** Called once, at the latest when the connection ends; for some errors before the call returns. */
    done(error: SnorkyError | undefined, data?: unknown): void;
}
/** What the connectors of one client share: the connection, the calls, and who gets what arrives. */
export declare class Core implements Owner {
    #private;
    readonly events: Emitter<SnorkyEvents>;
    readonly settings: Settings;
    readonly connection: Connection;
    /** Who gets the contents of a service, if they are no answers. Tells false if it has no use for the content. */
    readonly receivers: Map<string, (content: unknown, isAnswer: boolean) => boolean>;
    /** Called for each new connection; nothing but what they call is sent until all of them are done. */
    readonly greetings: (() => Promise<void>)[];
    /** Called for each new connection and each new identity, to restore what the connection before held. */
    readonly renewals: (() => void)[];
    constructor(url: string, settings: Settings);
    /** Makes a call. Throws a TypeError if the parameters are no JSON. */
    request(request: Request): void;
    /** Sends a content that has no answer. Throws a SnorkyError if it is closed or too much waits. */
    send(service: string, content: unknown): void;
    /** Reports what no caller waits for. */
    fail(error: SnorkyError): void;
    /** Begins an attempt to connect, if there is neither a connection nor an attempt. */
    connect(): void;
    /** The error that everything gets once the client is closed. */
    closed(): SnorkyError;
    dialing(): void;
    greet(): Promise<unknown> | undefined;
    up(): void;
    /** Restores what the connection before held, as far as it is not there yet. */
    renew(): void;
    text(data: string): void;
    down(end: CloseInfo, wasOpen: boolean, wait?: Wait): void;
}
