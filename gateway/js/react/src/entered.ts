import { type DependencyList, useCallback, useEffect, useRef, useState } from "react";

/** What a component is in. */
export interface Entered<T> {
  /** Once the server has confirmed. */
  readonly value?: T;
  /** Why the server has not. */
  readonly error?: Error;
}

/**
 * Enters something for as long as the component is there and the dependencies stay. The signal is aborted when it is
 * left, even if the server has not answered yet: from then on nothing of it may reach the component. The second result
 * waits for the value.
 */
export function useEntered<T>(
  enter: ((signal: AbortSignal) => Promise<T>) | undefined,
  leave: (value: T) => Promise<unknown>,
  dependencies: DependencyList,
): [Entered<T>, () => Promise<T>] {
  const [entered, setEntered] = useState<Entered<T>>({});
  const entering = useRef<Promise<T> | undefined>(undefined);
  useEffect(() => {
    if (!enter) {
      return undefined;
    }
    const controller = new AbortController();
    const show = (outcome: Entered<T>) => !controller.signal.aborted && setEntered(outcome);
    const current = enter(controller.signal);
    entering.current = current;
    current.then(
      (value) => show({ value }),
      (error) => show({ error }),
    );
    return () => {
      controller.abort();
      entering.current = undefined;
      setEntered({});
      current.then(leave).catch(() => {}); // at worst, the server holds it until the connection ends
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
export function useLatest<T>(value: T): { readonly current: T } {
  const latest = useRef(value);
  useEffect(() => {
    latest.current = value;
  });
  return latest;
}

/** One text per JSON value, to tell values that are written anew at each rendering from others; none for undefined. */
export function keyOf(value: unknown): string | undefined {
  return JSON.stringify(value);
}
