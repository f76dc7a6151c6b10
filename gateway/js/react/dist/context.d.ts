import { type ReactElement, type ReactNode } from "react";
import type { Snorky } from "snorky-client";
export interface SnorkyProviderProps {
    /** The client for everything below; null where there is none, as when a page is rendered on a server. */
    readonly snorky: Snorky | null;
    readonly children?: ReactNode;
}
/** Gives a client to the hooks below. It belongs to the application, which makes it and closes it. */
export declare function SnorkyProvider({ snorky, children }: SnorkyProviderProps): ReactElement;
/** The client of the provider above. Throws if there is no provider. */
export declare function useSnorky(): Snorky | null;
