import type { Handler, Json } from "snorky-client";
import { useSnorky } from "./context.js";
import { keyOf, useEntered, useLatest } from "./entered.js";

export interface ChannelOptions {
  /** The name of the PubSub service. Default: `pubsub`. */
  readonly service?: string;
}

export interface ChannelStatus {
  /** The server has confirmed. */
  readonly subscribed: boolean;
  /** Why it has not. */
  readonly error: Error | undefined;
}

/**
 * Calls the handler for each message of a channel, for as long as the component is there. The handler may be another
 * one at each rendering. A channel that is undefined is none.
 */
export function useChannel<M = any>(
  channel: Json | undefined,
  handler: Handler<M>,
  { service = "pubsub" }: ChannelOptions = {},
): ChannelStatus {
  const snorky = useSnorky();
  const latest = useLatest(handler);
  const key = keyOf(channel);
  const enter = (signal: AbortSignal) =>
    snorky!.pubsub(service).subscribe<M>(channel as Json, (message, name) => {
      if (!signal.aborted) {
        latest.current(message, name);
      }
    });
  const [{ value, error }] = useEntered(
    snorky && key !== undefined ? enter : undefined,
    (subscription) => subscription.unsubscribe(),
    [snorky, service, key],
  );
  return { subscribed: value !== undefined, error };
}
