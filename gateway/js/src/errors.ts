import type { Json } from "./json.js";

/**
 * What went wrong, for programs:
 *
 * - `refused`: the service answered with an error; `message` is its text.
 * - `timeout`: no answer in time. The call may have happened, unless it was still queued.
 * - `lost`: the connection ended between call and answer. The call may or may not have happened.
 * - `closed`: the client was closed, by `close()` or for good by the server.
 * - `overflow`: too much waits to be sent already. The call did not happen.
 * - `load`: data or a token could not be got. Only seen in `error` events; the `cause` says more.
 * - `protocol`: something arrived that makes no sense here. Only seen in `error` events.
 */
export type ErrorCode = "refused" | "timeout" | "lost" | "closed" | "overflow" | "load" | "protocol";

/** The only error that calls and subscriptions are rejected with, besides a TypeError for values that are no JSON. */
export class SnorkyError extends Error {
  /** What went wrong, for programs. */
  readonly code: ErrorCode;
  /** The service that was called. */
  readonly service: string | undefined;
  /** The command that was called. */
  readonly command: string | undefined;
  /** The channel, document or name of a subscription or membership that failed. */
  channel?: Json;

  constructor(message: string, code: ErrorCode, service?: string, command?: string) {
    super(message);
    this.name = "SnorkyError";
    this.code = code;
    this.service = service;
    this.command = command;
  }
}
