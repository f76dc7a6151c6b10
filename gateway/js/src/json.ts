/** A JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [member: string]: Json };

/** Objects of unknown content. */
export type Members = Record<string, unknown>;

export function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Returns one text per JSON value, so that channels can be looked up as PROTOCOL.md section 3 compares them: the order
 * of members does not matter, types do. Numbers need no care, for 1 and 1.0 are the same in JavaScript.
 */
export function canonical(value: unknown): string {
  // The sorted copies are made by fromEntries since an assignment to "__proto__" would not make a member.
  const text = JSON.stringify(value, (_, v: unknown) =>
    isObject(v)
      ? Object.fromEntries(
          Object.keys(v)
            .sort()
            .map((name) => [name, v[name]]),
        )
      : v,
  ) as string | undefined;
  return text ?? notJson();
}

/** Writes a packet (PROTOCOL.md section 2). Throws a TypeError if the content is no JSON value. */
export function encodePacket(service: string, message: unknown): string {
  return `{"service":${JSON.stringify(service)},"message":${JSON.stringify(message) ?? notJson()}}`;
}

/** Throws a TypeError if a value is no JSON. */
export function checkJson(value: unknown): void {
  if (JSON.stringify(value) === undefined) {
    notJson();
  }
}

function notJson(): never {
  throw new TypeError("not a JSON value");
}
