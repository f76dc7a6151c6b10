export { useChannel, type ChannelOptions, type ChannelStatus } from "./channel.js";
export { useChat, type ChatOptions, type ChatRoom } from "./chat.js";
export { useCollection, type CollectionOptions, type CollectionStatus, useSnapshot } from "./collection.js";
export { useConnectionState } from "./connection.js";
export { SnorkyProvider, type SnorkyProviderProps, useSnorky } from "./context.js";
export { type CursorsOptions, type SharedCursors, useCursors } from "./cursors.js";
