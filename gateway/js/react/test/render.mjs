// React in a DOM without a browser, and a client on sockets whose other end is the test.
import { Window } from "happy-dom";
import { settle, setUp } from "../../test/fake.mjs";

const window = new Window({ url: "http://app.test/" });
for (const name of ["window", "document", "navigator", "HTMLElement", "HTMLIFrameElement", "Node", "Event"]) {
  globalThis[name] ??= name === "window" ? window : window[name];
}
globalThis.IS_REACT_ACT_ENVIRONMENT = true;

const { act, createElement, StrictMode } = await import("react");
const { createRoot } = await import("react-dom/client");
const { SnorkyProvider } = await import("../dist/index.js");

/** Renders a component that calls hooks, within a provider, and collects what it returns. */
export function render(t, use, { strict = false, props = {}, options, open = true } = {}) {
  const all = setUp(t, options);
  const results = [];
  const Probe = (props) => {
    results.push(use(props));
    return null;
  };
  const container = window.document.createElement("div");
  const root = createRoot(container);
  const tree = (props, snorky = all.snorky) => {
    const probe = createElement(SnorkyProvider, { snorky }, createElement(Probe, props));
    return strict ? createElement(StrictMode, null, probe) : probe;
  };
  const run = (f) =>
    act(async () => {
      await f();
      await settle();
    });
  t.after(() => run(() => root.unmount()));
  return {
    ...all,
    /** Makes the first rendering. */
    mount: async () => {
      if (open) {
        all.sockets.last.open();
      }
      await run(() => root.render(tree(props)));
    },
    rerender: (props, snorky) => run(() => root.render(tree(props, snorky))),
    unmount: () => run(() => root.unmount()),
    /** Does something that changes state, and waits until all is rendered. */
    run,
    /** What the hooks returned last. */
    get now() {
      return results.at(-1);
    },
    results,
  };
}
