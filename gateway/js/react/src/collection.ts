import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { ArrayCollection, type LiveState, type LiveSubscription, type Source } from "snorky-client";
import { useSnorky } from "./context.js";
import { useLatest } from "./entered.js";

/** What a hook needs of a collection. */
interface Observable<S> {
  readonly snapshot: S;
  onChange(listener: (snapshot: S) => void): () => void;
}

/** What `useCollection` needs of one. */
interface Loadable<R, S> extends Observable<S> {
  reset(data: R): void;
  apply(deltas: readonly any[]): void;
}

/** Settings of `useCollection`. */
export interface CollectionOptions<C> {
  /** The name of the service. Default: `datasync`. */
  readonly service?: string;
  /** Makes the collection. Default: an `ArrayCollection` of items with an `id`. */
  readonly collection?: () => C;
  /** When it changes, everything is made and loaded anew. For loaders that look at values of the component. */
  readonly key?: string | number;
}

/** A collection as a component sees it. */
export interface CollectionStatus<S> {
  /** The content of the collection. */
  readonly snapshot: S;
  /** `loading`, `live`, or `waiting` for the connection or the next attempt. */
  readonly state: LiveState;
  /** Why loading failed, until it has succeeded. */
  readonly error: Error | undefined;
  /** Loads everything anew. */
  readonly reload: () => void;
}

/** The content of a collection; the component is rendered again when it changes. */
export function useSnapshot<S>(collection: Observable<S>): S {
  const subscribe = useCallback((changed: () => void) => collection.onChange(changed), [collection]);
  const snapshot = () => collection.snapshot;
  return useSyncExternalStore(subscribe, snapshot, snapshot);
}

/** Loads a collection and keeps it up to date for as long as the component is there. */
export function useCollection<R, S>(
  model: string,
  source: Source<R>,
  options: CollectionOptions<Loadable<R, S>> & { readonly collection: () => Loadable<R, S> },
): CollectionStatus<S>;
export function useCollection<D = any>(
  model: string,
  source: Source<Iterable<D>>,
  options?: CollectionOptions<never>,
): CollectionStatus<readonly D[]>;
export function useCollection(
  model: string,
  source: Source<any>,
  { service = "datasync", collection: make = () => new ArrayCollection(), key }: CollectionOptions<any> = {},
): CollectionStatus<any> {
  const snorky = useSnorky();
  const latest = useLatest(source);
  // A loader may be another function at each rendering; an address is another one if it reads differently.
  const address = typeof source === "function" ? undefined : String(source);
  const dependencies = [snorky, service, model, address, key];
  const collection = useMemo<Loadable<any, any>>(make, dependencies);
  const [status, setStatus] = useState<Pick<CollectionStatus<any>, "state" | "error">>(initial);
  const live = useRef<LiveSubscription | undefined>(undefined);

  useEffect(() => {
    if (!snorky) {
      return undefined;
    }
    const load: Source<any> = address ?? ((signal) => (latest.current as Exclude<Source<any>, string | URL>)(signal));
    const current = snorky.datasync(service).subscribe(model, collection, load);
    live.current = current;
    current.on("state", (state) =>
      setStatus(({ error }) => ({ state, error: state === "live" ? undefined : error })),
    );
    current.on("error", (error) => setStatus(({ state }) => ({ state, error })));
    return () => {
      live.current = undefined;
      current.stop().catch(() => {}); // at worst, deltas come that nobody wants
      setStatus(initial);
    };
  }, [collection]);

  const reload = useCallback(() => live.current?.reload(), []);
  return { snapshot: useSnapshot(collection), ...status, reload };
}

const initial = { state: "loading" as const, error: undefined };
