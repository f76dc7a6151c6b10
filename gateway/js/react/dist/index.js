export { useChannel } from "./channel.js";
export { useChat } from "./chat.js";
export { useCollection, useSnapshot } from "./collection.js";
export { useConnectionState } from "./connection.js";
export { SnorkyProvider, useSnorky } from "./context.js";
export { useCursors } from "./cursors.js";
