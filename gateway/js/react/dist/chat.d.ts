import type { ChatMessage, Json, Presence, ReadMark } from "snorky-client";
/** Settings of `useChat`; the functions may be others at each rendering. */
export interface ChatOptions<B> {
    /** The name of the service. Default: `chat`. */
    readonly service?: string;
    /** How many messages are kept. Default: 100. */
    readonly limit?: number;
    readonly onMessage?: (message: ChatMessage<B>) => void;
    readonly onPresence?: (presence: Presence) => void;
    readonly onRead?: (mark: ReadMark) => void;
}
/** A channel as a component sees it. */
export interface ChatRoom<B> {
    /** The server has confirmed. */
    readonly joined: boolean;
    /** Why it has not. */
    readonly error: Error | undefined;
    /** The identities in the channel. */
    readonly members: readonly Json[];
    /** What was said since the component joined, the latest last. */
    readonly messages: readonly ChatMessage<B>[];
    /** Sends a message, as soon as the channel is joined. */
    readonly send: (body: B) => Promise<void>;
    /** Tells the other connections of the same identity that the channel is read. */
    readonly read: () => Promise<void>;
}
/** Is in a chat channel for as long as the component is there. A channel that is undefined is none. */
export declare function useChat<B = any>(channel: Json | undefined, options?: ChatOptions<B>): ChatRoom<B>;
