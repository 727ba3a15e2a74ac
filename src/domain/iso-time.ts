/**
 * Writes times as text, ISO 8601 in UTC. Those of many events are the same, and writing one costs as much as hashing an event: the
 * last two are kept, because times of two kinds often come in turns.
 */
export const isoTimes = (): ((atMs: number) => string) => {
  let last = { atMs: 0, text: new Date(0).toISOString() };
  let before = last;
  return (atMs) => {
    if (last.atMs === atMs) return last.text;
    const known = before.atMs === atMs ? before : { atMs, text: new Date(atMs).toISOString() };
    before = last;
    last = known;
    return known.text;
  };
};
