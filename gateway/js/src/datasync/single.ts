import { canonical } from "../json.js";
import { Collection, type CollectionOptions } from "./collection.js";

/** Settings of a `SingleItemCollection`. */
export interface SingleOptions<D, T> extends CollectionOptions<D, T> {
  /** Finds what tells the item from others in its data. By default it is the member `id`, if there is one. */
  id?: (data: D) => unknown;
}

/**
 * A collection of at most one item; the snapshot is undefined without one. An insert always replaces it. Updates and
 * deletes of other items than the present one are ignored.
 */
export class SingleItemCollection<D, T = D> extends Collection<D | null | undefined, D, T, T | undefined> {
  #id: (data: D) => unknown;
  #item: { readonly key: string; readonly value: T } | undefined;

  constructor(options: SingleOptions<D, T> = {}) {
    super(options);
    this.#id = options.id ?? ((data) => (data as { id?: unknown } | null)?.id);
  }

  /** @internal */
  protected override fill(data: D | null | undefined, where: (data: D) => boolean): void {
    this.#item = data != null && where(data) ? this.#make(data) : undefined;
  }

  /** @internal */
  protected override set(data: D, old: D, isInsert: boolean): boolean {
    if (this.#item && !isInsert && !this.#isPresent(old)) {
      return false;
    }
    this.#item = this.#make(data);
    return true;
  }

  /** @internal */
  protected override remove(data: D): boolean {
    if (!this.#isPresent(data)) {
      return false;
    }
    this.#item = undefined;
    return true;
  }

  /** @internal */
  protected override view(): T | undefined {
    return this.#item?.value;
  }

  #make(data: D): { key: string; value: T } {
    return { key: this.#key(data), value: this.transform(data) };
  }

  #isPresent(data: D): boolean {
    return this.#item?.key === this.#key(data);
  }

  #key(data: D): string {
    return canonical(this.#id(data) ?? null);
  }
}
