// The live page: asks the server each second while it can be seen, and shows what it answers.
// Texts from outside are only ever written as text.

import { Charts } from "./charts.js";
import { Tables, write } from "./table.js";
import { Wait } from "./wait.js";
import { clock } from "./units.js";

const SECOND = 1000;
const PATIENCE = 10 * SECOND;
const MORE = 200; // rows
const DESCENDING = "reverse";
const LOST = "the server does not answer; trying again";

const find = (id) => document.getElementById(id);
const state = { id: "", sort: "sum", order: "first", contains: "", rows: 100, period: "all" };
let run = ""; // tells this server from another one at the same place
let seen = 0; // the number of the last interval that is shown
let unit = "";
let timer = 0;
let remembering = 0;
let waiting = false; // for an answer to a question about several calls
let asking = false;
let again = false; // something has been chosen while an answer was on its way

const charts = new Charts(find("lines"), find("heat"), find("ramp"), find("readout"), find("at"), find("counted"));
const tables = new Tables(find("tables"), { choose, sort });
const wait = new Wait(() => {
  remember();
  askWait();
});

async function ask(path, parameters) {
  const answer = await fetch(`${path}?${new URLSearchParams(parameters)}`, { signal: AbortSignal.timeout(PATIENCE) });
  if (answer.ok) return answer.json();
  const error = new Error((await answer.text()).trim());
  error.status = answer.status;
  throw error;
}

// ---- what is chosen ----

function choose(id) {
  if (id !== state.id) begin(id);
  remember();
  refresh();
}

function begin(id) {
  state.id = id;
  seen = 0;
  charts.clear();
  find("own").value = "";
}

function sort(id) {
  state.order = state.sort === id && state.order === "first" ? DESCENDING : "first";
  state.sort = id;
  remember();
  refresh();
}

// The address keeps what is chosen, so that it can be shared and reloaded.  Browsers refuse to change it too often.
function remember() {
  clearTimeout(remembering);
  remembering = setTimeout(() => {
    const kept = new URLSearchParams({ ...state, ...wait.question() });
    history.replaceState(null, "", `#${kept}`);
  }, 300);
}

function recall() {
  const kept = new URLSearchParams(location.hash.slice(1));
  const own = (name, valid) => valid.test(kept.get(name) || "") && kept.get(name);
  state.id = own("id", /^[0-9a-f]{16}$/) || "";
  state.sort = own("sort", /^(sum|name|rate|median|p90|p99|p99\.9|max|count)$/) || "sum";
  state.order = own("order", /^(first|reverse)$/) || "first";
  state.period = own("period", /^(all|now)$/) || "all";
  state.contains = (kept.get("contains") || "").slice(0, 200);
  find("contains").value = state.contains;
  document.querySelector(`input[name="period"][value="${state.period}"]`).checked = true;
  if (own("n", /^[1-9][0-9]{0,5}$/)) wait.set(Number(kept.get("n")));
  if (own("t", /^(median|p90|p99|p99\.9)$/)) find("t").value = kept.get("t");
}

// ---- what is asked ----

async function refresh() {
  if (asking) {
    again = true;
    return;
  }
  clearTimeout(timer);
  const began = performance.now();
  asking = true;
  try {
    await askTable();
    if (state.id) await Promise.all([askRecorder(state.id), askWait()]);
    show("live", `live, ${clock(Date.now() / SECOND)}`);
  } catch (error) {
    show("lost", error.status ? error.message : LOST);
  } finally {
    asking = false;
  }
  const now = again;
  again = false;
  if (!document.hidden) timer = setTimeout(refresh, now ? 0 : Math.max(100, SECOND - (performance.now() - began)));
}

async function askTable() {
  const found = await ask("table.json", state_of_table());
  if (found.run !== run) {
    run = found.run;
    begin(state.id);
  }
  write(find("title"), found.title);
  document.title = `${found.title} - historian`;
  if (!state.id && found.tables.length && found.tables[0].rows.length) begin(found.tables[0].rows[0].id);
  tables.update(found.tables, state.id, { sort: state.sort, reverse: state.order === DESCENDING });
  const rows = found.tables.reduce((sum, one) => sum + one.rows.length, 0);
  const number = found.recorders.toLocaleString("en-US");
  write(find("found"), rows === found.recorders ? `${number} recorder${rows === 1 ? "" : "s"}` : `${rows.toLocaleString("en-US")} of ${number} recorders`);
  find("more").hidden = rows >= found.found;
  find("empty").hidden = rows > 0;
  write(find("empty"), found.recorders ? "No recorder has such a name." : "Nothing recorded yet.");
  notes(found.notes);
}

function state_of_table() {
  const { sort, order, contains, rows, period } = state;
  return { sort, order, contains, rows: String(rows), period };
}

async function askRecorder(id) {
  let found;
  try {
    found = await ask("recorder.json", { id, after: String(seen) });
  } catch (error) {
    if (error.status !== 404) throw error;
    write(find("gone"), "This recorder is not there any more.");
    return;
  }
  if (id !== state.id) return;
  find("detail").hidden = false;
  write(find("gone"), "");
  write(find("name"), found.name);
  find("name").title = found.name;
  unit = found.unit;
  facts(found.facts);
  exemplars(found.exemplars);
  const fresh = found.columns.filter((one) => one.number > seen);
  if (fresh.length) seen = fresh[fresh.length - 1].number;
  charts.update({ ...found, columns: fresh });
  describe();
}

// One question at a time: a slider that is moved asks for the last place only.
async function askWait() {
  if (waiting || !state.id) return;
  waiting = true;
  try {
    let before;
    do {
      before = JSON.stringify([state.id, wait.question()]);
      const [id, question] = JSON.parse(before);
      const found = await ask("wait.json", { id, ...question });
      if (id === state.id) wait.show(found, unit);
    } while (JSON.stringify([state.id, wait.question()]) !== before);
  } catch (error) {
    if (error.status !== 404) show("lost", error.status ? error.message : LOST);
  } finally {
    waiting = false;
  }
}

// ---- what is shown ----

function show(kind, text) {
  find("dot").className = `dot ${kind}`;
  write(find("state"), text);
}

function facts(found) {
  const list = find("facts");
  while (list.children.length > found.length) list.lastChild.remove();
  found.forEach(([name, value, interval], k) => {
    if (!list.children[k]) {
      const box = document.createElement("div");
      const detail = document.createElement("dd");
      detail.append(document.createElement("span"), document.createElement("small"));
      box.append(document.createElement("dt"), detail);
      list.append(box);
    }
    const [term, detail] = list.children[k].children;
    write(term, name);
    write(detail.children[0], value);
    write(detail.children[1], interval && `95 %: ${interval}`);
  });
}

function notes(found) {
  fill(find("notes"), found, (item, text) => write(item, text));
}

// Values that lead to what happened, such as the id of a trace.
function exemplars(found) {
  find("exemplars").hidden = !found.length;
  fill(find("exemplar-rows"), found, (item, { time, value, labels }) => {
    if (!item.firstChild) item.append(...["span", "b", "code"].map((name) => document.createElement(name)));
    const texts = [clock(time), value, labels.map(([name, label]) => `${name}=${label}`).join(" ")];
    texts.forEach((text, k) => write(item.children[k], text));
  });
}

function fill(list, found, show) {
  while (list.children.length > found.length) list.lastChild.remove();
  found.forEach((one, k) => {
    if (!list.children[k]) list.append(document.createElement("li"));
    show(list.children[k], one);
  });
}

// What a chart cannot show: values without a place on a logarithmic axis; and since when it has been watched.
function describe() {
  const sum = (name) => charts.columns.reduce((total, one) => total + (one[name] || 0), 0);
  const parts = [[sum("zero"), "of 0"], [sum("overflow"), "beyond the last bucket"]];
  const beyond = parts.filter(([count]) => count).map(([count, what]) => `${count.toLocaleString("en-US")} values ${what}`);
  write(find("span"), beyond.length ? `without ${beyond.join(", ")}` : "");
}

// ---- begin ----

find("contains").addEventListener("input", () => {
  state.contains = find("contains").value;
  remember();
  refresh();
});
find("more").addEventListener("click", () => {
  state.rows = Math.min(2000, state.rows + MORE);
  refresh();
});
for (const choice of document.querySelectorAll('input[name="period"]')) {
  choice.addEventListener("change", () => {
    state.period = choice.value;
    remember();
    refresh();
  });
}
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
recall();
refresh();
