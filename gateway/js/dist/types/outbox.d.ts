import type { Connection } from "./connection.js";
/** A text on its way to the server. */
export interface Item {
    readonly text: string;
    /** Called when the text is handed to the socket. */
    readonly sent?: () => void;
    /** It precedes everything: it is sent before the connection counts as open, and never on another one. */
    readonly first?: boolean | undefined;
}
/** What waits for the connection to open, in the order it came. */
export declare class Outbox {
    #private;
    /** The limit is in bytes, over what waits here and in the socket. */
    constructor(connection: Connection, limit: number);
    /** Sends a text, or keeps it until flush. Tells false, and does neither, if too much waits already. */
    push(item: Item, unlimited?: boolean): boolean;
    has(item: Item): boolean;
    remove(item: Item): void;
    /** Sends all that waits. */
    flush(): void;
    clear(): void;
}
