import { type Stop } from "./emitter.js";
import { type Json } from "./json.js";
import { OwnCursor } from "./owncursor.js";
import type { Service } from "./service.js";
/** What a cursor says: any JSON values, which the server does not interpret. */
export interface CursorState<P = any, S = any> {
    /** Where it is. */
    readonly position: P;
    /** What it is doing. */
    readonly status: S;
}
/** Somebody else's cursor. */
export interface Cursor<P = any, S = any> extends CursorState<P, S> {
    /** What tells it from others. */
    readonly publicHandle: number;
    readonly document: Json;
    /** The identity of who made it. */
    readonly owner: Json;
}
/** The events of a document, with what their listeners get. */
export type DocumentEvents<P = any, S = any> = {
    /** The cursors of others changed. */
    cursors: [cursors: readonly Cursor<P, S>[]];
};
/** A document as one part of a program is in it. Made by `cursors.join(document)`. */
export declare class CursorDocument<P = any, S = any> {
    #private;
    /** The document as it was given to `join`. */
    readonly document: Json;
    /**
     * The cursors of others, in the order they were made; a new list after each change. Between connections it is the
     * last one known.
     */
    get cursors(): readonly Cursor<P, S>[];
    /** Adds a listener, and returns what takes it away. */
    on<K extends keyof DocumentEvents<P, S>>(event: K, listener: (...args: DocumentEvents<P, S>[K]) => void): Stop;
    /**
     * Makes a cursor that others see. Resolves when the server has confirmed; on each new connection it is made again, as
     * it is then. While there is none, it waits. Rejects with a SnorkyError if the server refuses or does not answer in
     * time.
     */
    create(state: CursorState<P, S>): Promise<OwnCursor<P, S>>;
    /**
     * Leaves: the own cursors made here are gone, and no listener is called any more from now on. With the last part that
     * is in the document the server is told; the promise resolves when it has confirmed. May be called again.
     */
    leave(): Promise<void>;
}
/** A service of documents with cursors (PROTOCOL.md section 6.7). Made by `snorky.cursors(name)`. */
export declare class Cursors {
    #private;
    /** The service behind. */
    readonly service: Service;
    /** The name of the service. */
    get name(): string;
    /**
     * Joins a document, which needs an identity. Resolves when the server has confirmed; on each new connection the
     * document is joined again. While there is none, it waits. Rejects with a SnorkyError if the server refuses or does
     * not answer in time. A document may be joined several times: it is left with the last of them.
     */
    join<P = any, S = any>(document: Json): Promise<CursorDocument<P, S>>;
}
