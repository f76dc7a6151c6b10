import { type LiveState, type Source } from "snorky-client";
/** What a hook needs of a collection. */
interface Observable<S> {
    readonly snapshot: S;
    onChange(listener: (snapshot: S) => void): () => void;
}
/** What `useCollection` needs of one. */
interface Loadable<R, S> extends Observable<S> {
    reset(data: R): void;
    apply(deltas: readonly any[]): void;
}
/** Settings of `useCollection`. */
export interface CollectionOptions<C> {
    /** The name of the service. Default: `datasync`. */
    readonly service?: string;
    /** Makes the collection. Default: an `ArrayCollection` of items with an `id`. */
    readonly collection?: () => C;
    /** When it changes, everything is made and loaded anew. For loaders that look at values of the component. */
    readonly key?: string | number;
}
/** A collection as a component sees it. */
export interface CollectionStatus<S> {
    /** The content of the collection. */
    readonly snapshot: S;
    /** `loading`, `live`, or `waiting` for the connection or the next attempt. */
    readonly state: LiveState;
    /** Why loading failed, until it has succeeded. */
    readonly error: Error | undefined;
    /** Loads everything anew. */
    readonly reload: () => void;
}
/** The content of a collection; the component is rendered again when it changes. */
export declare function useSnapshot<S>(collection: Observable<S>): S;
/** Loads a collection and keeps it up to date for as long as the component is there. */
export declare function useCollection<R, S>(model: string, source: Source<R>, options: CollectionOptions<Loadable<R, S>> & {
    readonly collection: () => Loadable<R, S>;
}): CollectionStatus<S>;
export declare function useCollection<D = any>(model: string, source: Source<Iterable<D>>, options?: CollectionOptions<never>): CollectionStatus<readonly D[]>;
export {};
