// Users who need several calls: what the page asks, and how it shows the answer.  The server computes.

import { write } from "./table.js";

// Numbers of calls at the places of the slider.
const CALLS = [
  1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 200, 250, 300, 400, 500, 600, 800, 1000,
  1500, 2000, 3000, 5000, 10000,
];
const MOST = 1000000;

const find = (id) => document.getElementById(id);

function counted(n) {
  return `${n.toLocaleString("en-US")} call${n === 1 ? "" : "s"}`;
}

export class Wait {
  constructor(changed) {
    this.changed = changed;
    this.n = 100;
    this.slider = find("n-slider");
    this.slider.max = String(CALLS.length - 1);
    this.slider.addEventListener("input", () => this.take(CALLS[Number(this.slider.value)]));
    find("n").addEventListener("input", () => {
      const n = Number(find("n").value);
      if (Number.isInteger(n) && n >= 1 && n <= MOST) this.take(n, false);
    });
    find("n").addEventListener("change", () => this.set(this.n));
    find("t").addEventListener("change", () => {
      find("own-box").hidden = find("t").value !== "own";
      if (find("t").value === "own") find("own").focus();
      this.changed();
    });
    find("own").addEventListener("input", () => this.changed());
    this.set(this.n);
  }

  take(n, writes = true) {
    this.n = n;
    if (writes) find("n").value = String(n);
    this.place();
    this.changed();
  }

  set(n) {
    this.n = n;
    find("n").value = String(n);
    this.place();
  }

  place() {
    const at = CALLS.findIndex((one) => one >= this.n);
    this.slider.value = String(at < 0 ? CALLS.length - 1 : at);
    this.slider.setAttribute("aria-valuetext", counted(this.n));
  }

  // The parameters of a question; the time of one's own is in the unit of the recorder.
  question() {
    const own = find("own").value;
    const t = find("t").value === "own" ? (own && Number(own) >= 0 && own.length < 16 ? own : "p99") : find("t").value;
    return { n: String(this.n), t };
  }

  show(found, unit) {
    write(find("own-unit"), unit);
    if (!found.share) {
      for (const id of ["share", "share-interval", "share-more", "wait-why", "wait-warning"]) write(find(id), "");
      write(find("share-text"), "This recorder holds no values now.");
      return;
    }
    if (!find("own").value) find("own").value = String(Number(found.threshold.toPrecision(3)));
    const { share } = found;
    write(find("share"), share.text);
    write(find("share-text"), `of users who need ${counted(found.n)} wait longer than ${found.text}`);
    const most = Math.min(share.upper, 1);
    find("meter-range").style.left = `${100 * share.lower}%`;
    find("meter-range").style.width = `${100 * (most - share.lower)}%`;
    find("meter-mark").style.left = `${100 * share.value}%`;
    const sure = `${Math.round(100 * share.confidence)} % interval`;
    write(find("share-interval"), `${sure}: ${share.interval[0]} to ${share.interval[1]}. Of single calls, ${found.call} take longer.`);
    const beside = (one) => (one.interval ? `${one.text} (${one.interval})` : one.text);
    write(find("share-more"), `Half of these users wait longer than ${beside(found.median)}, one in a hundred longer than ${beside(found.p99)}.`);
    write(find("wait-why"), `From all values so far. The interval: ${found.method}; ${found.why}.`);
    write(find("wait-warning"), found.warning);
  }
}
