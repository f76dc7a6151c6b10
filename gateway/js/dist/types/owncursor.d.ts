import type { CursorState } from "./cursors.js";
/**
 * A cursor of this client, made by `document.create(state)`. Only one request of it is under way at any time: what
 * changes until its answer is sent as one update, so that a cursor may be moved as often as the mouse is.
 */
export declare class OwnCursor<P = any, S = any> {
    #private;
    get position(): P;
    get status(): S;
    /** By what others know it on the present connection; undefined until the server has told. */
    get publicHandle(): number | undefined;
    /**
     * Changes the position, the status, or both. Returns at once; the last state wins, and what fails is an `error` event
     * of the client. Throws a TypeError if a value is no JSON.
     */
    update(changes: Partial<CursorState<P, S>>): void;
    /** Takes the cursor away. Resolves when the server has confirmed. May be called again. */
    remove(): Promise<void>;
}
