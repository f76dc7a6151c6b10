// What the connection is doing, at the top of the page.

const STATES = { connecting: "Connecting", open: "Connected", waiting: "Reconnecting", closed: "Disconnected" };
const element = (id) => document.getElementById(id);

/** Shows the state of a client from now on, and lets it rest while nobody is on the page. */
export function showConnection(snorky) {
  let countdown;

  const showState = (state) => {
    clearInterval(countdown);
    element("countdown").textContent = "";
    element("line").dataset.state = state;
    element("state").textContent = STATES[state];
    element("retry").hidden = state !== "waiting" && state !== "closed";
    document.querySelector("main").classList.toggle("stale", state !== "open");
  };

  // Screen readers are told once that the page reconnects, not every second when.
  const showWait = ({ delay }) => {
    const due = Date.now() + delay;
    const show = () => {
      const seconds = Math.max(0, Math.ceil((due - Date.now()) / 1000));
      element("countdown").textContent = ` in ${seconds} s`;
    };
    clearInterval(countdown);
    countdown = setInterval(show, 250);
    show();
  };

  snorky.on("state", showState);
  snorky.on("reconnecting", showWait);
  element("retry").addEventListener("click", () => snorky.connect());

  // A page that somebody left may be kept for the way back, with its connection. Nobody is there meanwhile.
  window.addEventListener("pagehide", () => snorky.close());
  window.addEventListener("pageshow", ({ persisted }) => persisted && snorky.connect());
}
