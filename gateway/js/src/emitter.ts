/** Events and the arguments their listeners get. */
export type EventMap = { [event: string]: unknown[] };

/** Ends what it was returned for. Calling it again does nothing. */
export type Stop = () => void;

/** Shows an exception of a listener where uncaught exceptions are shown, without ending what called the listener. */
export function guard(f: () => void): void {
  try {
    f();
  } catch (error) {
    if (typeof reportError === "function") {
      reportError(error);
    } else {
      console.error(error);
    }
  }
}

/** Listeners by event. */
export class Emitter<E extends EventMap> {
  #listeners = new Map<keyof E, Set<{ f: (...args: any[]) => void }>>();

  /** Adds a listener; the same function may be added several times. */
  on<K extends keyof E>(event: K, f: (...args: E[K]) => void): Stop {
    let all = this.#listeners.get(event);
    if (!all) {
      this.#listeners.set(event, (all = new Set()));
    }
    const listener = { f };
    all.add(listener);
    return () => all.delete(listener);
  }

  /** Calls the listeners an event has now, in the order they came. Tells whether there are any. */
  emit<K extends keyof E>(event: K, ...args: E[K]): boolean {
    const all = this.#listeners.get(event);
    return !!all && serve(all, ({ f }) => f(...args));
  }
}

/**
 * Waits for something to come about: looks now, and whenever `on` calls the listener it is given. Resolves when the
 * look tells true, and rejects with the error it returns.
 */
export function until(on: (listener: () => void) => Stop, look: () => boolean | Error): Promise<void> {
  return new Promise((resolve, reject) => {
    let stop: Stop | undefined;
    const listener = () => {
      const result = look();
      if (!result) {
        stop ??= on(listener);
        return;
      }
      stop?.();
      if (result === true) {
        resolve();
      } else {
        reject(result);
      }
    };
    listener();
  });
}

/**
 * Calls f for every member the set has at the beginning, unless it is taken out before its turn. What one of them
 * throws keeps nothing from the others. Tells whether there were any.
 */
export function serve<T>(all: ReadonlySet<T>, f: (one: T) => void): boolean {
  const now = [...all];
  for (const one of now) {
    if (all.has(one)) {
      guard(() => f(one));
    }
  }
  return now.length > 0;
}
