/** A JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | {
    readonly [member: string]: Json;
};
/** Objects of unknown content. */
export type Members = Record<string, unknown>;
export declare function isObject(value: unknown): value is Members;
/**
 * Returns one text per JSON value, so that channels can be looked up as PROTOCOL.md section 3 compares them: the order
 * of members does not matter, types do. Numbers need no care, for 1 and 1.0 are the same in JavaScript.
 */
export declare function canonical(value: unknown): string;
/** Writes a packet (PROTOCOL.md section 2). Throws a TypeError if the content is no JSON value. */
export declare function encodePacket(service: string, message: unknown): string;
/** Throws a TypeError if a value is no JSON. */
export declare function checkJson(value: unknown): void;
