import { Collection, type CollectionOptions } from "./collection.js";
/** Settings of a `SingleItemCollection`. */
export interface SingleOptions<D, T> extends CollectionOptions<D, T> {
    /** Finds what tells the item from others in its data. By default it is the member `id`, if there is one. */
    id?: (data: D) => unknown;
}
/**
 * A collection of at most one item; the snapshot is undefined without one. An insert always replaces it. Updates and
 * deletes of other items than the present one are ignored.
 */
export declare class SingleItemCollection<D, T = D> extends Collection<D | null | undefined, D, T, T | undefined> {
    #private;
    constructor(options?: SingleOptions<D, T>);
}
