// People, as they are shown in lists and beside what they say. The server vouches for their identity, {id, name}.

/** An element with a text in it. Texts of others never become anything but text. */
export function part(tag, name, text = "") {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}

/** A colour of somebody's own, from 0 to 4: the same on all pages. */
export function tint({ id }) {
  return parseInt(id.slice(0, 8), 16) % 5;
}

/** A disc with the first letter of the name. */
export function face(person) {
  const shown = part("span", "face", [...person.name][0]);
  shown.dataset.tint = tint(person);
  shown.setAttribute("aria-hidden", "true");
  return shown;
}

/** Shows people in a list, the visitor first and the others by their names. */
export function showPeople(list, people, visitor) {
  const order = [...people].sort((a, b) => visitor.is(b) - visitor.is(a) || a.name.localeCompare(b.name));
  list.replaceChildren(...order.map((person) => {
    const item = part("li", "person");
    item.append(face(person), part("bdi", "name", person.name));
    if (visitor.is(person)) {
      item.append(part("span", "you", "you"));
    }
    return item;
  }));
}
