import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { ArrayCollection } from "snorky-client";
import { useSnorky } from "./context.js";
import { useLatest } from "./entered.js";
/** The content of a collection; the component is rendered again when it changes. */
export function useSnapshot(collection) {
    const subscribe = useCallback((changed) => collection.onChange(changed), [collection]);
    const snapshot = () => collection.snapshot;
    return useSyncExternalStore(subscribe, snapshot, snapshot);
}
export function useCollection(model, source, { service = "datasync", collection: make = () => new ArrayCollection(), key } = {}) {
    const snorky = useSnorky();
    const latest = useLatest(source);
    // A loader may be another function at each rendering; an address is another one if it reads differently.
    const address = typeof source === "function" ? undefined : String(source);
    const dependencies = [snorky, service, model, address, key];
    const collection = useMemo(make, dependencies);
    const [status, setStatus] = useState(initial);
    const live = useRef(undefined);
    useEffect(() => {
        if (!snorky) {
            return undefined;
        }
        const load = address ?? ((signal) => latest.current(signal));
        const current = snorky.datasync(service).subscribe(model, collection, load);
        live.current = current;
        current.on("state", (state) => setStatus(({ error }) => ({ state, error: state === "live" ? undefined : error })));
        current.on("error", (error) => setStatus(({ state }) => ({ state, error })));
        return () => {
            live.current = undefined;
            current.stop().catch(() => { }); // at worst, deltas come that nobody wants
            setStatus(initial);
        };
    }, [collection]);
    const reload = useCallback(() => live.current?.reload(), []);
    return { snapshot: useSnapshot(collection), ...status, reload };
}
const initial = { state: "loading", error: undefined };
