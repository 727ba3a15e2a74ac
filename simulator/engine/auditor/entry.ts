import { hash } from 'node:crypto';
import type { RecordedEvent } from '../../../src/eventstore/event-store.ts';
import { CLUSTER_STREAM } from './cluster.ts';

/** An event of the log, parsed. */
export interface Entry {
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly actor: string;
  readonly company: string;
}

interface StreamEnd {
  revision: number;
  hash: string;
}

type Complain = (invariant: 'S12' | 'S14' | 'S18', message: string) => void;

const SECRET = 'whsec_';

/** Reads the log as a foreign auditor would: order, hash chains, who and why, and no secret in clear. */
export class LogReader {
  readonly #ends = new Map<string, StreamEnd>();
  readonly #dense: boolean;
  readonly #complain: Complain;
  #head = 0;

  constructor(dense: boolean, complain: Complain) {
    this.#dense = dense;
    this.#complain = complain;
  }

  get head(): number {
    return this.#head;
  }

  read({ stream, revision, position, event }: RecordedEvent): Entry {
    const where = `${stream} revision ${revision} at ${position}`;
    if (this.#dense ? position !== this.#head + 1 : position <= this.#head) {
      this.#complain('S14', `${where} follows position ${this.#head}`);
    }
    this.#head = position;
    const end = this.#ends.get(stream) ?? { revision: -1, hash: sha256(`callboard stream\n${stream}`) };
    if (revision !== end.revision + 1) this.#complain('S14', `${where} follows revision ${end.revision}`);
    const { id, type, data, metadata } = event;
    const at = metadata.lastIndexOf(',"hash":"');
    const linked = sha256(`${end.hash}\n${id}\n${type}\n${data}\n${metadata.slice(0, at)}`);
    if (!metadata.endsWith(`,"hash":"${linked}"}`))
      this.#complain('S12', `${where}: ${type} breaks the hash chain`);
    this.#ends.set(stream, { revision, hash: linked });
    if (data.includes(SECRET) || metadata.includes(SECRET))
      this.#complain('S18', `${where}: ${type} holds a secret`);
    const about = JSON.parse(metadata) as Readonly<Record<string, unknown>>;
    const { actor, companyId, $correlationId, $causationId, time } = about;
    if (
      !isText(actor) ||
      // What nodes say to each other belongs to no company.
      (!isText(companyId) && stream !== CLUSTER_STREAM) ||
      !isText($correlationId) ||
      !isText($causationId) ||
      !isText(time)
    ) {
      this.#complain('S12', `${where}: ${type} does not say who, why or when: ${metadata}`);
    }
    const parsed = JSON.parse(data) as Readonly<Record<string, unknown>>;
    return {
      stream,
      revision,
      position,
      id,
      type,
      data: parsed,
      actor: String(actor),
      company: String(companyId),
    };
  }
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';

const sha256 = (text: string): string => hash('sha256', text);
