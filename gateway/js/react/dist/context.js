import { createContext, createElement, useContext } from "react";
const Context = createContext(undefined);
/** Gives a client to the hooks below. It belongs to the application, which makes it and closes it. */
export function SnorkyProvider({ snorky, children }) {
    return createElement(Context.Provider, { value: snorky }, children);
}
/** The client of the provider above. Throws if there is no provider. */
export function useSnorky() {
    const snorky = useContext(Context);
    if (snorky === undefined) {
        throw new Error("there is no SnorkyProvider above");
    }
    return snorky;
}
