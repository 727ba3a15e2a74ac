import type { CustomRequest } from '../../domain/webhook.ts';
import type { FieldError } from '../failure.ts';

type Header = CustomRequest['headers'][number];

export interface HeaderInput {
  readonly id?: number | null;
  readonly name?: string | null;
  readonly value?: string | null;
}

export const HEADERS_MAX = 50;
export const HEADER_BYTES_MAX = 8 * 1024;
const NAME_LENGTH_MAX = 255;

/** A token of RFC 9110. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What may stand in a header without being read differently somewhere: no line breaks, nothing beyond ASCII. */
const VALUE = /^[\t\x20-\x7e]*$/;

/** HTTP's own business between two machines, and the signature's. */
const REFUSED: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'keep-alive',
  'accept-encoding',
]);
const REFUSED_PREFIXES = ['webhook-', 'proxy-'] as const;

export interface ReadHeaders {
  readonly headers: ReadonlyArray<Header>;
  /** While there are any, the headers are only good for finding further errors. */
  readonly errors: ReadonlyArray<FieldError>;
}

/** Headers that replace the present ones, with all that is wrong with them. */
export const readHeaders = (
  items: ReadonlyArray<HeaderInput>,
  present: ReadonlyArray<Header>,
  nextId: () => number,
): ReadHeaders => {
  if (items.length > HEADERS_MAX) {
    return { headers: [], errors: [{ field: 'headers', message: `must be at most ${HEADERS_MAX}` }] };
  }
  const errors: FieldError[] = [];
  const named = new Set(items.map(({ id }) => id ?? null));
  const seenIds = new Set<number>();
  const seenNames = new Set<string>();

  const headers = items.map((item, index): Header => {
    const complain = (part: string, message: string): void => {
      errors.push({ field: `headers.items[${index}].${part}`, message });
    };
    const id = item.id ?? null;
    const known = present.find((header) => header.id === id);
    if (id !== null && known === undefined) complain('id', 'is not that of a header of this webhook');
    if (id !== null && seenIds.has(id)) complain('id', 'is there twice');
    if (id !== null) seenIds.add(id);

    const name = item.name === undefined ? known?.name : item.name;
    const wrongName = nameFault(name);
    if (wrongName !== undefined) complain('name', wrongName);
    const value = item.value === undefined ? known?.value : item.value;
    const wrongValue = valueFault(value);
    if (wrongValue !== undefined) complain('value', wrongValue);

    const key = (name ?? '').toLowerCase();
    if (key !== '' && seenNames.has(key)) complain('name', 'is there twice: a request has each header once');
    seenNames.add(key);
    const sameName = present.find((header) => header.name.toLowerCase() === key && !named.has(header.id));
    return { id: id ?? sameName?.id ?? nextId(), name: name ?? '', value: value ?? '' };
  });

  const bytes = headers.reduce((sum, { name, value }) => sum + name.length + value.length + LINE_BYTES, 0);
  if (bytes > HEADER_BYTES_MAX) {
    errors.push({ field: 'headers', message: `must be at most ${HEADER_BYTES_MAX} bytes together` });
  }
  return { headers, errors };
};

/** The colon, a space and the line break of each header. */
const LINE_BYTES = 4;

const nameFault = (name: string | null | undefined): string | undefined => {
  if (name === undefined || name === null) return 'is required and cannot be null';
  if (name.length > NAME_LENGTH_MAX) return `must have at most ${NAME_LENGTH_MAX} characters`;
  if (!NAME.test(name)) return "must be the name of a header: letters, digits and !#$%&'*+-.^_`|~";
  const key = name.toLowerCase();
  const refused = REFUSED.has(key) || REFUSED_PREFIXES.some((prefix) => key.startsWith(prefix));
  return refused ? 'is not yours to set: it belongs to the connection or to the signature' : undefined;
};

const valueFault = (value: string | null | undefined): string | undefined => {
  if (value === undefined || value === null) return 'is required and cannot be null';
  if (value.length > HEADER_BYTES_MAX) return `must have at most ${HEADER_BYTES_MAX} characters`;
  return VALUE.test(value) ? undefined : 'must be printable ASCII, without line breaks';
};
