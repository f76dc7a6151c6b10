import { type Stop } from "../emitter.js";
import type { Delta } from "./delta.js";
/**
 * Holds data and follows its changes: `R` is what all of it looks like when it is loaded, `D` one item of it. Anything
 * with these two methods can be given to `datasync.subscribe`.
 */
export interface DeltaTarget<R = any, D = any> {
    /** Replaces everything by freshly loaded data, in one change. */
    reset(data: R): void;
    /** Applies deltas in their order, all in one change. */
    apply(deltas: readonly Delta<D>[]): void;
}
/** What tells items apart; for more than one member, make one text of them. */
export type Id = string | number;
/** Settings of a collection of data `D`, kept as items `T`. */
export interface CollectionOptions<D, T> {
    /** Makes the kept item of the data that was loaded or came in a delta. By default it is the data as it is. */
    transform?: (data: D) => T;
    /**
     * Which data belong here; by default all. Deltas reach all collections of their model, whatever subscription they
     * came for, so that several collections of one model need this to be kept apart.
     */
    where?: (data: D) => boolean;
}
/** What all collections have: a snapshot that is a new value after each change, and listeners. */
export declare abstract class Collection<R, D, T, S> implements DeltaTarget<R, D> {
    #private;
    /** The content. It is never altered: after a change there is a new one, and until then always the same. */
    get snapshot(): S;
    /** Adds a listener that gets each new snapshot, and returns what takes it away. */
    onChange(listener: (snapshot: S) => void): Stop;
    /** Replaces the content. Throws, and keeps what it has, if the data are not of the form expected. */
    reset(data: R): void;
    /**
     * Applies deltas. The same one may come twice, or tell of what was in the loaded data already: an insert of a known
     * item replaces it, an update of an unknown one inserts it, a delete of an unknown one does nothing.
     */
    apply(deltas: readonly Delta<D>[]): void;
}
