// Cells of the heat map: a column for each interval, the colour by the share of its values, on a logarithmic scale.

function parse(stop) {
  return [1, 3, 5].map((k) => parseInt(stop.slice(k, k + 2), 16));
}

// The colour at a place from 0 to 1.
function between(stops, place) {
  const at = Math.min(Math.max(place, 0), 1) * (stops.length - 1);
  const k = Math.min(Math.floor(at), stops.length - 2);
  const mixed = stops[k].map((value, c) => Math.round(value + (stops[k + 1][c] - value) * (at - k)));
  return `rgb(${mixed.join(",")})`;
}

function palette(stops) {
  const parsed = stops.map(parse);
  return Array.from({ length: 32 }, (_, k) => between(parsed, k / 31));
}

// The least and the largest share of a column that any cell has.
function shares(columns) {
  let least = Infinity, most = 0;
  for (const { count, cells } of columns) {
    for (let k = 1; k < cells.length; k += 2) {
      least = Math.min(least, cells[k] / count);
      most = Math.max(most, cells[k] / count);
    }
  }
  return [Math.min(least, most / 10), most];
}

export function drawCells(plot, columns, stops, bin) {
  const colors = palette(stops);
  const [least, most] = shares(columns);
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  const heights = new Map();
  const height = (cell) => {
    if (!heights.has(cell)) heights.set(cell, Math.round(plot.valToPos(2 ** (cell * bin), "y", true)));
    return heights.get(cell);
  };
  for (const { begin, end, count, cells } of columns) {
    const left = Math.round(plot.valToPos(begin, "x", true));
    const width = Math.max(1, Math.round(plot.valToPos(end, "x", true)) - left);
    for (let k = 0; k < cells.length; k += 2) {
      const place = Math.log(cells[k + 1] / count / least) / Math.log(most / least);
      ctx.fillStyle = colors[Math.round(Math.min(Math.max(place, 0), 1) * (colors.length - 1))];
      const top = height(cells[k] + 1);
      ctx.fillRect(left, top, width, Math.max(1, height(cells[k]) - top));
    }
  }
  ctx.restore();
}

export function drawRamp(canvas, stops) {
  const colors = palette(stops);
  const context = canvas.getContext("2d");
  const step = canvas.width / colors.length;
  colors.forEach((one, k) => {
    context.fillStyle = one;
    context.fillRect(Math.floor(k * step), 0, Math.ceil(step), canvas.height);
  });
}
