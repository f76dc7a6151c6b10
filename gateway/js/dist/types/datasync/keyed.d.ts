import { Collection, type CollectionOptions, type Id } from "./collection.js";
/** Settings of a collection of many items. */
export interface KeyedOptions<D, T, K extends Id = Id> extends CollectionOptions<D, T> {
    /** Finds what tells the items apart in their data. By default it is the member `id`. */
    id?: (data: D) => K;
}
/** Items by their ids, in the order they came. */
export declare abstract class KeyedCollection<D, T, K extends Id, S> extends Collection<Iterable<D>, D, T, S> {
    #private;
    /** How many items there are. */
    get size(): number;
    /** The item of an id. */
    get(id: K): T | undefined;
}
/** Settings of an `ArrayCollection`. */
export interface ArrayOptions<D, T> extends KeyedOptions<D, T> {
    /** The order of the items, as for `Array.sort`. By default they stay in the order they came. */
    sort?: (a: T, b: T) => number;
}
/** A collection whose snapshot is an array. An item that changes keeps its place, unless sorting moves it. */
export declare class ArrayCollection<D, T = D> extends KeyedCollection<D, T, Id, readonly T[]> {
    #private;
    constructor(options?: ArrayOptions<D, T>);
}
/** A collection whose snapshot is a map from ids to items. */
export declare class MapCollection<D, K extends Id = Id, T = D> extends KeyedCollection<D, T, K, ReadonlyMap<K, T>> {
    constructor(options?: KeyedOptions<D, T, K>);
}
