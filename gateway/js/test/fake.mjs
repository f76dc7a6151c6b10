// A WebSocket without a network, and a client on it.
import assert from "node:assert/strict";
import { mock } from "node:test";
import { Snorky } from "../dist/snorky.mjs";

/** The class of a WebSocket whose other end is the test. */
export function fakeWebSocket() {
  return class FakeWebSocket {
    static all = [];

    static get last() {
      return FakeWebSocket.all.at(-1);
    }

    readyState = 0;
    bufferedAmount = 0;
    sent = [];
    closedWith = undefined;
    onopen = null;
    onmessage = null;
    onerror = null;
    onclose = null;

    constructor(url) {
      this.url = url;
      FakeWebSocket.all.push(this);
    }

    send(text) {
      assert.equal(this.readyState, 1, "send on a socket that is not open");
      this.sent.push(text);
    }

    close(code) {
      this.closedWith = code;
      this.readyState = 2;
    }

    // From here on: what the server and the network do.

    open() {
      this.readyState = 1;
      this.onopen({});
    }

    receive(data) {
      this.onmessage({ data });
    }

    packet(service, message) {
      this.receive(JSON.stringify({ service, message }));
    }

    drop(code = 1006, reason = "") {
      this.readyState = 3;
      this.onerror({});
      this.onclose({ code, reason });
    }

    /** What was sent and not taken yet, in short: [service, command, params, callId] or [service, content]. */
    take() {
      return this.sent.splice(0).map((text) => {
        const packet = JSON.parse(text);
        assert.deepEqual(Object.keys(packet), ["service", "message"]);
        const { service, message } = packet;
        return message?.command === undefined
          ? [service, message]
          : [service, message.command, message.params, message.callId];
      });
    }

    /** The commands sent since, with their parameters, all answered with null. */
    accept() {
      return this.take().map(([service, command, params, callId]) => {
        this.packet(service, { type: "response", callId, data: null });
        return [command, params];
      });
    }

    /** Answers the only request sent since. */
    answer(data) {
      const [service, , , callId] = this.#only();
      this.packet(service, { type: "response", callId, data });
    }

    /** Refuses the only request sent since. */
    refuse(message) {
      const [service, , , callId] = this.#only();
      this.packet(service, { type: "error", callId, message });
    }

    #only() {
      const sent = this.take();
      assert.equal(sent.length, 1, `one request expected: ${JSON.stringify(sent)}`);
      return sent[0];
    }
  };
}

/** A client under test with its sockets, and all its events in order. Times stand still until ticked. */
export function setUp(t, options = {}) {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const sockets = fakeWebSocket();
  const snorky = new Snorky("ws://snorky.test/ws", { WebSocket: sockets, ...options });
  const events = [];
  for (const event of ["state", "open", "close", "reconnecting", "error"]) {
    snorky.on(event, (...args) => events.push([event, ...args]));
  }
  return {
    snorky,
    sockets,
    events,
    tick: (ms) => mock.timers.tick(ms),
    /** The events of one kind so far. */
    seen: (kind) => events.filter(([event]) => event === kind).map(([, arg]) => arg),
  };
}

/** The same, with the connection open. */
export function setUpOpen(t, options) {
  const all = setUp(t, options);
  all.sockets.last.open();
  return all;
}

/** Returns what sets the next random numbers. At first they are 1, for the longest waits. */
export function draws(t) {
  let drawn = 1;
  t.mock.method(Math, "random", () => drawn);
  return (random) => (drawn = random);
}

/** Collects what is reported as uncaught, the way a browser would. */
export function reported(t) {
  const errors = [];
  globalThis.reportError = (error) => errors.push(error.message);
  t.after(() => delete globalThis.reportError);
  return errors;
}

/** Lets promises that are settled call whoever waits. */
export function settle() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Tells whether a promise is settled, and how. */
export async function outcome(promise) {
  let result = "pending";
  promise.then(
    (value) => (result = ["resolved", value]),
    (error) => (result = ["rejected", error]),
  );
  await settle();
  return result;
}

/** What a SnorkyError must be, for assert.rejects. */
export function snorkyError(code, message) {
  return (error) => {
    assert.ok(error instanceof Snorky.Error, String(error));
    assert.ok(error instanceof Error);
    assert.equal(error.name, "SnorkyError");
    assert.equal(error.code, code);
    if (message !== undefined) {
      assert.equal(error.message, message);
    }
    return true;
  };
}
