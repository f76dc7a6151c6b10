import { useCallback, useSyncExternalStore } from "react";
import type { Cursor, CursorDocument, CursorState, Json, OwnCursor } from "snorky-client";
import { useSnorky } from "./context.js";
import { keyOf, useEntered, useLatest } from "./entered.js";

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

const none: readonly never[] = [];

/** Is in a document for as long as the component is there. A document that is undefined is none. */
export function useCursors<P = any, S = any>(
  document: Json | undefined,
  options: CursorsOptions<P, S> = {},
): SharedCursors<P, S> {
  const { service = "cursors" } = options;
  const snorky = useSnorky();
  const latest = useLatest(options);
  const key = keyOf(document);
  const enter = async (signal: AbortSignal) => {
    const joined = await snorky!.cursors(service).join<P, S>(document as Json);
    const { initial } = latest.current;
    let own: OwnCursor<P, S> | undefined;
    try {
      own = initial && !signal.aborted ? await joined.create(initial) : undefined;
    } catch (error) {
      joined.leave().catch(() => {});
      throw error;
    }
    return { joined, own };
  };
  const [{ value, error }, ready] = useEntered(
    snorky && key !== undefined ? enter : undefined,
    ({ joined }) => joined.leave(),
    [snorky, service, key],
  );
  const update = useCallback(
    (changes: Partial<CursorState<P, S>>) => {
      ready()
        .then(({ own }) => own?.update(changes))
        .catch(() => {}); // there is no cursor, and `error` says why
    },
    [ready],
  );
  return { joined: value !== undefined, error, cursors: useForeign(value?.joined), update };
}

function useForeign<P, S>(document: CursorDocument<P, S> | undefined): readonly Cursor<P, S>[] {
  const subscribe = useCallback((changed: () => void) => document?.on("cursors", changed) ?? (() => {}), [document]);
  return useSyncExternalStore(
    subscribe,
    () => document?.cursors ?? none,
    () => none,
  );
}
