import { Emitter, guard, type Stop } from "../emitter.js";
import type { Delta } from "./delta.js";

/**
 * Holds data and follows its changes: `R` is what all of it looks like when it is loaded, `D` one item of it. Anything
 * with these two methods can be given to `datasync.subscribe`.
 */
export interface DeltaTarget<R = any, D = any> {
  /** Replaces everything by freshly loaded data, in one change. */
  reset(data: R): void;
  /** Applies deltas in their order, all in one change. */
  apply(deltas: readonly Delta<D>[]): void;
}

/** What tells items apart; for more than one member, make one text of them. */
export type Id = string | number;

/** Settings of a collection of data `D`, kept as items `T`. */
export interface CollectionOptions<D, T> {
  /** Makes the kept item of the data that was loaded or came in a delta. By default it is the data as it is. */
  transform?: (data: D) => T;
  /**
   * Which data belong here; by default all. Deltas reach all collections of their model, whatever subscription they
   * came for, so that several collections of one model need this to be kept apart.
   */
  where?: (data: D) => boolean;
}

/** What all collections have: a snapshot that is a new value after each change, and listeners. */
export abstract class Collection<R, D, T, S> implements DeltaTarget<R, D> {
  /** @internal */
  protected readonly transform: (data: D) => T;
  #where: (data: D) => boolean;
  #events = new Emitter<{ change: [snapshot: S] }>();
  #snapshot: { readonly value: S } | undefined;

  /** @internal */
  constructor({ transform = (data) => data as unknown as T, where = () => true }: CollectionOptions<D, T>) {
    this.transform = transform;
    this.#where = where;
  }

  /** The content. It is never altered: after a change there is a new one, and until then always the same. */
  get snapshot(): S {
    this.#snapshot ??= { value: this.view() };
    return this.#snapshot.value;
  }

  /** Adds a listener that gets each new snapshot, and returns what takes it away. */
  onChange(listener: (snapshot: S) => void): Stop {
    return this.#events.on("change", listener);
  }

  /** Replaces the content. Throws, and keeps what it has, if the data are not of the form expected. */
  reset(data: R): void {
    this.fill(data, this.#where);
    this.#changed();
  }

  /**
   * Applies deltas. The same one may come twice, or tell of what was in the loaded data already: an insert of a known
   * item replaces it, an update of an unknown one inserts it, a delete of an unknown one does nothing.
   */
  apply(deltas: readonly Delta<D>[]): void {
    let changed = false;
    for (const delta of deltas) {
      // One that makes no sense is reported, and keeps none from the others.
      guard(() => {
        changed = this.#applyOne(delta) || changed;
      });
    }
    if (changed) {
      this.#changed();
    }
  }

  /** Takes the whole content, as far as it belongs here. @internal */
  protected abstract fill(data: R, where: (data: D) => boolean): void;

  /** Sets an item, which was found under the old data before, and tells whether that changed anything. @internal */
  protected abstract set(data: D, old: D, isInsert: boolean): boolean;

  /** Takes an item away, and tells whether it was there. @internal */
  protected abstract remove(data: D): boolean;

  /** Makes the snapshot of the present content. @internal */
  protected abstract view(): S;

  #applyOne(delta: Delta<D>): boolean {
    if (delta.type === "delete") {
      // Data that do not belong here tell of another collection's loss: an item that moved there is there already.
      return this.#where(delta.data) && this.remove(delta.data);
    }
    const isInsert = delta.type === "insert";
    const [data, old] = isInsert ? [delta.data, delta.data] : [delta.newData, delta.oldData];
    return this.#where(data) ? this.set(data, old, isInsert) : this.remove(old);
  }

  #changed(): void {
    this.#snapshot = undefined;
    this.#events.emit("change", this.snapshot);
  }
}
