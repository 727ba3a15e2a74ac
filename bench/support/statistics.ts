/** Middle value; of an even number of values the mean of the two in the middle. */
export const median = (values: ReadonlyArray<number>): number => percentile(values, 0.5);

/** Linear between the two nearest values; `share` from 0 to 1. Throws on no values. */
export const percentile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)];
  const above = sorted[Math.ceil(place)];
  if (below === undefined || above === undefined) throw new Error('no values, no percentile');
  return below + (above - below) * (place - Math.floor(place));
};

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export const spreadOf = (values: ReadonlyArray<number>): Spread => ({
  median: median(values),
  min: Math.min(...values),
  max: Math.max(...values),
});

/** Run by run, so that what slowed the machine for a while slowed both sides. */
export const ratios = (
  values: ReadonlyArray<number>,
  baseline: ReadonlyArray<number>,
): ReadonlyArray<number> =>
  values.map((value, run) => {
    const base = baseline[run];
    if (base === undefined) throw new Error('the baseline has fewer runs');
    return value / base;
  });
