import { type DependencyList } from "react";
/** What a component is in. */
export interface Entered<T> {
    /** Once the server has confirmed. */
    readonly value?: T;
    /** Why the server has not. */
    readonly error?: Error;
}
/**
 * Enters something for as long as the component is there and the dependencies stay. The signal is aborted when it is
 * left, even if the server has not answered yet: from then on nothing of it may reach the component. The second result
 * waits for the value.
 */
export declare function useEntered<T>(enter: ((signal: AbortSignal) => Promise<T>) | undefined, leave: (value: T) => Promise<unknown>, dependencies: DependencyList): [Entered<T>, () => Promise<T>];
/** The latest value, for what is called later. */
export declare function useLatest<T>(value: T): {
    readonly current: T;
};
/** One text per JSON value, to tell values that are written anew at each rendering from others; none for undefined. */
export declare function keyOf(value: unknown): string | undefined;
