import type { Settings } from "./options.js";

/** What a client does after its connection ended. */
export type Advice = "soon" | "later" | "never";

/**
 * Reads a close code. The codes of Snorky come in ranges, so that a client can obey codes it does not know: 4000 to
 * 4099 come back, 4100 to 4199 come back later, 4200 to 4299 do not come back. Unknown codes are taken for accidents.
 */
export function advice(code: number): Advice {
  if (code >= 4100 && code < 4300) {
    return code < 4200 ? "later" : "never";
  }
  if ([1000, 1002, 1003, 1007, 1008, 1009, 1010].includes(code)) {
    return "never";
  }
  return code === 1013 || code === 1015 ? "later" : "soon";
}

/**
 * Returns the wait before an attempt, counted from 1, in milliseconds. It is drawn evenly from zero to a bound that
 * doubles, so that the clients of a server that fell do not come back in one wave when it is up again.
 */
export function delay(attempt: number, later: boolean, s: Settings): number {
  const bound = Math.min(s.backoffCap, s.backoffBase * 2 ** (attempt - 1));
  return later ? s.laterDelay + Math.random() * Math.max(bound, s.laterDelay) : Math.random() * bound;
}
