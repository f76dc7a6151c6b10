// Not run: compiled by `npm run check` against the built types, as a user's program would be.
import type { ReactElement } from "react";
import { type Json, MapCollection, SingleItemCollection, Snorky } from "snorky-client";
import {
  SnorkyProvider,
  useChannel,
  useChat,
  useCollection,
  useConnectionState,
  useCursors,
  useSnapshot,
  useSnorky,
} from "../dist/index.js";

interface Task {
  id: number;
  title: string;
}

const users = new SingleItemCollection<{ name: string }>();

export function Page(): ReactElement {
  const snorky: Snorky | null = useSnorky();
  const state = useConnectionState();
  const { subscribed, error } = useChannel<Task>("news", ({ title }, channel: Json) => [title, channel]);
  const { snapshot, reload } = useCollection<Task>("Task", "/api/tasks");
  const titles: string[] = snapshot.map(({ title }) => title);
  const byId = useCollection("Task", "/api/tasks", { collection: () => new MapCollection<Task, number>() });
  const first: Task | undefined = byId.snapshot.get(1);
  const user: { name: string } | undefined = useSnapshot(users);
  const { members, messages, send } = useChat<{ text: string }>(subscribed ? "lobby" : undefined);
  const { cursors, update } = useCursors<{ x: number }, null>("doc", { initial: { position: { x: 0 }, status: null } });
  update({ position: { x: cursors[0]?.position.x ?? 0 } });
  // @ts-expect-error not where it can be
  update({ position: { y: 1 } });
  // @ts-expect-error not what is sent in this room
  send("hi");
  void [snorky, state, error, titles, first, user, members, messages[0]?.body.text, reload];
  return SnorkyProvider({ snorky, children: "text" });
}
