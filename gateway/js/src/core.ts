import { type CloseInfo, Connection, type Owner, type State, type Wait } from "./connection.js";
import { Emitter } from "./emitter.js";
import { SnorkyError } from "./errors.js";
import { encodePacket, isObject, type Members } from "./json.js";
import type { Settings } from "./options.js";
import { type Item, Outbox } from "./outbox.js";

/** The events of a client, with what their listeners get. */
export type SnorkyEvents = {
  /** The connection is open. What listeners call is sent before renewed subscriptions and queued calls. */
  open: [];
  /** An open connection ended, or the client was closed for good. */
  close: [end: CloseInfo];
  /** The client waits before its next attempt to connect. */
  reconnecting: [wait: Wait];
  /** The state changed. */
  state: [state: State];
  /** Something failed that no caller waits for. Without a listener it is written to the console. */
  error: [error: SnorkyError];
};

/** A command for a service (PROTOCOL.md section 4). */
export interface Request {
  readonly service: string;
  readonly command: string;
  readonly params: unknown;
  /** Milliseconds until the call fails. 0: never. */
  readonly timeout: number;
  /** The time counts from sending, not from calling. */
  readonly patient?: boolean;
  /** The request may pass the limit of what waits. */
  readonly unlimited?: boolean;
  /** The request precedes everything; only made by greetings. */
  readonly first?: boolean;
  /** Called once, at the latest when the connection ends; for some errors before the call returns. */
  done(error: SnorkyError | undefined, data?: unknown): void;
}

/** A request that was not answered yet. */
interface Pending {
  readonly request: Request;
  readonly item: Item;
  timer?: ReturnType<typeof setTimeout>;
}

/** What the connectors of one client share: the connection, the calls, and who gets what arrives. */
export class Core implements Owner {
  readonly events = new Emitter<SnorkyEvents>();
  readonly settings: Settings;
  readonly connection: Connection;
  /** Who gets the contents of a service, if they are no answers. Tells false if it has no use for the content. */
  readonly receivers = new Map<string, (content: unknown, isAnswer: boolean) => boolean>();
  /** Called for each new connection; nothing but what they call is sent until all of them are done. */
  readonly greetings: (() => Promise<void>)[] = [];
  /** Called for each new connection and each new identity, to restore what the connection before held. */
  readonly renewals: (() => void)[] = [];

  #outbox: Outbox;
  #pending = new Map<unknown, Pending>();
  #nextId = 0;

  constructor(url: string, settings: Settings) {
    this.settings = settings;
    this.connection = new Connection(url, settings, this);
    this.#outbox = new Outbox(this.connection, settings.maxQueuedBytes);
  }

  /** Makes a call. Throws a TypeError if the parameters are no JSON. */
  request(request: Request): void {
    const { service, command, params, timeout, patient, unlimited, first } = request;
    const id = this.#nextId++;
    const start = () => {
      // Timers know no longer times, and would end at once.
      if (timeout && timeout < 2 ** 31) {
        pending.timer = setTimeout(() => {
          this.#settle(id, this.#outbox.has(pending.item) ? "Not sent in time" : "No answer in time", "timeout");
        }, timeout);
      }
    };
    const pending: Pending = {
      request,
      item: {
        text: encodePacket(service, { command, params, callId: id }),
        first,
        sent: () => patient && start(),
      },
    };
    this.#pending.set(id, pending);
    if (this.connection.state === "closed") {
      this.#settle(id, this.#why(), "closed");
    } else if (!this.#outbox.push(pending.item, unlimited)) {
      this.#settle(id, "Too much waits to be sent", "overflow");
    } else if (!patient) {
      start();
    }
  }

  /** Sends a content that has no answer. Throws a SnorkyError if it is closed or too much waits. */
  send(service: string, content: unknown): void {
    const text = encodePacket(service, content);
    if (this.connection.state === "closed") {
      throw new SnorkyError(this.#why(), "closed", service);
    }
    if (!this.#outbox.push({ text })) {
      throw new SnorkyError("Too much waits to be sent", "overflow", service);
    }
  }

  /** Reports what no caller waits for. */
  fail(error: SnorkyError): void {
    if (!this.events.emit("error", error)) {
      console.error(error);
    }
  }

  /** Begins an attempt to connect, if there is neither a connection nor an attempt. */
  connect(): void {
    this.connection.connect();
  }

  /** The error that everything gets once the client is closed. */
  closed(): SnorkyError {
    return new SnorkyError(this.#why(), "closed");
  }

  dialing(): void {
    this.events.emit("state", "connecting");
  }

  greet(): Promise<unknown> | undefined {
    return this.greetings.length ? Promise.all(this.greetings.map((greeting) => greeting())) : undefined;
  }

  up(): void {
    const { ended } = this.connection;
    this.events.emit("state", "open");
    this.events.emit("open");
    // Listeners may have closed the client, and even connected it again.
    if (ended === this.connection.ended) {
      this.renew();
      this.#outbox.flush();
    }
  }

  /** Restores what the connection before held, as far as it is not there yet. */
  renew(): void {
    this.renewals.forEach((renew) => renew());
  }

  text(data: string): void {
    let packet: unknown;
    try {
      packet = JSON.parse(data);
    } catch {
      // The same as a packet of the wrong form.
    }
    if (!isObject(packet) || typeof packet.service !== "string" || !("message" in packet)) {
      this.fail(new SnorkyError("Unexpected message from the server", "protocol"));
      return;
    }
    const { service, message } = packet;
    const receive = this.receivers.get(service);
    if (!receive) {
      return;
    }
    const isAnswer = isObject(message) && (message.type === "response" || message.type === "error");
    if (!(isAnswer && this.#answer(service, message)) && !receive(message, isAnswer)) {
      this.fail(new SnorkyError(`Answer to no call: ${JSON.stringify(message)}`, "protocol", service));
    }
  }

  down(end: CloseInfo, wasOpen: boolean, wait?: Wait): void {
    if (end.final) {
      this.#outbox.clear();
    }
    for (const [id, { item }] of this.#pending) {
      if (end.final) {
        this.#settle(id, this.#why(), "closed");
      } else if (!this.#outbox.has(item)) {
        this.#settle(id, "Connection lost before the answer", "lost");
      }
    }
    this.events.emit("state", end.final ? "closed" : "waiting");
    if (wasOpen || end.final) {
      this.events.emit("close", end);
    }
    if (wait && this.connection.state === "waiting") {
      this.events.emit("reconnecting", wait);
    }
  }

  #why(): string {
    const { code, reason } = this.connection.end as CloseInfo;
    return `Connection closed (${code}${reason && " "}${reason})`;
  }

  /** Settles the call that an answer is for. Tells false if there is none. */
  #answer(service: string, answer: Members): boolean {
    const id = answer.callId;
    if (this.#pending.get(id)?.request.service !== service) {
      return false;
    }
    if (answer.type === "error") {
      this.#settle(id, String(answer.message), "refused");
    } else {
      this.#take(id)?.request.done(undefined, answer.data);
    }
    return true;
  }

  #settle(id: unknown, message: string, code: SnorkyError["code"]): void {
    const request = this.#take(id)?.request;
    request?.done(new SnorkyError(message, code, request.service, request.command));
  }

  #take(id: unknown): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending) {
      clearTimeout(pending.timer);
      this.#outbox.remove(pending.item);
      this.#pending.delete(id);
    }
    return pending;
  }
}
