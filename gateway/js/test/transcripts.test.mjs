// Replays the golden transcripts of the server with the client in between: it must send the same requests, and give
// what is received to those it is for.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { Snorky } from "../dist/snorky.mjs";
import { fakeWebSocket, outcome } from "./fake.mjs";

const directory = fileURLToPath(new URL("../../../actors/wire/testdata/transcripts/", import.meta.url));

/** A value as JSON writes it: 0 for -0. */
const plain = (value) => JSON.parse(JSON.stringify(value));

/** Tells whether a value is the same after JavaScript has read and written it: 1e400 and 2^53 + 1 are not. */
function faithful(value) {
  if (typeof value === "number") {
    return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
  }
  return value === null || typeof value !== "object" || Object.values(value).every(faithful);
}

/** The request of a step; nothing if no client of ours can send it. */
function request({ send, text }) {
  let packet = send;
  try {
    packet ??= JSON.parse(text);
  } catch {
    return undefined;
  }
  const { service, message } = packet ?? {};
  const { command, params, callId } = message ?? {};
  const fits = typeof service === "string" && typeof command === "string" && Object(params) === params;
  if (!fits || (callId ?? null) === null || !faithful(params)) {
    return undefined;
  }
  return { service, command, params: plain(params) };
}

/** One connection of a transcript. */
class Replay {
  #handled = [];
  #subscriptions = [];

  constructor() {
    this.sockets = fakeWebSocket();
    this.snorky = new Snorky("ws://snorky.test/ws", { WebSocket: this.sockets, callTimeout: 0 });
    this.errors = [];
    this.snorky.on("error", (error) => this.errors.push(error));
    this.sockets.last.open();
  }

  /** Makes the call of a step as a program would. */
  call({ service, command, params }, answer) {
    const pubsub = this.snorky.pubsub(service);
    const keys = Object.keys(params).sort().join();
    if (command === "subscribe" && keys === "channel") {
      return this.#subscribe(pubsub, params.channel);
    }
    if (command === "unsubscribe" && answer.type === "response") {
      const [[, , subscription]] = this.#subscriptions.splice(this.#find(pubsub, params.channel), 1);
      return subscription.unsubscribe();
    }
    if (command === "publish" && keys === "channel,message") {
      return pubsub.publish(params.channel, params.message);
    }
    return this.snorky.service(service).call(command, params);
  }

  async #subscribe(pubsub, channel) {
    const subscription = await pubsub.subscribe(channel, (message, channel) => this.#handled.push({ channel, message }));
    if (this.#find(pubsub, channel) < 0) {
      this.#subscriptions.push([pubsub, channel, subscription]);
    } else {
      await subscription.unsubscribe();
    }
  }

  #find(pubsub, channel) {
    return this.#subscriptions.findIndex((one) => one[0] === pubsub && isDeepStrictEqual(one[1], channel));
  }

  /** What handlers got since. */
  handled() {
    return this.#handled.splice(0);
  }
}

for (const name of readdirSync(directory).filter((name) => name.endsWith(".json"))) {
  const { title, steps } = JSON.parse(readFileSync(directory + name, "utf8"));
  test(`${name}: ${title}`, async () => {
    const replays = new Map();
    const replay = (conn) => {
      if (!replays.has(conn)) {
        replays.set(conn, new Replay());
      }
      return replays.get(conn);
    };
    let played = 0;
    for (const step of steps) {
      played += await play(step, replay);
    }
    assert.ok(played > 0, "nothing in it that a client of ours can do");
  });
}

/** Plays a step, if a client of ours can make it. Returns how many were played. */
async function play(step, replay) {
  const wanted = request(step);
  const received = Object.entries(step.receive ?? {});
  const isAnswer = ({ message }) => message.type === "response" || message.type === "error";
  const answers = received.flatMap(([conn, packets]) => (conn === step.conn ? packets.filter(isAnswer) : []));
  if (!wanted || answers.length !== 1) {
    return 0;
  }
  const answer = answers[0].message;
  const own = replay(step.conn);
  const result = own.call(wanted, answer);
  const sent = own.sockets.last.take();
  if (answer.message === "Already subscribed") {
    // The client knows by itself that this is the same channel.
    assert.deepEqual([sent, await outcome(result)], [[], ["resolved", undefined]]);
    return 1;
  }
  const { service, command, params } = wanted;
  assert.deepEqual(sent.map((one) => one.slice(0, 3)), [[service, command, params]], JSON.stringify(step));
  const callId = sent[0][3];
  const settled = outcome(result);

  for (const [conn, packets] of received) {
    const { sockets, errors } = replay(conn);
    for (const packet of packets) {
      const message = isAnswer(packet) ? { ...packet.message, callId } : packet.message;
      sockets.last.packet(packet.service, message);
    }
    assert.deepEqual(errors, []);
    const messages = packets.filter((packet) => !isAnswer(packet)).map(({ message }) => message);
    assert.deepEqual(
      replay(conn).handled(),
      plain(messages.map(({ channel, message }) => ({ channel, message }))),
    );
  }
  const [how, value] = await settled;
  if (answer.type === "error") {
    assert.deepEqual([how, value.message], ["rejected", answer.message]);
  } else {
    assert.equal(how, "resolved");
  }
  return 1;
}
