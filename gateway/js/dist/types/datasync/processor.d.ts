import type { DeltaTarget } from "./collection.js";
import type { Delta } from "./delta.js";
/** Collections by model; where a model has several, by model and name. */
export interface Collections {
    readonly [model: string]: DeltaTarget | {
        readonly [name: string]: DeltaTarget;
    };
}
/** What a collection is loaded with. */
type Loaded<C> = C extends DeltaTarget<infer R> ? R : never;
/** What the collections of one model are loaded with: each with its own, or all with the same data. */
type LoadedModel<C> = C extends DeltaTarget<infer R> ? R : {
    readonly [N in keyof C]?: Loaded<C[N]>;
} | (Loaded<C[keyof C]> & Iterable<any>);
/** What the collections of a processor are loaded with, by model; models that are missing stay as they are. */
export type LoadedData<C> = {
    readonly [M in keyof C]?: LoadedModel<C[M]>;
};
/**
 * Takes deltas to the collections of their model. The collections may be known to several processors, and be added to
 * `collections` later:
 *
 *     new CollectionDeltaProcessor({
 *       Task: tasks,
 *       Player: {
 *         red: new ArrayCollection({ where: (player) => player.team === "red" }),
 *         blue: new ArrayCollection({ where: (player) => player.team === "blue" }),
 *       },
 *     });
 *
 * A delta with a member `tag` goes to the collection of that name alone. The server sends none: without a tag all
 * collections of the model get the delta, and their `where` decides.
 */
export declare class CollectionDeltaProcessor<C extends Collections = Collections> implements DeltaTarget<LoadedData<C>> {
    #private;
    readonly collections: C;
    constructor(collections: C);
    /** Replaces the content of all collections that data are given for. */
    reset(data: LoadedData<C>): void;
    /** Applies deltas in their order; those of other models are ignored. */
    apply(deltas: readonly Delta[]): void;
    /** Applies one delta. */
    processDelta(delta: Delta): void;
}
export {};
