import { isObject } from "../json.js";

/** An item came to be, or came to match (PROTOCOL.md section 9.1). */
export interface InsertDelta<D = unknown, M extends string = string> {
  readonly type: "insert";
  /** What kind of data it is. */
  readonly model: M;
  /** The new item. */
  readonly data: D;
}

/** An item changed. */
export interface UpdateDelta<D = unknown, M extends string = string> {
  readonly type: "update";
  readonly model: M;
  /** The item from now on. */
  readonly newData: D;
  /** The item until now, at least as far as it takes to find it. */
  readonly oldData: D;
}

/** An item is gone, or does not match any more. */
export interface DeleteDelta<D = unknown, M extends string = string> {
  readonly type: "delete";
  readonly model: M;
  /** The item as it was last, at least as far as it takes to find it. */
  readonly data: D;
}

/** A change of the data; `type` says which. */
export type Delta<D = unknown, M extends string = string> = InsertDelta<D, M> | UpdateDelta<D, M> | DeleteDelta<D, M>;

export function isDelta(value: unknown): value is Delta {
  if (!isObject(value) || typeof value.model !== "string") {
    return false;
  }
  if (value.type === "update") {
    return "newData" in value && "oldData" in value;
  }
  return (value.type === "insert" || value.type === "delete") && "data" in value;
}
