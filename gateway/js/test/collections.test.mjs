import assert from "node:assert/strict";
import { test } from "node:test";
import { ArrayCollection, CollectionDeltaProcessor, MapCollection, SingleItemCollection } from "../dist/snorky.mjs";
import { reported } from "./fake.mjs";

const insert = (data, model = "Task") => ({ type: "insert", model, data });
const update = (oldData, newData, model = "Task") => ({ type: "update", model, newData, oldData });
const remove = (data, model = "Task") => ({ type: "delete", model, data });

const [one, two, three] = [1, 2, 3].map((id) => ({ id, title: `task ${id}` }));
const renamed = { id: 1, title: "renamed" };

const rules = [
  ["an insert of an unknown item adds it at the end", [one], [insert(two)], [one, two]],
  ["an insert of a known item replaces it in its place", [one, two], [insert(renamed)], [renamed, two]],
  ["an insert that comes twice adds one item", [], [insert(one), insert(one)], [one]],
  ["an update of a known item replaces it in its place", [one, two], [update(one, renamed)], [renamed, two]],
  ["an update of an unknown item inserts it", [two], [update(one, renamed)], [two, renamed]],
  ["an update that changes the id keeps the place", [one, two], [update(one, three)], [three, two]],
  ["an update to the id of another item leaves one of them", [one, two, three], [update(one, three)], [three, two]],
  ["an update from and to unknown ids inserts", [one], [update(two, three)], [one, three]],
  ["a delete of a known item takes it away", [one, two], [remove(one)], [two]],
  ["a delete needs no more than the id", [one, two], [remove({ id: 1 })], [two]],
  ["a delete of an unknown item does nothing", [one], [remove(two)], [one]],
  ["deltas apply in their order", [], [insert(one), update(one, renamed), insert(two), remove(two)], [renamed]],
  ["ids of other types are others", [one], [insert({ id: "1" }), remove({ id: "1" }), remove({ id: "1" })], [one]],
];

for (const [title, before, deltas, after] of rules) {
  test(`ArrayCollection, MapCollection: ${title}`, () => {
    const [array, map] = [new ArrayCollection(), new MapCollection()];
    for (const collection of [array, map]) {
      collection.reset(before);
      collection.apply(deltas);
    }
    assert.deepEqual(array.snapshot, after);
    assert.deepEqual([...map.snapshot], after.map((item) => [item.id, item]));
  });
}

const singleRules = [
  ["an insert sets it", undefined, [insert(one)], one],
  ["an insert of another replaces it", one, [insert(two)], two],
  ["an update replaces it", one, [update(one, renamed)], renamed],
  ["an update may change its id", one, [update(one, two)], two],
  ["an update sets it if there was none", null, [update(one, renamed)], renamed],
  ["an update of another is ignored", one, [update(two, three)], one],
  ["a delete takes it away", one, [remove({ id: 1 })], undefined],
  ["a delete of another is ignored", one, [remove(two)], one],
  ["a delete of nothing does nothing", undefined, [remove(one)], undefined],
  ["without ids all deltas are for it", { a: 1 }, [update({ a: 1 }, { a: 2 })], { a: 2 }],
  ["an item that moves in before the old one moves out stays", one, [insert(two), remove(one)], two],
];

for (const [title, before, deltas, after] of singleRules) {
  test(`SingleItemCollection: ${title}`, () => {
    const single = new SingleItemCollection();
    single.reset(before);
    single.apply(deltas);
    assert.deepEqual(single.snapshot, after);
  });
}

test("listeners get one new snapshot per change, and none without one", () => {
  for (const collection of [new ArrayCollection(), new MapCollection(), new SingleItemCollection()]) {
    const got = [];
    const stop = collection.onChange((snapshot) => got.push(snapshot));
    const first = collection.snapshot;
    assert.equal(collection.snapshot, first);
    collection.apply([insert(one), update(one, renamed)]);
    assert.equal(got.length, 1);
    assert.equal(got[0], collection.snapshot);
    assert.notEqual(got[0], first);

    collection.apply([remove(two)]);
    collection.apply([]);
    assert.equal(got.length, 1);
    assert.equal(collection.snapshot, got[0]);

    collection.reset(collection instanceof SingleItemCollection ? two : [two]);
    assert.equal(got.length, 2);
    stop();
    collection.apply([insert(one)]);
    assert.equal(got.length, 2);
  }
});

test("a snapshot stays as it was", () => {
  const [array, map] = [new ArrayCollection(), new MapCollection()];
  for (const collection of [array, map]) {
    collection.reset([one]);
    const { snapshot } = collection;
    collection.apply([insert(two), remove(one)]);
    assert.equal(snapshot.length ?? snapshot.size, 1);
    assert.deepEqual([collection.size, collection.get(1), collection.get(2)], [1, undefined, two]);
  }
});

test("items that did not change keep their identity, transformed or not", () => {
  class Task {
    constructor(data) {
      Object.assign(this, data);
    }
  }
  let made = 0;
  const transform = (data) => (made++, new Task(data));
  const tasks = new ArrayCollection({ transform });
  tasks.reset([one, two]);
  const [first, second] = tasks.snapshot;
  tasks.apply([update(one, renamed)]);
  assert.ok(tasks.snapshot[0] instanceof Task);
  assert.notEqual(tasks.snapshot[0], first);
  assert.equal(tasks.snapshot[0].title, "renamed");
  assert.equal(tasks.snapshot[1], second);
  assert.equal(made, 3);
});

test("a sorted array stays sorted", () => {
  const tasks = new ArrayCollection({ sort: (a, b) => a.title.localeCompare(b.title) });
  tasks.reset([three, one]);
  tasks.apply([insert(two), update(one, { id: 1, title: "zero" })]);
  assert.deepEqual(tasks.snapshot.map(({ id }) => id), [2, 3, 1]);
});

test("ids are found by a function, in the data and not in what they are transformed to", () => {
  const players = new MapCollection({ id: ({ team, number }) => `${team}/${number}`, transform: ({ name }) => name });
  players.reset([{ team: "red", number: 1, name: "Ann" }]);
  players.apply([insert({ team: "blue", number: 1, name: "Bob" }), remove({ team: "red", number: 1 })]);
  assert.deepEqual([...players.snapshot], [["blue/1", "Bob"]]);
});

test("a delta that makes no sense is reported, and does no harm to others", (t) => {
  const errors = reported(t);
  const tasks = new ArrayCollection();
  tasks.reset([one]);
  tasks.apply([insert(null), insert({ title: "no id" }), remove(undefined), insert({ id: {} }), insert(two)]);
  assert.deepEqual(tasks.snapshot, [one, two]);
  assert.equal(errors.length, 4);
});

test("data of another form are refused, and nothing changes", () => {
  const tasks = new ArrayCollection();
  tasks.reset([one]);
  for (const data of [undefined, null, 5, { results: [] }, [{}], [one, null]]) {
    assert.throws(() => tasks.reset(data), TypeError);
  }
  assert.deepEqual(tasks.snapshot, [one]);
});

const red = (id, team = "red") => ({ id, team });

test("where keeps the collections of a model apart", () => {
  const options = (team) => ({ where: (player) => player.team === team });
  const [reds, blues] = [new ArrayCollection(options("red")), new MapCollection(options("blue"))];
  const captain = new SingleItemCollection({ where: ({ id }) => id === 1 });
  const all = [reds, blues, captain];
  [reds, blues].forEach((one) => one.reset([red(1), red(2, "blue"), red(3)]));
  captain.reset(red(1));
  assert.deepEqual([reds.snapshot, [...blues.snapshot.keys()]], [[red(1), red(3)], [2]]);

  // Player 1 changes sides: one subscription tells of an insert, the other of a delete, and both reach all.
  const moved = red(1, "blue");
  for (const delta of [insert(moved), remove(red(1))]) {
    all.forEach((one) => one.apply([delta]));
  }
  assert.deepEqual([reds.snapshot, [...blues.snapshot.values()]], [[red(3)], [red(2, "blue"), moved]]);

  all.forEach((one) => one.apply([update(red(3), red(3, "blue"))]));
  assert.deepEqual([reds.size, blues.size], [0, 3]);
  all.forEach((one) => one.apply([insert(red(9, "green"))]));
  assert.deepEqual([reds.size, blues.size], [0, 3]);
});

test("the processor takes deltas to the collections of their model", () => {
  const [tasks, note] = [new ArrayCollection(), new SingleItemCollection()];
  const processor = new CollectionDeltaProcessor({ Task: tasks, Note: note });
  processor.reset({ Task: [one], Note: { id: 1, text: "" } });
  let changes = 0;
  tasks.onChange(() => changes++);
  const note1 = update({ id: 1 }, { id: 1, text: "x" }, "Note");
  processor.apply([insert(two), remove(one), note1, insert(three), insert(one, "Other")]);
  processor.processDelta(insert(one, "toString"));
  assert.deepEqual([tasks.snapshot, note.snapshot, changes], [[two, three], { id: 1, text: "x" }, 1]);

  processor.reset({ Note: null });
  assert.deepEqual([tasks.snapshot, note.snapshot], [[two, three], undefined]);
  for (const data of [undefined, null, [], 5]) {
    assert.throws(() => processor.reset(data), TypeError);
  }
});

test("the processor knows several collections of a model by name", () => {
  const where = (team) => (player) => player.team === team;
  const reds = new ArrayCollection({ where: where("red") });
  const blues = new ArrayCollection({ where: where("blue") });
  const processor = new CollectionDeltaProcessor({ Player: { reds, blues } });
  const sizes = () => [reds.size, blues.size];

  processor.reset({ Player: [red(1), red(2, "blue"), red(3, "blue")] });
  assert.deepEqual(sizes(), [1, 2]);
  processor.reset({ Player: { reds: [red(1), red(4)] } });
  assert.deepEqual(sizes(), [2, 2]);
  processor.processDelta(insert(red(5, "blue"), "Player"));
  assert.deepEqual(sizes(), [2, 3]);

  const [open, done] = [new ArrayCollection(), new ArrayCollection()];
  const tagged = new CollectionDeltaProcessor({ Task: { open, done } });
  tagged.processDelta({ ...insert(one), tag: "done" });
  tagged.processDelta({ ...insert(one), tag: "other" });
  assert.deepEqual([open.size, done.size], [0, 1]);
});

test("a listener that throws keeps nothing from the others", (t) => {
  const errors = reported(t);
  const tasks = new ArrayCollection();
  const got = [];
  tasks.onChange(() => {
    throw new Error("listener");
  });
  tasks.onChange((snapshot) => got.push(snapshot));
  tasks.apply([insert(one)]);
  assert.deepEqual([got, errors], [[[one]], ["listener"]]);
});
