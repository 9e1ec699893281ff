
"use strict";
const kit = JSON.parse(document.getElementById("kit").textContent);
const find = (id) => document.getElementById(id);
const kept = `rating ${kit.kit}`;
const columns = ["kit", "kind", "rater", "trial", "item", "first", "choice",
  "rating_a", "rating_b", "seconds", "plays"];
let rater = "", rows = [], trials = [], began = 0, plays = 0, heard = false;

// A rater's own order, the same whenever the page is opened: FNV-1a of the
// seed and the name, then mulberry32.
function draws(text) {
  let state = 2166136261;
  for (const letter of text) {
    state = Math.imul(state ^ letter.codePointAt(0), 16777619);
  }
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function shuffled(name) {
  const draw = draws(`${kit.seed}/${name}`);
  const found = kit.items.map((item) => ({item, first: "a"}));
  for (let i = found.length - 1; i > 0; i--) {
    const other = Math.floor(draw() * (i + 1));
    [found[i], found[other]] = [found[other], found[i]];
  }
  for (const trial of found) {
    trial.first = draw() < 0.5 ? "a" : "b";
  }
  return found;
}

// The browser may keep nothing, e.g. in a private window.
function load() {
  try {
    return JSON.parse(localStorage.getItem(kept)) || {};
  } catch {
    return {};
  }
}

function save() {
  try {
    localStorage.setItem(kept, JSON.stringify({rater, rows}));
  } catch { /* it is downloaded at the end all the same */ }
}

function show(section) {
  for (const name of ["start", "trial", "end"]) {
    find(name).hidden = name !== section;
  }
  scrollTo(0, 0);
}

function radios(fieldset, name, choices) {
  fieldset.replaceChildren(...choices.map(([value, text, spoken]) => {
    const label = document.createElement("label");
    const radio = document.createElement("input");
    label.className = "choice";
    Object.assign(radio, {type: "radio", name, value, required: true});
    if (spoken) {
      radio.setAttribute("aria-label", spoken);
    }
    label.append(radio, text);
    return label;
  }));
}

function other(side) {
  return side === "a" ? "b" : "a";
}

function next() {
  if (rows.length === trials.length) {
    return finish();
  }
  const {item, first} = trials[rows.length];
  show("trial");
  find("place").textContent = `${rows.length + 1} of ${trials.length}`;
  Object.assign(find("bar"), {max: trials.length, value: rows.length});
  find("bar").setAttribute("aria-label", "Rated so far");
  find("question").textContent = kit.question;
  find("text-1").textContent = item[first];
  find("text-2").textContent = item[other(first)];
  if (kit.kind === "scale") {
    const points = [1, 2, 3, 4, 5].map((n) => [n, `${n}`,
      n === 1 ? "1, not at all" : n === 5 ? "5, very well" : `${n}`]);
    radios(find("scale-1"), "first", points);
    radios(find("scale-2"), "second", points);
    find("meaning").hidden = false;
    find("keys").textContent = "Keys: P plays, Tab and arrows go to the " +
      "points, Enter is Next.";
  } else {
    radios(find("preference"), "choice", [[first, "Answer 1"],
      ["tie", "No difference"], [other(first), "Answer 2"]]);
    find("keys").textContent = "Keys: P plays, 1 and 2 choose an answer, " +
      "0 is no difference, Enter is Next.";
  }
  find("sound").src = item.sound;
  began = performance.now();
  plays = 0;
  heard = false;
  ready();
  find("question").focus();
}

function ready() {
  const complete = find("rating").checkValidity();
  find("next").disabled = !(heard && complete);
  find("unheard").textContent = heard ? "" : "Listen to the end first.";
}

function take() {
  const given = new FormData(find("rating"));
  const {item, first} = trials[rows.length];
  const row = {kit: kit.kit, kind: kit.kind, rater, trial: rows.length + 1,
    item: item.id, first, choice: given.get("choice") || "",
    rating_a: "", rating_b: "", plays,
    seconds: ((performance.now() - began) / 1000).toFixed(1)};
  if (kit.kind === "scale") {
    row[`rating_${first}`] = given.get("first");
    row[`rating_${other(first)}`] = given.get("second");
  }
  rows.push(row);
  save();
  find("sound").pause();
  next();
}

function finish() {
  const cell = (value) => `"${String(value).replaceAll('"', '""')}"`;
  const lines = rows.map((row) => columns.map((name) => cell(row[name])));
  const text = [columns, ...lines].map((line) => `${line.join(",")}\n`).join("");
  find("csv").value = text;
  const link = find("download");
  link.href = URL.createObjectURL(new Blob([text], {type: "text/csv"}));
  link.download = `ratings_${kit.kit}_${rater}.csv`;
  show("end");
  find("thanks").focus();
}

find("asked").textContent = kit.question;
find("rater").value = load().rater || "";
find("who").addEventListener("submit", (event) => {
  event.preventDefault();
  rater = find("rater").value;
  const before = load();
  rows = before.rater === rater ? before.rows : [];
  trials = shuffled(rater);
  next();
});
find("rating").addEventListener("change", ready);
find("rating").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!find("next").disabled) {
    take();
  }
});
find("sound").addEventListener("play", () => plays++);
find("sound").addEventListener("ended", () => {
  heard = true;
  ready();
});
find("sound").addEventListener("error", () => {
  find("unheard").textContent = "This browser cannot play the recording.";
});
document.addEventListener("keydown", (event) => {
  if (find("trial").hidden || event.ctrlKey || event.metaKey || event.altKey) {
    return;
  }
  const sound = find("sound");
  const places = {1: 0, 0: 1, 2: 2};
  if (event.key === "p") {
    sound.paused ? sound.play() : sound.pause();
  } else if (event.key === "Enter" && event.target.type !== "submit") {
    find("rating").requestSubmit();
    event.preventDefault();
  } else if (kit.kind !== "scale" && event.key in places) {
    const radio = find("preference").querySelectorAll("input")[places[event.key]];
    radio.checked = true;
    radio.focus();
    ready();
  }
});
