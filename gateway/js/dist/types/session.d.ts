import { type Stop } from "./emitter.js";
import type { Json } from "./json.js";
import type { TokenProvider } from "./options.js";
import type { CallOptions, Service } from "./service.js";
/** Who the server takes this client for. */
export interface Identity {
    readonly identity: Json;
    /** For how long, in seconds from the answer; null: as long as the connection lasts. */
    readonly expiresIn: number | null;
}
/** The events of a session, with what their listeners get. */
export type SessionEvents = {
    /** The server has accepted a token. */
    authenticated: [identity: Identity];
    /** The identity ends soon, and the connection with it. A token provider, if there is one, is called by itself. */
    expiring: [end: {
        readonly expiresIn: number;
    }];
};
/** Settings of a session. */
export interface SessionOptions {
    /**
     * Called on each new connection, before anything is sent, and again when the identity is about to expire. If it
     * fails, so has the attempt to connect.
     */
    token?: TokenProvider;
}
/** A service that gives the connection an identity in exchange for a token. Made by `snorky.session(name)`. */
export declare class Session {
    #private;
    /** The service behind. */
    readonly service: Service;
    /** The name of the service. */
    get name(): string;
    /** Who the server takes the client for on the present connection; undefined before it has said so. */
    get identity(): Json | undefined;
    /** Adds a listener, and returns what takes it away. */
    on<K extends keyof SessionEvents>(event: K, listener: (...args: SessionEvents[K]) => void): Stop;
    /**
     * Gives the server a token for the present connection; the next one needs it anew, which a token provider does by
     * itself. Rejects as `Service.call` does.
     */
    authenticate(token: string, { timeout }?: CallOptions): Promise<Identity>;
    /** Asks the server who it takes the client for; null: for nobody. Rejects as `Service.call` does. */
    whoami(options?: CallOptions): Promise<Json>;
}
