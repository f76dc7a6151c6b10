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

/** What a server can ask for at most, in milliseconds, so that nobody can send clients away for good. */
const longest = 600_000;

/**
 * Reads what the text of a close frame ends with if the server has a moment for each of its clients to come back, as when
 * it is restarted: milliseconds from now. Anything else is undefined.
 */
export function hint(reason: string): number | undefined {
  const found = /(?:^|; )reconnect in ([0-9]+) ms$/.exec(reason);
  return found ? Math.min(Number(found[1]), longest) : undefined;
}

/**
 * Returns the wait before an attempt, counted from 1, in milliseconds. It is drawn evenly from zero to a bound that
 * doubles, so that the clients of a server that fell do not come back in one wave when it is up again.
 */
export function delay(attempt: number, later: boolean, s: Settings, asked?: number): number {
  if (asked !== undefined) {
    // The server spreads its clients better than they can by themselves, but one that never lets them stay is no better
    // than one that fails.
    return attempt > 1 ? Math.max(asked, delay(attempt, false, s)) : asked;
  }
  const bound = Math.min(s.backoffCap, s.backoffBase * 2 ** (attempt - 1));
  return later ? s.laterDelay + Math.random() * Math.max(bound, s.laterDelay) : Math.random() * bound;
}
