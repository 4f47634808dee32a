// The profile: rows are kept and only what changed is written, so that focus, selection and scrolling stay.

const LABELS = { name: "name", rate: "records per second" };

export class Tables {
  constructor(box, { choose, sort }) {
    this.box = box;
    this.choose = choose;
    this.sort = sort;
    this.parts = []; // one for each kind of unit
    this.chosen = "";
    box.addEventListener("click", (event) => {
      const row = event.target.closest("tbody tr");
      if (row) this.choose(row.dataset.id);
    });
    box.addEventListener("keydown", (event) => this.move(event));
  }

  update(tables, chosen, order) {
    const focused = this.box.contains(document.activeElement) ? document.activeElement : null;
    this.chosen = chosen;
    while (this.parts.length > tables.length) this.parts.pop().table.remove();
    tables.forEach((data, k) => {
      if (!this.parts[k]) this.parts.push(this.begin());
      this.fill(this.parts[k], data, order);
    });
    const buttons = this.buttons();
    const entry = buttons.find((one) => one === focused) || buttons.find((one) => one.getAttribute("aria-current") === "true") || buttons[0];
    for (const one of buttons) one.tabIndex = one === entry ? 0 : -1;
    if (focused && document.activeElement !== focused && focused.isConnected) focused.focus({ preventScroll: true });
  }

  buttons() {
    return [...this.box.querySelectorAll("tbody button")];
  }

  begin() {
    // Roles, since on a phone the rows are laid out otherwise, and browsers then forget that this is a table.
    const table = role(document.createElement("table"), "table");
    const head = role(role(table.createTHead(), "rowgroup").insertRow(), "row");
    const body = role(table.createTBody(), "rowgroup");
    this.box.append(table);
    return { table, head, body, rows: new Map(), heads: [] };
  }

  fill(part, data, order) {
    data.columns.forEach(([id, text], k) => {
      let head = part.heads[k];
      if (!head) {
        head = role(document.createElement("th"), "columnheader");
        head.scope = "col";
        head.dataset.column = id;
        const button = document.createElement("button");
        button.type = "button";
        button.title = `sort by ${LABELS[id] || id}`;
        button.addEventListener("click", () => this.sort(id));
        head.append(button);
        part.head.append(head);
        part.heads.push(head);
      }
      write(head.firstChild, text);
      const rises = (id === "name") !== order.reverse;
      if (id === order.sort) head.setAttribute("aria-sort", rises ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
    const left = new Set(part.rows.keys());
    const most = Math.max(...data.rows.map((row) => row.share), 1e-9);
    data.rows.forEach((row, k) => {
      left.delete(row.id);
      let line = part.rows.get(row.id);
      if (!line) part.rows.set(row.id, (line = this.line(row.id, data.columns)));
      row.cells.forEach((text, at) => write(line.texts[at], text));
      line.bar.style.width = `${Math.round((row.share / most) * 700) / 10}%`;
      line.row.classList.toggle("idle", row.cells[1] === "0");
      line.row.classList.toggle("chosen", row.id === this.chosen);
      line.button.setAttribute("aria-current", String(row.id === this.chosen));
      if (part.body.rows[k] !== line.row) part.body.insertBefore(line.row, part.body.rows[k] || null);
    });
    for (const id of left) {
      part.rows.get(id).row.remove();
      part.rows.delete(id);
    }
  }

  line(id, columns) {
    const row = role(document.createElement("tr"), "row");
    row.dataset.id = id;
    const texts = columns.map(([column]) => {
      const cell = role(row.insertCell(), "cell");
      cell.dataset.column = column;
      return cell;
    });
    const button = document.createElement("button");
    button.type = "button";
    button.tabIndex = -1;
    texts[0].append(button);
    texts[0] = button;
    const last = texts[texts.length - 1];
    const bar = document.createElement("i");
    const text = document.createElement("span");
    last.classList.add("share");
    last.append(text, bar);
    texts[texts.length - 1] = text;
    return { row, texts, button, bar };
  }

  // Up and down, to the first and last row.
  move(event) {
    const buttons = this.buttons();
    const at = buttons.indexOf(document.activeElement);
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (at < 0 || to === undefined || !buttons[to]) return;
    event.preventDefault();
    buttons[at].tabIndex = -1;
    buttons[to].tabIndex = 0;
    buttons[to].focus();
    buttons[to].scrollIntoView({ block: "nearest" });
  }
}

function role(element, name) {
  element.setAttribute("role", name);
  return element;
}

// Change a text only if it is another one: that is cheaper, and does not disturb a selection.
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
