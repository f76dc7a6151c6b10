import { useCallback, useSyncExternalStore } from "react";
import type { State } from "snorky-client";
import { useSnorky } from "./context.js";

/** What the connection is doing: `connecting`, `open`, `waiting` or `closed`. Without a client it is `connecting`. */
export function useConnectionState(): State {
  const snorky = useSnorky();
  const subscribe = useCallback((changed: () => void) => snorky?.on("state", changed) ?? (() => {}), [snorky]);
  return useSyncExternalStore(
    subscribe,
    () => snorky?.state ?? "connecting",
    () => "connecting",
  );
}
