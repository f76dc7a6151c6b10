import type { Settings } from "./options.js";
/** What a client does after its connection ended. */
export type Advice = "soon" | "later" | "never";
/**
 * Reads a close code. The codes of Snorky come in ranges, so that a client can obey codes it does not know: 4000 to
 * 4099 come back, 4100 to 4199 come back later, 4200 to 4299 do not come back. Unknown codes are taken for accidents.
 */
export declare function advice(code: number): Advice;
/**
 * Reads what the text of a close frame ends with if the server has a moment for each of its clients to come back, as when
 * it is restarted: milliseconds from now. Anything else is undefined.
 */
export declare function hint(reason: string): number | undefined;
/**
 * Returns the wait before an attempt, counted from 1, in milliseconds. It is drawn evenly from zero to a bound that
 * doubles, so that the clients of a server that fell do not come back in one wave when it is up again.
 */
export declare function delay(attempt: number, later: boolean, s: Settings, asked?: number): number;
