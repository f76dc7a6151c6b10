export type { CloseInfo, State, Wait } from "./connection.js";
export type { SnorkyEvents } from "./core.js";
export type { Stop } from "./emitter.js";
export { type ErrorCode, SnorkyError } from "./errors.js";
export type { Json } from "./json.js";
export type { SnorkyOptions, WebSocketClass, WebSocketLike } from "./options.js";
export type { Handler, PubSub, Subscription } from "./pubsub.js";
export type { CallOptions, Notification, Service, ServiceEvents } from "./service.js";
export { Snorky, Snorky as default } from "./snorky.js";
