// Who visits the page. A real application has a login instead, and a token that says who has logged in.

const KEY = "snorky-demo-visitor";
const NAMES = [
  ["Brave", "Calm", "Curious", "Early", "Happy", "Quick", "Quiet", "Sunny"],
  ["Crab", "Diver", "Dolphin", "Gull", "Otter", "Puffin", "Seal", "Turtle"],
];

/**
 * The visitor: a name, and a secret by which the server knows that several tabs are of one person. Both are kept by the
 * browser. With no name yet, there is one that was made up.
 */
export class Visitor {
  /** What others know the visitor by, from the first answer of the server on. */
  id = "";
  /** Called when the name has changed, here or in another tab. What was joined is still under the old one. */
  onRename = () => {};

  #service;
  #kept = read();

  constructor(snorky) {
    this.#service = snorky.service("visitor");
    // What is called here is sent before everything else, so that rooms are joined by somebody.
    snorky.on("open", () => this.#enter(this.#kept).catch(report));
    window.addEventListener("storage", ({ key }) => key === KEY && this.#follow().catch(report));
  }

  get name() {
    return this.#kept.name;
  }

  /** Tells whether somebody, as the server says who they are, is the visitor. */
  is(identity) {
    return identity?.id === this.id;
  }

  /** Changes the name. Rejects with what the server has against it. */
  async rename(name) {
    const { name: accepted } = await this.#enter({ ...this.#kept, name });
    this.#kept = { ...this.#kept, name: accepted };
    write(this.#kept);
    this.onRename();
  }

  async #enter(visitor) {
    const said = await this.#service.call("enter", visitor, { timeout: 10_000 });
    this.id = said.id;
    return said;
  }

  async #follow() {
    this.#kept = read();
    await this.#enter(this.#kept);
    this.onRename();
  }
}

function read() {
  try {
    const { name, secret } = JSON.parse(localStorage.getItem(KEY));
    if (typeof name === "string" && typeof secret === "string") {
      return { name, secret };
    }
  } catch {
    // There is nothing, or nothing that was written here, or the browser does not allow to look.
  }
  const made = { name: NAMES.map(any).join(" "), secret: secret() };
  write(made);
  return made;
}

function write(visitor) {
  try {
    localStorage.setItem(KEY, JSON.stringify(visitor));
  } catch {
    // The next page knows nothing of it.
  }
}

/** Reports what nobody waits for, unless the next connection does it again. */
function report(problem) {
  if (problem.code !== "lost") {
    console.error(problem);
  }
}

function any(list) {
  return list[Math.floor(Math.random() * list.length)];
}

function secret() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Has a form with a field "name" change the name. `showProblem` gets what is wrong, or nothing. */
export function bindForm(form, visitor, showProblem) {
  const field = form.elements.name;
  field.value = visitor.name;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    showProblem();
    let problem;
    try {
      await visitor.rename(field.value);
      field.value = visitor.name;
    } catch (refused) {
      problem = refused;
    }
    field.setAttribute("aria-invalid", String(Boolean(problem)));
    showProblem(problem);
  });
}
