import { useCallback, useSyncExternalStore } from "react";
import { useSnorky } from "./context.js";
import { keyOf, useEntered, useLatest } from "./entered.js";
const none = [];
/** Is in a document for as long as the component is there. A document that is undefined is none. */
export function useCursors(document, options = {}) {
    const { service = "cursors" } = options;
    const snorky = useSnorky();
    const latest = useLatest(options);
    const key = keyOf(document);
    const enter = async (signal) => {
        const joined = await snorky.cursors(service).join(document);
        const { initial } = latest.current;
        let own;
        try {
            own = initial && !signal.aborted ? await joined.create(initial) : undefined;
        }
        catch (error) {
            joined.leave().catch(() => { });
            throw error;
        }
        return { joined, own };
    };
    const [{ value, error }, ready] = useEntered(snorky && key !== undefined ? enter : undefined, ({ joined }) => joined.leave(), [snorky, service, key]);
    const update = useCallback((changes) => {
        ready()
            .then(({ own }) => own?.update(changes))
            .catch(() => { }); // there is no cursor, and `error` says why
    }, [ready]);
    return { joined: value !== undefined, error, cursors: useForeign(value?.joined), update };
}
function useForeign(document) {
    const subscribe = useCallback((changed) => document?.on("cursors", changed) ?? (() => { }), [document]);
    return useSyncExternalStore(subscribe, () => document?.cursors ?? none, () => none);
}
