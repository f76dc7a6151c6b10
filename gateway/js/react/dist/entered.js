import { useCallback, useEffect, useRef, useState } from "react";
/**
 * Enters something for as long as the component is there and the dependencies stay. The signal is aborted when it is
 * left, even if the server has not answered yet: from then on nothing of it may reach the component. The second result
 * waits for the value.
 */
export function useEntered(enter, leave, dependencies) {
    const [entered, setEntered] = useState({});
    const entering = useRef(undefined);
    useEffect(() => {
        if (!enter) {
            return undefined;
        }
        const controller = new AbortController();
        const show = (outcome) => !controller.signal.aborted && setEntered(outcome);
        const current = enter(controller.signal);
        entering.current = current;
        current.then((value) => show({ value }), (error) => show({ error }));
        return () => {
            controller.abort();
            entering.current = undefined;
            setEntered({});
            current.then(leave).catch(() => { }); // at worst, the server holds it until the connection ends
        };
    }, dependencies);
    const ready = useCallback(async () => {
        if (!entering.current) {
            throw new Error("not joined");
        }
        return entering.current;
    }, []);
    return [entered, ready];
}
/** The latest value, for what is called later. */
export function useLatest(value) {
    const latest = useRef(value);
    useEffect(() => {
        latest.current = value;
    });
    return latest;
}
/** One text per JSON value, to tell values that are written anew at each rendering from others; none for undefined. */
export function keyOf(value) {
    return JSON.stringify(value);
}
