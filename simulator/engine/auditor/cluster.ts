import { createHash } from 'node:crypto';
import type { Invariant } from '../violation.ts';
import type { Entry } from './entry.ts';

/** Which nodes there are and what is theirs, in the auditor's own words, from the stream that they share alone. */

export const CLUSTER_STREAM = 'callboard-cluster';

export interface ClusterDeps {
  readonly complain: (invariant: Invariant, message: string) => void;
  readonly nowMs: () => number;
  readonly mark: (name: string) => void;
  /** Of the nodes' leases; 0 where there are none. */
  readonly leaseMs: number;
  /** Clocks differ from time by less than this share. */
  readonly driftMax: number;
}

/** One node in one revision of the stream. */
interface Member {
  readonly node: string;
  readonly name: string;
  readonly joinedAt: number;
  /** Its newest event: it knows of everything before. */
  readonly seen: number;
  readonly saidMs: number;
  readonly leaving: boolean;
}

interface Known {
  readonly name: string;
  readonly process: number;
}

const PARTITIONS = 256;

export class ClusterBook {
  readonly #deps: ClusterDeps;
  /** The members after each revision. */
  readonly #views: Array<ReadonlyArray<Member>> = [];
  /** Everyone who ever joined. */
  readonly #known = new Map<string, Known>();
  /** Whose lease is another's now, and why. */
  readonly #gone = new Map<string, string>();
  readonly #owners = new Map<string, string>();

  constructor(deps: ClusterDeps) {
    this.#deps = deps;
  }

  get revision(): number {
    return this.#views.length - 1;
  }

  get members(): ReadonlyArray<Member> {
    return this.#views.at(-1) ?? [];
  }

  nameOf(node: string | undefined): string | undefined {
    return this.#known.get(node ?? '')?.name;
  }

  processOf(node: string): number | undefined {
    return this.#known.get(node)?.process;
  }

  /** Of the machines that a process has joined for. */
  names(process: number): ReadonlySet<string> {
    return new Set(
      [...this.#known.values()].flatMap((known) => (known.process === process ? [known.name] : [])),
    );
  }

  /** Undefined: it is one of the nodes. */
  whyGone(node: string): string | undefined {
    return this.#gone.get(node);
  }

  read({ type, data, revision }: Entry, process: number): void {
    const { complain, mark, nowMs } = this.#deps;
    const node = String(data['node']);
    const known = this.members.find((member) => member.node === node);
    const others = this.members.filter((member) => member.node !== node);
    const name = String(data['name']);
    const leaving = data['leaving'] === true;
    switch (type) {
      case 'NodeJoined': {
        if (known !== undefined) complain('S12', `node ${node} joins a second time`);
        const before = others.find((member) => member.name === name);
        if (before !== undefined) this.#gone.set(before.node, `${node} has joined in its place`);
        // It may not know that its first try was stored late and has expired: then it had nothing yet.
        this.#gone.delete(node);
        this.#known.set(node, { name, process });
        const stay = others.filter((member) => member !== before);
        mark(`joined.${stay.length > 0 ? 'others' : 'nobody'}`);
        this.#views.push([
          ...stay,
          { node, name, joinedAt: revision, seen: revision, saidMs: nowMs(), leaving },
        ]);
        return;
      }
      case 'NodeRenewed':
        if (known === undefined) complain('S22', `node ${node} renews its lease, which is not its any more`);
        if (leaving && known?.leaving === false && others.some((member) => !member.leaving))
          mark('handed_over_at_leave');
        this.#views.push(
          this.members.map((member) =>
            member.node === node ? { ...member, seen: revision, saidMs: nowMs(), leaving } : member,
          ),
        );
        return;
      case 'NodeLeft':
        this.#gone.set(node, 'it has left');
        this.#views.push(others);
        return;
      case 'NodeExpired':
        mark('lease_expired');
        this.#checkExpiry(known, String(data['by']), process);
        this.#gone.set(node, `its lease has expired, says ${String(data['by'])}`);
        this.#views.push(others);
        return;
      default:
        complain('S12', `the nodes say ${type}`);
        this.#views.push(this.members);
    }
  }

  /** Whoever is called silent has said nothing for at least its lease, whatever clock that is measured with. */
  #checkExpiry(silent: Member | undefined, by: string, process: number): void {
    const { complain, nowMs, leaseMs, driftMax } = this.#deps;
    if (silent === undefined) return complain('S22', `${by} declares one expired that is no node`);
    if (this.processOf(by) !== process) complain('S12', `process ${process} speaks as node ${by}`);
    const silentMs = nowMs() - silent.saidMs;
    if (silentMs < leaseMs / (1 - driftMax))
      complain('S22', `node ${silent.node} is declared expired after ${silentMs} ms of silence`);
  }

  /** The start of an attempt, and the newest revision that was there when its process gave it away. */
  checkStart(guid: string, node: string | undefined, url: string, process: number, asOf: number): void {
    const { complain } = this.#deps;
    if (this.#views.length === 0) return;
    if (node === undefined) return complain('S12', `${guid}: an attempt that does not say whose it is`);
    const known = this.#known.get(node);
    if (known?.process !== process)
      return complain('S12', `${guid}: process ${process} starts an attempt of node ${node}`);
    const members = this.#views[asOf] ?? [];
    const mine = members.find((member) => member.node === node);
    if (mine === undefined)
      return complain(
        'S22',
        `${guid}: node ${node} starts an attempt, but ${this.whyGone(node) ?? 'has not joined'}`,
      );
    if (mine.leaving) return complain('S22', `${guid}: node ${node} starts an attempt, and is leaving`);
    const waits = members.some(
      ({ leaving, joinedAt, seen }) => !leaving && joinedAt < mine.joinedAt && seen < mine.joinedAt,
    );
    if (waits) return complain('S23', `${guid}: node ${node} starts an attempt before all others know of it`);
    // It need not know what was said since its own last word; others wait for the next one.
    for (let revision = asOf; revision >= mine.seen; revision -= 1)
      if (this.#ownerOf(url, this.#views[revision] ?? []) === node) return;
    complain('S23', `${guid}: node ${node} starts an attempt at ${url}, which belongs to another`);
  }

  /** The node whose work is an endpoint's, as of a revision. */
  ownerAt(url: string, revision: number): string | undefined {
    return this.#ownerOf(url, this.#views[revision] ?? []);
  }

  #ownerOf(url: string, members: ReadonlyArray<Member>): string | undefined {
    const nodes = members.flatMap(({ node, leaving }) => (leaving ? [] : [node]));
    const key = `${url} ${nodes.join()}`;
    const kept = this.#owners.get(key);
    if (kept !== undefined) return kept;
    const partition = numberOf(url.split('?')[0] ?? '') % PARTITIONS;
    const weights = nodes.map((node) => ({ node, weight: numberOf(`${node} ${partition}`) }));
    weights.sort((a, b) => b.weight - a.weight);
    const owner = weights[0]?.node;
    if (owner !== undefined) this.#owners.set(key, owner);
    return owner;
  }
}

/** The first 52 bits of its hash. */
const numberOf = (text: string): number =>
  Number.parseInt(createHash('sha256').update(text).digest('hex').slice(0, 13), 16);
