// Values in a suitable unit, with three digits.

export const NONE = "–";

// The last step whose least value is not above it.  A step is [unit, factor, least value], as the server sends it.
function step(steps, value) {
  const rounded = Math.max(value, Number(value.toPrecision(3))); // 999.9 us would be shown as 1,000 us
  let found = steps[0];
  for (const one of steps) if (rounded >= one[2]) found = one;
  return found;
}

// Three digits: 1,230 or 0.0123.
export function digits(value) {
  if (value === 0) return "0";
  if (value < 1e-6 || value >= 1e15) return value.toExponential(2);
  const rounded = Number(value.toPrecision(3));
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(rounded)));
  return rounded.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

export function quantity(value, steps) {
  if (value === null || value === undefined || Number.isNaN(value)) return NONE;
  const [unit, factor] = step(steps, value);
  return `${digits(value * factor)} ${unit}`;
}

// For the marks of an axis, which are round numbers: 20 ms.
export function mark(value, steps) {
  const [unit, factor] = step(steps, value);
  const shown = Number((value * factor).toPrecision(3));
  return shown >= 1e6 || shown < 1e-3 ? `${shown.toExponential(0)} ${unit}` : `${shown.toLocaleString("en-US")} ${unit}`;
}

// Round values from `low` to `high` for an axis: powers of 10, of 2 for sizes; in between, if there are few of them.
export function splits(low, high, steps) {
  const isSize = steps.some(([unit]) => unit === "KiB");
  const base = isSize ? 2 : 10;
  const scale = isSize ? steps[0][1] : 1; // from the recorder's unit, which may be KiB, to bytes
  const first = Math.ceil(Math.log(low * scale) / Math.log(base) - 1e-9);
  const last = Math.floor(Math.log(high * scale) / Math.log(base) + 1e-9);
  const parts = !isSize && last - first < 2 ? [1, 2, 5] : [1];
  const skip = Math.max(1, Math.ceil((last - first + 1) / 7));
  const found = [];
  for (let k = first - 1; k <= last; k++) {
    if (skip > 1 && k % skip) continue;
    for (const part of parts) found.push((part * base ** k) / scale);
  }
  return found.filter((one) => one >= low && one <= high);
}

// A time of day.
export function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB");
}
