import { Collection, type CollectionOptions, type Id } from "./collection.js";

/** Settings of a collection of many items. */
export interface KeyedOptions<D, T, K extends Id = Id> extends CollectionOptions<D, T> {
  /** Finds what tells the items apart in their data. By default it is the member `id`. */
  id?: (data: D) => K;
}

/** Items by their ids, in the order they came. */
export abstract class KeyedCollection<D, T, K extends Id, S> extends Collection<Iterable<D>, D, T, S> {
  /** @internal */
  protected items = new Map<K, T>();
  #id: (data: D) => K;

  /** @internal */
  constructor(options: KeyedOptions<D, T, K>) {
    super(options);
    this.#id = options.id ?? ((data) => (data as { id: K }).id);
  }

  /** How many items there are. */
  get size(): number {
    return this.items.size;
  }

  /** The item of an id. */
  get(id: K): T | undefined {
    return this.items.get(id);
  }

  /** @internal */
  protected override fill(data: Iterable<D>, where: (data: D) => boolean): void {
    const items = new Map<K, T>();
    for (const one of data) {
      if (where(one)) {
        items.set(this.#key(one), this.transform(one));
      }
    }
    this.items = items;
  }

  /** @internal */
  protected override set(data: D, old: D): boolean {
    const [key, before] = [this.#key(data), this.#key(old)];
    const item = this.transform(data);
    if (key !== before && this.items.has(before)) {
      // The item keeps its place under its new id.
      this.items.delete(key);
      this.items = new Map([...this.items].map(([k, v]) => (k === before ? [key, item] : [k, v])));
    } else {
      this.items.set(key, item);
    }
    return true;
  }

  /** @internal */
  protected override remove(data: D): boolean {
    return this.items.delete(this.#key(data));
  }

  #key(data: D): K {
    const key = this.#id(data);
    if (typeof key !== "string" && typeof key !== "number") {
      throw new TypeError(`an item whose id is neither a string nor a number: ${JSON.stringify(data)}`);
    }
    return key;
  }
}

/** Settings of an `ArrayCollection`. */
export interface ArrayOptions<D, T> extends KeyedOptions<D, T> {
  /** The order of the items, as for `Array.sort`. By default they stay in the order they came. */
  sort?: (a: T, b: T) => number;
}

/** A collection whose snapshot is an array. An item that changes keeps its place, unless sorting moves it. */
export class ArrayCollection<D, T = D> extends KeyedCollection<D, T, Id, readonly T[]> {
  #sort: ((a: T, b: T) => number) | undefined;

  constructor(options: ArrayOptions<D, T> = {}) {
    super(options);
    this.#sort = options.sort;
  }

  /** @internal */
  protected override view(): readonly T[] {
    const items = [...this.items.values()];
    return this.#sort ? items.sort(this.#sort) : items;
  }
}

/** A collection whose snapshot is a map from ids to items. */
export class MapCollection<D, K extends Id = Id, T = D> extends KeyedCollection<D, T, K, ReadonlyMap<K, T>> {
  constructor(options: KeyedOptions<D, T, K> = {}) {
    super(options);
  }

  /** @internal */
  protected override view(): ReadonlyMap<K, T> {
    return new Map(this.items);
  }
}
