import type { Cursor, CursorState, Json } from "snorky-client";
/** Settings of `useCursors`. */
export interface CursorsOptions<P, S> {
    /** The name of the service. Default: `cursors`. */
    readonly service?: string;
    /** What the own cursor is like at first. Without it there is none, and the component only watches. */
    readonly initial?: CursorState<P, S>;
}
/** The cursors of a document as a component sees them. */
export interface SharedCursors<P, S> {
    /** The document is joined, and the own cursor, if there is to be one, is made. */
    readonly joined: boolean;
    /** Why it is not. */
    readonly error: Error | undefined;
    /** The cursors of others. */
    readonly cursors: readonly Cursor<P, S>[];
    /** Changes the own cursor, as often as events come. */
    readonly update: (changes: Partial<CursorState<P, S>>) => void;
}
/** Is in a document for as long as the component is there. A document that is undefined is none. */
export declare function useCursors<P = any, S = any>(document: Json | undefined, options?: CursorsOptions<P, S>): SharedCursors<P, S>;
