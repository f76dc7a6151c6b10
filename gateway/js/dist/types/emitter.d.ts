/** Events and the arguments their listeners get. */
export type EventMap = {
    [event: string]: unknown[];
};
/** Ends what it was returned for. Calling it again does nothing. */
export type Stop = () => void;
/** Shows an exception of a listener where uncaught exceptions are shown, without ending what called the listener. */
export declare function guard(f: () => void): void;
/** Listeners by event. */
export declare class Emitter<E extends EventMap> {
    #private;
    /** Adds a listener; the same function may be added several times. */
    on<K extends keyof E>(event: K, f: (...args: E[K]) => void): Stop;
    /** Calls the listeners an event has now, in the order they came. Tells whether there are any. */
    emit<K extends keyof E>(event: K, ...args: E[K]): boolean;
}
/**
 * Waits for something to come about: looks now, and whenever `on` calls the listener it is given. Resolves when the
 * look tells true, and rejects with the error it returns.
 */
export declare function until(on: (listener: () => void) => Stop, look: () => boolean | Error): Promise<void>;
/**
 * Calls f for every member the set has at the beginning, unless it is taken out before its turn. What one of them
 * throws keeps nothing from the others. Tells whether there were any.
 */
export declare function serve<T>(all: ReadonlySet<T>, f: (one: T) => void): boolean;
