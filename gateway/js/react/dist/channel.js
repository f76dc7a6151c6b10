import { useSnorky } from "./context.js";
import { keyOf, useEntered, useLatest } from "./entered.js";
/**
 * Calls the handler for each message of a channel, for as long as the component is there. The handler may be another
 * one at each rendering. A channel that is undefined is none.
 */
export function useChannel(channel, handler, { service = "pubsub" } = {}) {
    const snorky = useSnorky();
    const latest = useLatest(handler);
    const key = keyOf(channel);
    const enter = (signal) => snorky.pubsub(service).subscribe(channel, (message, name) => {
        if (!signal.aborted) {
            latest.current(message, name);
        }
    });
    const [{ value, error }] = useEntered(snorky && key !== undefined ? enter : undefined, (subscription) => subscription.unsubscribe(), [snorky, service, key]);
    return { subscribed: value !== undefined, error };
}
