/** Measures every side once, then every side again …: whatever the machine does meanwhile meets all of them. */
export const interleaved = async <Side extends string, T>(
  runs: number,
  sides: Readonly<Record<Side, (run: number) => Promise<T>>>,
  onMeasured: (run: number, side: Side, result: T) => void = () => undefined,
): Promise<Readonly<Record<Side, ReadonlyArray<T>>>> => {
  const names = Object.keys(sides) as Side[];
  const results = Object.fromEntries(names.map((name) => [name, [] as T[]])) as Record<Side, T[]>;
  for (let run = 1; run <= runs; run += 1) {
    for (const name of names) {
      const result = await sides[name](run);
      results[name].push(result);
      onMeasured(run, name, result);
    }
  }
  return results;
};
