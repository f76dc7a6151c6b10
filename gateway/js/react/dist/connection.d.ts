import type { State } from "snorky-client";
/** What the connection is doing: `connecting`, `open`, `waiting` or `closed`. Without a client it is `connecting`. */
export declare function useConnectionState(): State;
