// The rows of the list. They are kept from one change to the next, so that what somebody is doing to one of them (its
// focus, a title that is being edited) survives what others do meanwhile.

export class Rows {
  #list;
  #template;
  #does;
  #rows = new Map(); // by the task's id: { item, task }

  /** Shows rows in a list element. `does` has what they ask for: change(task, patch), move(task, by), remove(task). */
  constructor(list, template, does) {
    this.#list = list;
    this.#template = template;
    this.#does = does;
  }

  /** Shows tasks in their order, to somebody of a name. */
  show(tasks, me) {
    const focused = document.activeElement;
    const kept = new Set(tasks.map(({ id }) => id));
    for (const [id, { item }] of this.#rows) {
      if (!kept.has(id)) {
        this.#forget(id, item);
      }
    }
    tasks.forEach((task, index) => {
      const row = this.#rows.get(task.id) ?? this.#make(task);
      row.task = task;
      this.#fill(row, me, index === 0, index === tasks.length - 1);
      if (this.#list.children[index] !== row.item) {
        this.#list.insertBefore(row.item, this.#list.children[index] ?? null);
      }
    });
    if (focused !== document.activeElement && this.#list.contains(focused)) {
      focused.focus(); // it has been moved
    }
  }

  /** Takes a row away; who was on it comes to the next one. */
  #forget(id, item) {
    if (item.contains(document.activeElement)) {
      const neighbour = item.nextElementSibling ?? item.previousElementSibling;
      (neighbour?.querySelector("input") ?? document.getElementById("title")).focus();
    }
    item.remove();
    this.#rows.delete(id);
  }

  #make(task) {
    const item = this.#template.content.firstElementChild.cloneNode(true);
    const row = { item, task };
    const box = item.querySelector("input");
    box.id = `task-${task.id}`;
    item.querySelector("label").htmlFor = box.id;
    box.addEventListener("change", () => this.#does.change(row.task, { done: box.checked }));
    item.addEventListener("click", ({ target }) => this.#press(row, target.closest("button")?.dataset.do));
    item.addEventListener("dblclick", ({ target }) => target.closest(".title") && this.#edit(row));
    item.addEventListener("keydown", (event) => this.#key(row, event));
    this.#rows.set(task.id, row);
    return row;
  }

  #fill({ item, task }, me, isFirst, isLast) {
    item.classList.toggle("done", task.done);
    item.querySelector("input[type=checkbox]").checked = task.done;
    item.querySelector(".title").textContent = task.title;
    item.querySelector(".owner").textContent = task.owner;
    const disable = (what, disabled) => item.querySelector(`[data-do=${what}]`).setAttribute("aria-disabled", String(disabled));
    disable("up", isFirst);
    disable("down", isLast);
    item.querySelector("[data-do=take]").hidden = me !== "" && task.owner === me;
  }

  #press(row, what) {
    const does = {
      take: () => this.#does.change(row.task, { mine: true }),
      up: () => this.#does.move(row.task, -1),
      down: () => this.#does.move(row.task, 1),
      edit: () => this.#edit(row),
      remove: () => this.#does.remove(row.task),
    };
    does[what]?.();
  }

  #key(row, event) {
    if (event.target.type === "text") {
      return;
    }
    if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      this.#does.move(row.task, event.key === "ArrowUp" ? -1 : 1);
    } else if (event.key === "F2") {
      this.#edit(row);
    } else {
      return;
    }
    event.preventDefault();
  }

  /** Puts a field in the place of the title. Enter, and leaving it, are a yes, Escape is a no. */
  #edit(row) {
    if (row.item.querySelector("input[type=text]")) {
      return;
    }
    const title = row.item.querySelector(".title");
    const form = document.createElement("form");
    form.className = "edit";
    const field = Object.assign(document.createElement("input"), {
      type: "text", maxLength: 200, value: row.task.title, ariaLabel: "Title",
    });
    form.append(field);
    let open = true;
    const close = (save, focus) => {
      if (!open) {
        return;
      }
      open = false;
      const text = field.value.trim();
      form.remove();
      title.hidden = false;
      if (focus) {
        row.item.querySelector("[data-do=edit]").focus();
      }
      if (save && text !== "" && text !== row.task.title) {
        this.#does.change(row.task, { title: text });
      }
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      close(true, true);
    });
    field.addEventListener("keydown", ({ key, isComposing }) => {
      if (key === "Escape" && !isComposing) {
        close(false, true);
      }
    });
    // A row that is moved loses the focus, too, but gets it back.
    field.addEventListener("blur", () => setTimeout(() => document.activeElement !== field && close(true, false)));
    title.hidden = true;
    title.after(form);
    field.focus();
    field.select();
  }
}
