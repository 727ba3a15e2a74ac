/** What would bring real time or real chance into a run. */
const FORBIDDEN: ReadonlyArray<readonly [object: object, name: string]> = [
  [Date, 'now'],
  [Math, 'random'],
  [performance, 'now'],
  [globalThis, 'setTimeout'],
  [globalThis, 'setInterval'],
  [globalThis, 'fetch'],
  [AbortSignal, 'timeout'],
  [crypto, 'randomUUID'],
  [crypto, 'getRandomValues'],
];

/** Runs `work` with all of them throwing: a run that asks the real world for anything ends there. */
export const guarded = async <A>(work: () => Promise<A>): Promise<A> => {
  const before = FORBIDDEN.map(([object, name]) => Object.getOwnPropertyDescriptor(object, name));
  for (const [object, name] of FORBIDDEN) {
    Object.defineProperty(object, name, {
      configurable: true,
      writable: true,
      value: () => {
        throw new Error(`a simulated run asks the real world: ${name}`);
      },
    });
  }
  try {
    return await work();
  } finally {
    for (const [index, [object, name]] of FORBIDDEN.entries()) {
      const descriptor = before[index];
      if (descriptor === undefined) Reflect.deleteProperty(object, name);
      else Object.defineProperty(object, name, descriptor);
    }
  }
};
