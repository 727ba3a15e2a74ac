/**
 * Where things stand in a JSON text: the line of every value by its path (`propagation.2.reaches.0`), and keys that come
 * twice, of which JSON.parse keeps the last without a word. Only for texts that JSON.parse takes.
 */
export interface JsonLines {
  /** The line of the value at this path, or of the nearest one around it. From 1. */
  lineOf(path: string): number;
  readonly repeated: ReadonlyArray<{ readonly path: string; readonly line: number }>;
}

export const jsonLines = (text: string): JsonLines => {
  const lines = new Map<string, number>();
  const repeated: Array<{ path: string; line: number }> = [];
  let at = 0;
  let line = 1;

  const space = (): void => {
    while (/[\s\ufeff]/.test(text[at] ?? '')) {
      if (text[at] === '\n') line += 1;
      at += 1;
    }
  };
  const string = (): string => {
    const start = at;
    at += 1;
    while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
    at += 1;
    return JSON.parse(text.slice(start, at)) as string;
  };
  const under = (path: string, step: string | number): string =>
    path === '' ? String(step) : `${path}.${step}`;

  const value = (path: string): void => {
    space();
    if (!lines.has(path)) lines.set(path, line);
    const opening = text[at];
    if (opening === '"') string();
    else if (opening === '{' || opening === '[') container(path, opening === '{' ? '}' : ']');
    else while (/[^\s,\]}]/.test(text[at] ?? ' ')) at += 1;
    space();
  };

  const container = (path: string, closing: '}' | ']'): void => {
    const keys = new Set<string>();
    at += 1;
    space();
    for (let index = 0; text[at] !== closing; index += 1) {
      let step: string | number = index;
      if (closing === '}') {
        step = string();
        if (keys.has(step)) repeated.push({ path: under(path, step), line });
        keys.add(step);
        space();
        at += 1; // the colon
      }
      value(under(path, step));
      if (text[at] === ',') at += 1;
      space();
    }
    at += 1;
  };

  value('');
  return {
    repeated,
    lineOf: (path) => {
      for (let known = path; ; known = known.slice(0, Math.max(known.lastIndexOf('.'), 0))) {
        const found = lines.get(known);
        if (found !== undefined) return found;
        if (known === '') return 1;
      }
    },
  };
};
