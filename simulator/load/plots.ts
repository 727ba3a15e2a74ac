/** Plots as SVG, drawn when the report is written: no script, no other host, readable for as long as browsers are. */

const WIDTH = 720;
const HEIGHT = 220;
const LEFT = 64;
const BOTTOM = 28;
const TOP = 12;
const TICKS = 4;

export interface Line {
  readonly name: string;
  readonly colour: string;
  readonly values: ReadonlyArray<number>;
}

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const short = (value: number): string =>
  value >= 1_000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));

const frame = (title: string, unit: string, top: number, inside: string): string => {
  const lines = Array.from({ length: TICKS + 1 }, (_, tick) => {
    const y = TOP + ((HEIGHT - TOP - BOTTOM) * tick) / TICKS;
    const label = short((top * (TICKS - tick)) / TICKS);
    return (
      `<line x1="${LEFT}" x2="${WIDTH}" y1="${y}" y2="${y}" class="grid"/>` +
      `<text x="${LEFT - 6}" y="${y + 4}" text-anchor="end">${label}</text>`
    );
  });
  return (
    `<figure><figcaption>${escaped(title)} <small>(${escaped(unit)})</small></figcaption>` +
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">${lines.join('')}${inside}</svg></figure>`
  );
};

/** One value a second. */
export const overTime = (title: string, unit: string, lines: ReadonlyArray<Line>): string => {
  const top = Math.max(1, ...lines.flatMap(({ values }) => values)) * 1.05;
  const last = Math.max(1, ...lines.map(({ values }) => values.length - 1));
  const x = (at: number): number => LEFT + ((WIDTH - LEFT) * at) / last;
  const y = (value: number): number => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
  const drawn = lines.map(({ colour, values }) => {
    const points = values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
    return `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="2"/>`;
  });
  const names = lines.map(
    ({ name, colour }, at) =>
      `<text x="${LEFT + 8 + at * 150}" y="${TOP + 12}" fill="${colour}">${escaped(name)}</text>`,
  );
  const ends = `<text x="${LEFT}" y="${HEIGHT - 8}">0 s</text><text x="${WIDTH}" y="${HEIGHT - 8}" text-anchor="end">${last} s</text>`;
  return frame(title, unit, top, drawn.join('') + names.join('') + ends);
};

export const bars = (
  title: string,
  unit: string,
  values: ReadonlyArray<{ readonly label: string; readonly value: number }>,
): string => {
  const top = Math.max(1, ...values.map(({ value }) => value)) * 1.05;
  const width = (WIDTH - LEFT) / Math.max(1, values.length);
  const labelEvery = Math.ceil(values.length / 12);
  const drawn = values.map(({ label, value }, at) => {
    const height = ((HEIGHT - TOP - BOTTOM) * value) / top;
    const x = LEFT + at * width;
    const text =
      at % labelEvery === 0
        ? `<text x="${(x + width / 2).toFixed(1)}" y="${HEIGHT - 8}" text-anchor="middle">${escaped(label)}</text>`
        : '';
    return (
      `<rect x="${(x + 1).toFixed(1)}" y="${(HEIGHT - BOTTOM - height).toFixed(1)}" width="${Math.max(1, width - 2).toFixed(1)}" ` +
      `height="${height.toFixed(1)}" class="bar"/>${text}`
    );
  });
  return frame(title, unit, top, drawn.join(''));
};
