/** Homographies of four pairs of points. */

/** Solve a linear system by elimination; rows are [coefficients..., right side]. */
function solve(rows) {
  const size = rows.length;
  for (let at = 0; at < size; at += 1) {
    const best = rows
      .slice(at)
      .reduce((top, row, k) => (Math.abs(row[at]) > Math.abs(rows[top][at]) ? k + at : top), at);
    [rows[at], rows[best]] = [rows[best], rows[at]];
    for (let below = 0; below < size; below += 1) {
      if (below === at) continue;
      const share = rows[below][at] / rows[at][at];
      for (let k = at; k <= size; k += 1) rows[below][k] -= share * rows[at][k];
    }
  }
  return rows.map((row, at) => row[size] / row[at]);
}

/** The corners [x, y] of a picture of this size, from its upper left clockwise. */
export const cornersOf = (width, height) => [
  [0, 0],
  [width, 0],
  [width, height],
  [0, height],
];

/** The 3 x 3 matrix, as rows, that brings four points [x, y] to four others. */
export function homographyOf(from, to) {
  const rows = from.flatMap(([x, y], k) => {
    const [u, v] = to[k];
    return [
      [x, y, 1, 0, 0, 0, -u * x, -u * y, u],
      [0, 0, 0, x, y, 1, -v * x, -v * y, v],
    ];
  });
  const [a, b, c, d, e, f, g, h] = solve(rows);
  return [
    [a, b, c],
    [d, e, f],
    [g, h, 1],
  ];
}
