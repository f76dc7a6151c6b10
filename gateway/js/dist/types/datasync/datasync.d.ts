import { type Stop } from "../emitter.js";
import type { CallOptions, Service } from "../service.js";
import type { DeltaTarget } from "./collection.js";
import { type Delta } from "./delta.js";
import { type LiveOptions, LiveSubscription, type Source } from "./live.js";
/** The events of a DataSync service, with what their listeners get. */
export type DataSyncEvents = {
    /** A change of any subscribed data. Nothing tells which subscription it came for. */
    delta: [delta: Delta<any, any>];
    /** The server ended a subscription, since too much waited for this client. */
    ended: [end: {
        readonly token: string;
        readonly reason: string;
    }];
};
/** A DataSync service (PROTOCOL.md section 6.8). Made by `snorky.datasync(name)`. */
export declare class DataSync {
    #private;
    /** The service behind. */
    readonly service: Service;
    /** The name of the service. */
    get name(): string;
    /** Adds a listener, and returns what takes it away. */
    on<K extends keyof DataSyncEvents>(event: K, listener: (...args: DataSyncEvents[K]) => void): Stop;
    /**
     * Keeps a collection up to date: loads its data, acquires the subscription whose token comes with them, and applies
     * what changes, until it is stopped. On each new connection everything is loaded anew.
     */
    subscribe<R, D>(model: string, collection: DeltaTarget<R, D>, source: Source<R>, options?: LiveOptions): LiveSubscription;
    /** The same for several collections: a `CollectionDeltaProcessor`, or any other target, gets all deltas. */
    subscribe<R>(target: DeltaTarget<R>, source: Source<R>, options?: LiveOptions): LiveSubscription;
    /**
     * Acquires a subscription by its token, which works once: its deltas come as `delta` events until it is cancelled or
     * the connection ends. Resolves after those that waited for it. Rejects as `Service.call` does, with "No such
     * subscription" if the token is wrong or too old. `subscribe` does this by itself.
     */
    acquire(token: string, options?: CallOptions): Promise<void>;
    /** Ends an acquired subscription. When it resolves, nothing more of it comes. Rejects as `Service.call` does. */
    cancel(token: string, options?: CallOptions): Promise<void>;
}
