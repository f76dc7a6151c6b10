import type { Core } from "./core.js";
import { Emitter, serve, type Stop } from "./emitter.js";
import { SnorkyError } from "./errors.js";
import { canonical, isObject, type Json } from "./json.js";
import { Membership, Memberships, type Terms } from "./membership.js";
import type { CallOptions, Notification, Service } from "./service.js";

/** A message in a channel. */
export interface ChatMessage<B = any> {
  /** The identity of the sender. */
  readonly from: Json;
  readonly channel: Json;
  readonly body: B;
  /** ISO 8601, with the offset from UTC. */
  readonly timestamp: string;
}

/** Somebody joined with the first connection, or left with the last one. */
export interface Presence {
  readonly from: Json;
  readonly channel: Json;
  readonly status: "joined" | "left";
  readonly timestamp: string;
}

/** Another connection of the same identity has read the channel. */
export interface ReadMark {
  readonly channel: Json;
  readonly timestamp: string;
}

/** The events of a room, with what their listeners get. */
export type RoomEvents<B = any> = {
  message: [message: ChatMessage<B>];
  presence: [presence: Presence];
  read: [mark: ReadMark];
  /** The list of members changed, by presence or since it was got anew after a reconnect. */
  members: [members: readonly Json[]];
};

/** Listeners that are there from the first message on. */
export type RoomHandlers<B = any> = { [K in keyof RoomEvents<B>]?: (...args: RoomEvents<B>[K]) => void };

const terms: Terms = {
  enter: "join",
  leave: "leave",
  subject: "channel",
  already: "Already joined",
  not: "Not joined",
  listed: true,
};

/** A channel that at least one room of this client is in. */
class Channel extends Membership<Room> {
  members: readonly Json[] = [];

  protected override entered(data: unknown): void {
    const { members } = isObject(data) ? data : {};
    this.#set(Array.isArray(members) ? members : []);
  }

  /** Keeps each identity once, compared as JSON. */
  present({ from, status }: Presence): void {
    const key = canonical(from);
    const others = this.members.filter((member) => canonical(member) !== key);
    if (status === "joined") {
      if (others.length === this.members.length) {
        this.#set([...others, from]);
      }
    } else if (others.length < this.members.length) {
      this.#set(others);
    }
  }

  #set(members: readonly Json[]): void {
    this.members = members;
    serve(this.users, (room) => room.events.emit("members", members));
  }
}

/** A channel as one part of a program is in it. Made by `chat.join(channel)`. */
export class Room<B = any> {
  /** The channel as it was given to `join`. */
  readonly channel: Json;
  /** @internal */
  readonly events = new Emitter<RoomEvents<B>>();

  #service: Service;
  #membership: Channel;
  #left: Promise<void> | undefined;

  /** @internal */
  constructor(service: Service, membership: Channel, channel: Json, handlers: RoomHandlers<B>) {
    this.#service = service;
    this.#membership = membership;
    this.channel = channel;
    for (const [event, handler] of Object.entries(handlers)) {
      this.events.on(event as keyof RoomEvents<B>, handler as () => void);
    }
  }

  /**
   * The identities in the channel, the own one included; a new list after each change. Between connections it is the
   * last one known.
   */
  get members(): readonly Json[] {
    return this.#membership.members;
  }

  /** Adds a listener, and returns what takes it away. */
  on<K extends keyof RoomEvents<B>>(event: K, listener: (...args: RoomEvents<B>[K]) => void): Stop {
    return this.events.on(event, listener);
  }

  /** Sends a message to everybody in the channel, oneself included. Rejects as `Service.call` does. */
  async send(body: B, options?: CallOptions): Promise<void> {
    if (this.#left) {
      throw new SnorkyError("Room left", "closed", this.#service.name, "send");
    }
    await this.#service.call("send", { channel: this.channel, body }, options);
  }

  /** Tells the other connections of the same identity that the channel is read. Rejects as `Service.call` does. */
  async read(options?: CallOptions): Promise<void> {
    await this.#service.call("read", { channel: this.channel }, options);
  }

  /**
   * Leaves: no listener is called any more from now on. With the last room of a channel the server is told; the promise
   * resolves when it has confirmed. May be called again.
   */
  leave(): Promise<void> {
    this.#left ??= this.#membership.leave(this);
    return this.#left;
  }
}

/** A chat service (PROTOCOL.md section 6.6). Made by `snorky.chat(name)`. */
export class Chat {
  /** The service behind. */
  readonly service: Service;

  #channels: Memberships<Channel>;

  /** @internal */
  constructor(core: Core, service: Service) {
    this.service = service;
    this.#channels = new Memberships(core, (name, forget) => new Channel(core, service, terms, name, forget));
    service.on("notification", (notification) => this.#receive(notification));
  }

  /** The name of the service. */
  get name(): string {
    return this.service.name;
  }

  /**
   * Joins a channel, which needs an identity. Resolves when the server has confirmed; on each new connection the
   * channel is joined again. While there is none, it waits. Rejects with a SnorkyError if the server refuses or does
   * not answer in time. A channel may be joined several times: it is left with the last of the rooms.
   */
  async join<B = any>(channel: Json, handlers: RoomHandlers<B> = {}): Promise<Room<B>> {
    const membership = this.#channels.get(channel);
    const room = new Room<B>(this.service, membership, channel, handlers);
    await membership.enter(room);
    return room;
  }

  #receive(notification: Notification): void {
    const channel = this.#channels.find(notification.channel);
    if (!channel) {
      return;
    }
    const { type } = notification;
    if (type === "presence") {
      channel.present(notification as unknown as Presence);
    }
    if (type === "message" || type === "presence" || type === "read") {
      const { type: _, ...content } = notification;
      serve(channel.users, (room) => room.events.emit(type, content as any));
    }
  }
}
