import type { Handler, Json } from "snorky-client";
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
export declare function useChannel<M = any>(channel: Json | undefined, handler: Handler<M>, { service }?: ChannelOptions): ChannelStatus;
