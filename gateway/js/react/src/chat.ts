import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import type { ChatMessage, Json, Presence, ReadMark, Room } from "snorky-client";
import { useSnorky } from "./context.js";
import { keyOf, useEntered, useLatest } from "./entered.js";

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

const nobody: readonly Json[] = [];

/** Is in a chat channel for as long as the component is there. A channel that is undefined is none. */
export function useChat<B = any>(channel: Json | undefined, options: ChatOptions<B> = {}): ChatRoom<B> {
  const { service = "chat", limit = 100 } = options;
  const snorky = useSnorky();
  const latest = useLatest(options);
  const key = keyOf(channel);
  const dependencies = [snorky, service, key];
  const [messages, setMessages] = useState<readonly ChatMessage<B>[]>([]);

  const enter = (signal: AbortSignal) => {
    const current =
      <E>(f: (event: E) => void) =>
      (event: E) => {
        if (!signal.aborted) {
          f(event);
        }
      };
    return snorky!.chat(service).join<B>(channel as Json, {
      message: current((message: ChatMessage<B>) => {
        setMessages((before) => last([...before, message], latest.current.limit ?? limit));
        latest.current.onMessage?.(message);
      }),
      presence: current((presence: Presence) => latest.current.onPresence?.(presence)),
      read: current((mark: ReadMark) => latest.current.onRead?.(mark)),
    });
  };
  const joins = snorky && key !== undefined;
  const [{ value: room, error }, ready] = useEntered(joins ? enter : undefined, (room) => room.leave(), dependencies);
  useEffect(() => () => setMessages([]), dependencies);

  const send = useCallback(async (body: B) => (await ready()).send(body), [ready]);
  const read = useCallback(async () => (await ready()).read(), [ready]);
  return { joined: room !== undefined, error, members: useMembers(room), messages, send, read };
}

function last<T>(all: T[], number: number): T[] {
  return number > 0 ? all.slice(-number) : []; // slice(-0) would be all of them
}

function useMembers(room: Room | undefined): readonly Json[] {
  const subscribe = useCallback((changed: () => void) => room?.on("members", changed) ?? (() => {}), [room]);
  return useSyncExternalStore(
    subscribe,
    () => room?.members ?? nobody,
    () => nobody,
  );
}
