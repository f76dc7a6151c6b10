import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { useSnorky } from "./context.js";
import { keyOf, useEntered, useLatest } from "./entered.js";
const nobody = [];
/** Is in a chat channel for as long as the component is there. A channel that is undefined is none. */
export function useChat(channel, options = {}) {
    const { service = "chat", limit = 100 } = options;
    const snorky = useSnorky();
    const latest = useLatest(options);
    const key = keyOf(channel);
    const dependencies = [snorky, service, key];
    const [messages, setMessages] = useState([]);
    const enter = (signal) => {
        const current = (f) => (event) => {
            if (!signal.aborted) {
                f(event);
            }
        };
        return snorky.chat(service).join(channel, {
            message: current((message) => {
                setMessages((before) => last([...before, message], latest.current.limit ?? limit));
                latest.current.onMessage?.(message);
            }),
            presence: current((presence) => latest.current.onPresence?.(presence)),
            read: current((mark) => latest.current.onRead?.(mark)),
        });
    };
    const joins = snorky && key !== undefined;
    const [{ value: room, error }, ready] = useEntered(joins ? enter : undefined, (room) => room.leave(), dependencies);
    useEffect(() => () => setMessages([]), dependencies);
    const send = useCallback(async (body) => (await ready()).send(body), [ready]);
    const read = useCallback(async () => (await ready()).read(), [ready]);
    return { joined: room !== undefined, error, members: useMembers(room), messages, send, read };
}
function last(all, number) {
    return number > 0 ? all.slice(-number) : []; // slice(-0) would be all of them
}
function useMembers(room) {
    const subscribe = useCallback((changed) => room?.on("members", changed) ?? (() => { }), [room]);
    return useSyncExternalStore(subscribe, () => room?.members ?? nobody, () => nobody);
}
