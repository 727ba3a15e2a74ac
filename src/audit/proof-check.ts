import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';

/**
 * Checks a proof of one delivery, or of one change, with nothing but this file and Node's own cryptography: no server, no store, and no
 * other code of Callboard. `callboard audit check` runs it; docs/integrity.md says what it proves.
 */

export interface ProvenEvent {
  readonly revision: number;
  readonly id: string;
  readonly type: string;
  readonly data: string;
  readonly metadata: string;
}

/** What a seal says of the events that it covers, and of itself. */
export interface SealFields {
  readonly number: number;
  readonly events: number;
  readonly count: number;
  readonly streams: number;
  readonly root: string;
  readonly order: string;
  readonly last: { readonly revision: number; readonly stream: string };
  readonly atMs: number;
}

/** A seal that stands for all before it: what an auditor keeps, and what a proof leads to. */
export interface Root extends SealFields {
  readonly total: string;
  /** From this seal to the total. */
  readonly path: ReadonlyArray<string>;
  readonly signature: { readonly keyId: string; readonly value: string } | null;
}

export interface Proof {
  readonly kind: 'invocation' | 'change';
  readonly guid: string;
  readonly stream: string;
  /** The hash that the first of the events hangs on. Revision −1: it is the first of its stream. */
  readonly before: { readonly revision: number; readonly hash: string };
  readonly events: ReadonlyArray<ProvenEvent>;
  /** The stream's leaf in the tree of the seal. */
  readonly leaf: { readonly index: number; readonly path: ReadonlyArray<string> };
  readonly seal: SealFields;
  /** From the seal to the total of the root. */
  readonly path: ReadonlyArray<string>;
  readonly root: Root;
}

export type Checked =
  | { readonly holds: true; readonly lines: ReadonlyArray<string> }
  | { readonly holds: false; readonly reason: string };

/** `text`: the proof's file. `rootText`: that of a root that the reader has kept. `keyPem`: the operator's public key. */
export const checkProof = (text: string, rootText?: string, keyPem?: string): Checked => {
  try {
    const proof = unwrap<Proof>(text, 'callboardProof', PROOF);
    const lines = [...eventsOf(proof), ...sealOf(proof)];
    lines.push(...(rootText === undefined ? [NO_ROOT] : [sameRoot(proof.root, rootText)]));
    lines.push(keyPem === undefined ? NO_KEY : signed(proof.root, keyPem));
    return { holds: true, lines };
  } catch (error) {
    return { holds: false, reason: error instanceof Error ? error.message : String(error) };
  }
};

/** The same of a root alone. Throws what is wrong with it. */
export const readRoot = (text: string, keyPem?: string): Root => {
  const root = unwrap<{ readonly root: Root }>(text, 'callboardRoot', { root: ROOT }).root;
  demand(leadsTo(leafHash(coreText(root)), root.number - 1, root.number, root.path, root.total), ROOT_BROKEN);
  if (keyPem !== undefined) signed(root, keyPem);
  return root;
};

/** The one form in which proofs and roots are written: every byte counts. The checksum tells damage; it proves nothing. */
export const wrap = (kind: 'callboardProof' | 'callboardRoot', content: object): string => {
  const wrapped = { [kind]: 1, ...content };
  return `${JSON.stringify({ ...wrapped, sha256: hash('sha256', JSON.stringify(wrapped)) }, null, 2)}\n`;
};

const NO_ROOT =
  'Not compared with a root that you have kept (--root): whoever made this file could have made up all of it.';
const NO_KEY = "The operator's signature was not looked at (--key).";
const ROOT_BROKEN = 'the root does not stand in the tree whose total it names';

const demand = (holds: boolean, reason: string): void => {
  if (!holds) throw new Error(reason);
};

// ------------------------------------------------------------------------------------------------ the steps of a proof

const eventsOf = ({ kind, guid, stream, before, events }: Proof): ReadonlyArray<string> => {
  let { hash: previous, revision } = before;
  demand(HEX.test(previous), 'what the events hang on is no hash');
  demand(revision >= -1 && events.length > 0, 'it holds no events');
  demand(
    revision >= 0 || previous === emptyStream(stream),
    'the first event is not the first one of this stream',
  );
  for (const event of events) {
    revision += 1;
    const place = `the event at revision ${event.revision}`;
    demand(event.revision === revision, `${place} is not the one that follows`);
    const stored = HASH_TAIL.exec(event.metadata)?.[1];
    demand(stored !== undefined, `${place} holds no hash`);
    const open = event.metadata.slice(0, -HASH_TAIL_LENGTH);
    // Four line feeds that nothing else can hold, so that no byte moves from one field to the next.
    const texts = [previous, event.id, event.type, event.data, open];
    demand(
      texts.every((field) => !field.includes('\n')),
      `${place} holds a line feed`,
    );
    demand(stored === hash('sha256', texts.join('\n')), `${place} is not the one that was hashed`);
    previous = stored ?? '';
  }
  const named = kind === 'invocation' ? stream === `invocation-${guid}` : events[0]?.id === guid;
  demand(named, `the events are not those of ${kind} ${guid}`);
  const whole = before.revision < 0 ? 'from its first event on' : `from revision ${before.revision + 1} on`;
  return [
    kind === 'invocation'
      ? `Invocation ${guid}, ${whole}:`
      : `Change ${guid}, revision ${events[0]?.revision} of stream '${stream}', and what followed there:`,
    ...events.map((event) => `  ${event.revision}  ${inWords(event)}`),
  ];
};

const sealOf = ({ stream, events, leaf, seal, path, root }: Proof): ReadonlyArray<string> => {
  const last = events.at(-1);
  const head = leafHash(`${stream}\n${last?.revision}\n${HASH_TAIL.exec(last?.metadata ?? '')?.[1]}`);
  demand(
    leadsTo(head, leaf.index, seal.streams, leaf.path, seal.root),
    `the stream does not end like this in seal ${seal.number}`,
  );
  demand(
    leadsTo(leafHash(coreText(seal)), seal.number - 1, root.number, path, root.total),
    `seal ${seal.number} does not stand in the tree whose total the root names`,
  );
  demand(leadsTo(leafHash(coreText(root)), root.number - 1, root.number, root.path, root.total), ROOT_BROKEN);
  return [
    `These events stood in the history when seal ${seal.number} was made, at ${isoTime(seal.atMs)} by the operator's clock.`,
    `Seal ${seal.number} is one of the ${root.number} that the root stands for, with ${root.events} events in all:`,
    `  total ${root.total}`,
  ];
};

const sameRoot = (root: Root, rootText: string): string => {
  const kept = readRoot(rootText);
  demand(
    kept.number === root.number,
    `it leads to seal ${root.number}, your root is seal ${kept.number}: have it made with 'callboard audit prove … --root'`,
  );
  demand(statement(kept) === statement(root), 'it leads to another root than yours');
  return `That is the root which you have kept, of ${isoTime(kept.atMs)}.`;
};

const signed = (root: Root, keyPem: string): string => {
  const key = publicKey(keyPem);
  demand(key.asymmetricKeyType === 'ed25519', 'the key given is not of type Ed25519');
  const { signature } = root;
  if (signature === null) throw new Error('the root is not signed');
  const value = Buffer.from(signature.value, 'base64');
  demand(value.toString('base64') === signature.value, 'the signature is not written as one');
  const keyId = hash('sha256', key.export({ type: 'spki', format: 'der' })).slice(0, KEY_ID_DIGITS);
  demand(
    signature.keyId === keyId,
    `the root is signed with key ${signature.keyId}, the one given is ${keyId}`,
  );
  demand(verify(null, Buffer.from(statement(root)), key, value), 'the signature does not fit');
  return `The root is signed with key ${keyId}.`;
};

const publicKey = (pem: string): KeyObject => {
  demand(
    !pem.includes('PRIVATE KEY'),
    'a public key is asked for, and this one is private: keep it to yourself',
  );
  return createPublicKey(pem);
};

// ------------------------------------------------------------------------------------------------ what is hashed

const HEX = /^[0-9a-f]{64}$/;
const HASH_TAIL = /,"hash":"([0-9a-f]{64})"\}$/;
const HASH_TAIL_LENGTH = 75;
const KEY_ID_DIGITS = 16;

const emptyStream = (stream: string): string => hash('sha256', `callboard stream\n${stream}`);
const isoTime = (atMs: number): string => new Date(atMs).toISOString();

const coreText = ({ number, events, count, streams, root, order, last, atMs }: SealFields): string =>
  [
    'callboard seal',
    `number ${number}`,
    `events ${events}`,
    `new events ${count}`,
    `streams ${streams}`,
    `heads ${root}`,
    `order ${order}`,
    `last ${last.revision} ${JSON.stringify(last.stream)}`,
    `at ${isoTime(atMs)}`,
    '',
  ].join('\n');

/** What the operator signs. */
export const statement = (root: SealFields & Pick<Root, 'total'>): string =>
  `${coreText(root)}total ${root.total}\n`;

/** RFC 6962, section 2.1. */
const leafHash = (content: string): string =>
  hash('sha256', Buffer.concat([Uint8Array.of(0), Buffer.from(content)]));
const nodeHash = (left: string, right: string): string =>
  hash('sha256', Buffer.concat([Uint8Array.of(1), Buffer.from(left, 'hex'), Buffer.from(right, 'hex')]));

/** Whether the path leads from a leaf to the root of a tree with so many leaves: RFC 9162, section 2.1.3.2. */
export const leadsTo = (
  leaf: string,
  index: number,
  size: number,
  path: ReadonlyArray<string>,
  root: string,
): boolean => {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size || !path.every((each) => HEX.test(each)))
    return false;
  let reached = leaf;
  let at = index;
  let last = size - 1;
  for (const neighbour of path) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      reached = nodeHash(neighbour, reached);
      while (at % 2 === 0 && at > 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else {
      reached = nodeHash(reached, neighbour);
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && reached === root;
};

// ------------------------------------------------------------------------------------------------ what is read

/** The shape of an object: its keys in their order, each a type or a shape. */
type Shape = { readonly [key: string]: 'number' | 'string' | 'hashes' | 'events' | 'signature' | Shape };

const FIELDS: Shape = {
  number: 'number',
  events: 'number',
  count: 'number',
  streams: 'number',
  root: 'string',
  order: 'string',
  last: { revision: 'number', stream: 'string' },
  atMs: 'number',
};
const ROOT: Shape = { ...FIELDS, total: 'string', path: 'hashes', signature: 'signature' };
const PROOF: Shape = {
  kind: 'string',
  guid: 'string',
  stream: 'string',
  before: { revision: 'number', hash: 'string' },
  events: 'events',
  leaf: { index: 'number', path: 'hashes' },
  seal: FIELDS,
  path: 'hashes',
  root: ROOT,
};
const EVENT: Shape = { revision: 'number', id: 'string', type: 'string', data: 'string', metadata: 'string' };

/** Only what {@link wrap} writes, to the byte. */
const unwrap = <T>(text: string, kind: 'callboardProof' | 'callboardRoot', shape: Shape): T => {
  const what = kind === 'callboardProof' ? 'proof' : 'root';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`this is no ${what} of Callboard: not JSON`);
  }
  const keys: Shape = { [kind]: 'number', ...shape, sha256: 'string' };
  demand(fits(value, keys), `this is no ${what} of Callboard`);
  const { sha256: _, ...wrapped } = value as Record<string, unknown>;
  demand(wrapped[kind] === 1, `the ${what} is of a newer version`);
  demand(wrap(kind, without(wrapped, kind)) === text, `the ${what} is damaged: its checksum does not fit`);
  return wrapped as T;
};

const without = (value: Record<string, unknown>, key: string): object => {
  const { [key]: _, ...rest } = value;
  return rest;
};

const fits = (value: unknown, shape: Shape[string]): boolean => {
  switch (shape) {
    case 'number':
      return Number.isSafeInteger(value);
    case 'string':
      return typeof value === 'string';
    case 'hashes':
      return Array.isArray(value) && value.every((each) => typeof each === 'string');
    case 'events':
      return Array.isArray(value) && value.every((each) => fits(each, EVENT));
    case 'signature':
      return value === null || fits(value, { keyId: 'string', value: 'string' });
  }
  if (typeof value !== 'object' || value === null) return false;
  const keys = Object.keys(shape);
  return (
    Object.keys(value).join() === keys.join() &&
    keys.every((key) => fits((value as Record<string, unknown>)[key], shape[key] ?? 'string'))
  );
};

// ------------------------------------------------------------------------------------------------ in words

/** What the event says; what it does not say in these words stands in the file. */
const inWords = ({ type, data }: ProvenEvent): string => {
  const said = JSON.parse(data) as Record<string, unknown>;
  const text = (key: string, of: Record<string, unknown> = said): string => printable(of[key]);
  const at = typeof said['atMs'] === 'number' ? isoTime(said['atMs']) : '';
  const result = (said['result'] ?? {}) as Record<string, unknown>;
  const answer =
    result['statusCode'] === null || result['statusCode'] === undefined
      ? `no answer (${text('error', result)})`
      : `answered ${text('statusCode', result)}`;
  switch (type) {
    case 'InvocationScheduled':
      return `${at}  scheduled: webhook ${text('webhook')} is to be told of change ${text('change')}`;
    case 'AttemptStarted':
      return `${at}  attempt ${text('number')} started, to ${text('url')}`;
    case 'AttemptFailed':
      return `${at}  attempt ${text('number')} failed, ${answer}`;
    case 'InvocationDelivered':
      return `${at}  delivered by attempt ${text('number')}, ${answer} from ${text('address', result)}`;
    default:
      return `${at}  ${type}`;
  }
};

/** Whatever the file holds, a terminal gets no control characters from it. */
const printable = (value: unknown): string =>
  (typeof value === 'string' ? value : JSON.stringify(value ?? null)).replace(/[\p{Cc}\p{Cf}]/gu, '?');
