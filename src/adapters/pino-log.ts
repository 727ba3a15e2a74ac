import { type DestinationStream, pino } from 'pino';
import type { Log, LogFields } from '../ports/log.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export const LOG_LEVELS: ReadonlyArray<LogLevel> = ['debug', 'info', 'warn', 'error', 'silent'];

const TEXT_LENGTH_MAX = 2048;
const ENTRIES_MAX = 100;
const DEPTH_MAX = 5;
const SECRET_KEY =
  /authorization|token|secret|nonce|cookie|passw|signature|credential|api[-_]?key|private[-_]?key/i;
/** Names that pino writes itself; a second one in the same line would win when it is read back. */
const OWN_KEYS: ReadonlySet<string> = new Set(['level', 'time', 'msg']);
/** JSON escapes C0 but lets these through; terminals obey the first group, line readers the second. */
const UNESCAPED_CONTROLS = /[\u007f-\u009f\u2028\u2029]/g;

/**
 * One JSON object a line: `level`, `time` (ISO 8601), the fields, `msg`. Values are cut at 2,048 characters, what
 * stands under a name that sounds secret is left out, and nothing logged can start a new line or steer a terminal.
 */
export const pinoLog = (level: LogLevel, destination?: DestinationStream): Log => {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const logger = destination === undefined ? pino(options) : pino(options, destination);
  const write =
    (method: 'debug' | 'info' | 'warn' | 'error') =>
    (fields: LogFields, message: string): void => {
      if (logger.isLevelEnabled(method))
        logger[method](ownKeysRenamed(printable(fields, 0)), printableText(message));
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
};

const ownKeysRenamed = (fields: unknown): object =>
  Object.fromEntries(
    Object.entries(Object(fields) as object).map(([key, value]: [string, unknown]) => [
      OWN_KEYS.has(key) ? `${key}_` : key,
      value,
    ]),
  );

const printable = (value: unknown, depth: number): unknown => {
  switch (typeof value) {
    case 'string':
      return printableText(value);
    case 'bigint':
      return value.toString();
    case 'number':
    case 'boolean':
      return value;
    case 'object':
      return value === null ? null : printableObject(value, depth);
    case 'undefined':
    case 'function':
    case 'symbol':
      return undefined;
  }
};

const printableObject = (value: object, depth: number): unknown => {
  if (value instanceof Error) return printableError(value, depth);
  if (value instanceof Date || value instanceof URL) return printableText(JSON.stringify(value).slice(1, -1));
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth >= DEPTH_MAX) return '[too deep]';
  if (Array.isArray(value)) return value.slice(0, ENTRIES_MAX).map((item) => printable(item, depth + 1));
  const entries: Array<[string, unknown]> = Object.entries(value).slice(0, ENTRIES_MAX);
  return Object.fromEntries(
    entries.map(([key, item]) => [
      printableText(key),
      SECRET_KEY.test(key) ? '[redacted]' : printable(item, depth + 1),
    ]),
  );
};

const printableError = (error: Error, depth: number): unknown => ({
  type: error.name,
  message: printableText(error.message),
  ...('code' in error ? { code: printable(error.code, depth + 1) } : {}),
  stack: printableText(error.stack ?? ''),
  ...(error.cause === undefined || depth >= DEPTH_MAX ? {} : { cause: printable(error.cause, depth + 1) }),
});

const printableText = (text: string): string => {
  const kept =
    text.length <= TEXT_LENGTH_MAX
      ? text
      : `${text.slice(0, TEXT_LENGTH_MAX)}… (${text.length - TEXT_LENGTH_MAX} more)`;
  return kept
    .toWellFormed()
    .replace(UNESCAPED_CONTROLS, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`);
};
