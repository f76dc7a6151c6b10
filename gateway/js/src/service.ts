import type { Core } from "./core.js";
import { Emitter, type Stop } from "./emitter.js";
import { isObject } from "./json.js";

/** What a service tells on its own: an object whose type is neither `response` nor `error`. */
export interface Notification {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** The events of a service, with what their listeners get. */
export type ServiceEvents = {
  /** A content that answers no call. For services that are not called but talked to, as echo. */
  message: [content: unknown];
  /** A notification. */
  notification: [notification: Notification];
};

/** Settings of one call. */
export interface CallOptions {
  /** How long the call may take, in milliseconds. 0: for ever. Default: the client's callTimeout. */
  timeout?: number;
}

/** One service of the server. Made by `snorky.service(name)`. */
export class Service {
  /** The name of the service. */
  readonly name: string;

  #core: Core;
  #events = new Emitter<ServiceEvents>();

  /** @internal */
  constructor(core: Core, name: string) {
    this.name = name;
    this.#core = core;
    core.receivers.set(name, (content, isAnswer) => this.#receive(content, isAnswer));
  }

  /**
   * Calls a command and resolves to its result; while the connection is not open, the call is queued. Rejects with a
   * SnorkyError, or with a TypeError if the parameters are no JSON.
   */
  call<R = unknown>(command: string, params: object = {}, options: CallOptions = {}): Promise<R> {
    const { timeout = this.#core.settings.callTimeout } = options;
    return new Promise((resolve, reject) => {
      const done = (error?: Error, data?: unknown) => (error ? reject(error) : resolve(data as R));
      this.#core.request({ service: this.name, command, params, timeout, done });
    });
  }

  /**
   * Sends a content as it is, for services that are not called but talked to. Nothing tells whether it arrives. Throws
   * a SnorkyError if the client is closed or too much waits to be sent, a TypeError if the content is no JSON.
   */
  send(content: unknown): void {
    this.#core.send(this.name, content);
  }

  /** Adds a listener, and returns what takes it away. */
  on<K extends keyof ServiceEvents>(event: K, listener: (...args: ServiceEvents[K]) => void): Stop {
    return this.#events.on(event, listener);
  }

  #receive(content: unknown, isAnswer: boolean): boolean {
    const wanted = this.#events.emit("message", content);
    if (!isAnswer && isObject(content) && typeof content.type === "string") {
      this.#events.emit("notification", content as unknown as Notification);
    }
    return wanted || !isAnswer;
  }
}
