import type { Core } from "../core.js";
import { Emitter, serve, type Stop } from "../emitter.js";
import { SnorkyError } from "../errors.js";
import type { CallOptions, Notification, Service } from "../service.js";
import type { DeltaTarget } from "./collection.js";
import { type Delta, isDelta } from "./delta.js";
import { type LiveOptions, LiveSubscription, type Source } from "./live.js";

/** The events of a DataSync service, with what their listeners get. */
export type DataSyncEvents = {
  /** A change of any subscribed data. Nothing tells which subscription it came for. */
  delta: [delta: Delta<any, any>];
  /** The server ended a subscription, since too much waited for this client. */
  ended: [end: { readonly token: string; readonly reason: string }];
};

/** A DataSync service (PROTOCOL.md section 6.8). Made by `snorky.datasync(name)`. */
export class DataSync {
  /** The service behind. */
  readonly service: Service;

  #core: Core;
  #events = new Emitter<DataSyncEvents>();
  #live = new Set<LiveSubscription>();

  /** @internal */
  constructor(core: Core, service: Service) {
    this.service = service;
    this.#core = core;
    service.on("notification", (notification) => this.#receive(notification));
    core.renewals.push(() => this.#each((live) => live.renew()));
    core.events.on("close", () => this.#each((live) => live.lost()));
  }

  /** The name of the service. */
  get name(): string {
    return this.service.name;
  }

  /** Adds a listener, and returns what takes it away. */
  on<K extends keyof DataSyncEvents>(event: K, listener: (...args: DataSyncEvents[K]) => void): Stop {
    return this.#events.on(event, listener);
  }

  /**
   * Keeps a collection up to date: loads its data, acquires the subscription whose token comes with them, and applies
   * what changes, until it is stopped. On each new connection everything is loaded anew.
   */
  subscribe<R, D>(
    model: string,
    collection: DeltaTarget<R, D>,
    source: Source<R>,
    options?: LiveOptions,
  ): LiveSubscription;
  /** The same for several collections: a `CollectionDeltaProcessor`, or any other target, gets all deltas. */
  subscribe<R>(target: DeltaTarget<R>, source: Source<R>, options?: LiveOptions): LiveSubscription;
  subscribe(first: string | DeltaTarget, ...rest: any[]): LiveSubscription {
    const target = typeof first === "string" ? ofModel(first, rest.shift()) : first;
    const [source, options = {}]: [Source<any>, LiveOptions?] = rest as any;
    const live = new LiveSubscription(this.#core, this, target, source, options);
    this.#live.add(live);
    live.on("state", (state) => state === "stopped" && this.#live.delete(live));
    return live;
  }

  /**
   * Acquires a subscription by its token, which works once: its deltas come as `delta` events until it is cancelled or
   * the connection ends. Resolves after those that waited for it. Rejects as `Service.call` does, with "No such
   * subscription" if the token is wrong or too old. `subscribe` does this by itself.
   */
  async acquire(token: string, options?: CallOptions): Promise<void> {
    await this.service.call("acquireSubscription", { token }, options);
  }

  /** Ends an acquired subscription. When it resolves, nothing more of it comes. Rejects as `Service.call` does. */
  async cancel(token: string, options?: CallOptions): Promise<void> {
    await this.service.call("cancelSubscription", { token }, options);
  }

  #receive({ type, delta, token, reason }: Notification): void {
    if (type === "delta") {
      if (!isDelta(delta)) {
        this.#core.fail(new SnorkyError(`Not a delta: ${JSON.stringify(delta)}`, "protocol", this.name));
        return;
      }
      this.#events.emit("delta", delta);
      this.#each((live) => live.receive(delta));
    } else if (type === "subscriptionEnded" && typeof token === "string") {
      const end = { token, reason: String(reason ?? "") };
      this.#events.emit("ended", end);
      this.#each((live) => live.ended(end.token, end.reason));
    }
  }

  #each(f: (live: LiveSubscription) => void): void {
    serve(this.#live, f);
  }
}

/** Takes the deltas of one model to a collection. */
function ofModel(model: string, collection: DeltaTarget): DeltaTarget {
  return {
    reset: (data) => collection.reset(data),
    apply: (deltas) => {
      const own = deltas.filter((delta) => delta.model === model);
      if (own.length) {
        collection.apply(own);
      }
    },
  };
}
