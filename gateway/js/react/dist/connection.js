import { useCallback, useSyncExternalStore } from "react";
import { useSnorky } from "./context.js";
/** What the connection is doing: `connecting`, `open`, `waiting` or `closed`. Without a client it is `connecting`. */
export function useConnectionState() {
    const snorky = useSnorky();
    const subscribe = useCallback((changed) => snorky?.on("state", changed) ?? (() => { }), [snorky]);
    return useSyncExternalStore(subscribe, () => snorky?.state ?? "connecting", () => "connecting");
}
