import { createContext, createElement, type ReactElement, type ReactNode, useContext } from "react";
import type { Snorky } from "snorky-client";

const Context = createContext<Snorky | null | undefined>(undefined);

export interface SnorkyProviderProps {
  /** The client for everything below; null where there is none, as when a page is rendered on a server. */
  readonly snorky: Snorky | null;
  readonly children?: ReactNode;
}

/** Gives a client to the hooks below. It belongs to the application, which makes it and closes it. */
export function SnorkyProvider({ snorky, children }: SnorkyProviderProps): ReactElement {
  return createElement(Context.Provider, { value: snorky }, children);
}

/** The client of the provider above. Throws if there is no provider. */
export function useSnorky(): Snorky | null {
  const snorky = useContext(Context);
  if (snorky === undefined) {
    throw new Error("there is no SnorkyProvider above");
  }
  return snorky;
}
