import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LogLevel, pinoLog } from '../../src/adapters/pino-log.ts';
import type { Log } from '../../src/ports/log.ts';

const recording = (level: LogLevel = 'debug'): { log: Log; lines: string[] } => {
  const lines: string[] = [];
  return { log: pinoLog(level, { write: (line) => lines.push(line) }), lines };
};

const logged = (fields: Readonly<Record<string, unknown>>, message = 'message'): Record<string, unknown> => {
  const { log, lines } = recording();
  log.info(fields, message);
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
};

describe('pinoLog', () => {
  it('writes one JSON object a line', () => {
    const { log, lines } = recording();
    log.warn({ webhook: 'w', attempt: 3, ok: false, none: null, list: [1, 'a'] }, 'attempt failed');
    const { time, ...rest } = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    expect(rest).toEqual({
      level: 'warn',
      webhook: 'w',
      attempt: 3,
      ok: false,
      none: null,
      list: [1, 'a'],
      msg: 'attempt failed',
    });
    expect(time).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
    expect(lines[0]?.endsWith('}\n')).toBe(true);
  });

  it.each<[LogLevel, string[]]>([
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    ['error', ['error']],
    ['silent', []],
  ])('at level %s writes %j', (level, expected) => {
    const { log, lines } = recording(level);
    log.debug({}, 'm');
    log.info({}, 'm');
    log.warn({}, 'm');
    log.error({}, 'm');
    expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(expected);
  });

  it.each([
    'authorization',
    'Proxy-Authorization',
    'token',
    'accessToken',
    'CALLBOARD_SECRET',
    'sealedSecret',
    'nonce',
    'cookie',
    'set-cookie',
    'password',
    'webhook-signature',
    'apiKey',
  ])('leaves out what stands under %s, at any depth', (key) => {
    const canary = 'canary-7d1f';
    for (const value of [canary, [canary], { inner: canary }, 12345]) {
      const line = JSON.stringify(logged({ [key]: value, deep: { list: [{ [key]: value }] } }));
      expect(line).not.toMatch(/canary|12345/);
      expect(line.match(/\[redacted\]/g)).toHaveLength(2);
    }
  });

  it('cuts long values, and the message', () => {
    const entry = logged({ text: 'a'.repeat(5000), deep: { list: ['b'.repeat(5000)] } }, 'c'.repeat(5000));
    const cut = (letter: string): string => `${letter.repeat(2048)}… (2952 more)`;
    expect(entry).toMatchObject({ text: cut('a'), deep: { list: [cut('b')] }, msg: cut('c') });
  });

  it('bounds what is deep, long, circular or binary', () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const line = JSON.stringify(
      logged({ circular, list: Array.from({ length: 5000 }, () => 1), bytes: Buffer.alloc(9) }),
    );
    expect(line).toContain('[too deep]');
    expect(line).toContain('[9 bytes]');
    expect(line.length).toBeLessThan(1000);
  });

  it('shows errors with their cause, dates, URLs, big numbers', () => {
    const error = Object.assign(new TypeError('broken', { cause: new Error('deeper') }), { code: 'EODD' });
    const entry = logged({ error, at: new Date(0), url: new URL('http://a.example/'), big: 10n ** 20n });
    expect(entry).toMatchObject({
      error: {
        type: 'TypeError',
        message: 'broken',
        code: 'EODD',
        cause: { type: 'Error', message: 'deeper' },
      },
      at: '1970-01-01T00:00:00.000Z',
      url: 'http://a.example/',
      big: '100000000000000000000',
    });
  });

  it('keeps its own names for itself', () => {
    expect(logged({ level: 'fatal', time: 'never', msg: 'other', pid: 1 }, 'mine')).toMatchObject({
      level: 'info',
      level_: 'fatal',
      time_: 'never',
      msg: 'mine',
      msg_: 'other',
    });
  });

  it('lets no text start a line or steer a terminal', () => {
    const { log, lines } = recording();
    const nasty = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(
          fc.constantFrom('\n', '\r', '\0', '\u001b[2J', '\u009b31m', '\u2028', '"', '\\', '%s', '\ud800'),
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(nasty, nasty, nasty, (key, value, message) => {
        lines.length = 0;
        log.info({ [key]: value, fixed: value }, message);
        expect(lines).toHaveLength(1);
        const [line = ''] = lines;
        expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
        expect(JSON.parse(line)).toMatchObject({ level: 'info' });
      }),
      { numRuns: 2000 },
    );
  });
});
