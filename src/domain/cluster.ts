import type { NodeSettings } from './node-settings.ts';
import { ownerOf, PARTITIONS } from './partitions.ts';

/**
 * Which nodes share the work on one store. All of it stands in one stream: whoever writes to it at its exact revision has
 * read everything before, so a node's next event is also its word that it knows of the others, and has let go of what
 * went to them. A node's lease covers all of its partitions; leases spare work, safety never rests on them.
 */

/** A place in the log of the store. */
type Position = number;

/**
 * What a node says of itself with each of its events, so that the newest ones alone tell everything. Nodes of different
 * versions read each other's while they run: what was added later is optional, as a new schema version would stop the older.
 */
export interface NodeReport {
  /** Of one run of the program: a restarted one is another node. */
  readonly node: string;
  /** Of its data folder: who joins under a name that is taken takes over from who had it. */
  readonly name: string;
  readonly url: string;
  readonly version: string;
  readonly joinedAtMs: number;
  /** Everything up to here is done of what the partitions it owns, or is to take over, ask for. */
  readonly handledUpTo: Position;
  /** Its read models show the log up to here. */
  readonly readUpTo: Position;
  /** Attempts running. */
  readonly inFlight: number;
  /** It stops: it owns nothing any more, but what it has in flight is still its own. */
  readonly leaving: boolean;
  /** How long it may be silent before others take over: its lease holds that long from before this was sent. */
  readonly leaseMs?: number;
  readonly settings?: NodeSettings;
}

export interface NodeJoined extends NodeReport {
  readonly type: 'NodeJoined';
  readonly atMs: number;
}
export interface NodeRenewed extends NodeReport {
  readonly type: 'NodeRenewed';
  readonly atMs: number;
}
/** It has stopped, and nothing of it is in flight. */
export interface NodeLeft {
  readonly type: 'NodeLeft';
  readonly node: string;
  readonly atMs: number;
}
/** Another node heard nothing from it for longer than its lease. */
export interface NodeExpired {
  readonly type: 'NodeExpired';
  readonly node: string;
  readonly by: string;
  readonly atMs: number;
}

export type ClusterEvent = NodeJoined | NodeRenewed | NodeLeft | NodeExpired;

export interface Member extends NodeReport {
  /** Revision of its first event that is known. */
  readonly joinedAt: number;
  /** Revision of its newest event: it knows of everything before. */
  readonly seen: number;
  readonly renewedAtMs: number;
}

export interface ClusterState {
  readonly revision: number;
  /** By node, in the order in which they joined. */
  readonly members: ReadonlyMap<string, Member>;
  /** Where the work of those that are gone is to be taken up, while there is nobody who has; undefined: nobody ever was. */
  readonly orphanedFrom: Position | undefined;
}

export const initialCluster: ClusterState = { revision: -1, members: new Map(), orphanedFrom: undefined };

export const evolveCluster = (state: ClusterState, event: ClusterEvent, revision: number): ClusterState => {
  switch (event.type) {
    case 'NodeJoined': {
      const before = [...state.members.values()].find(({ name }) => name === event.name);
      const { members, orphanedFrom } = before === undefined ? state : without(state, before.node);
      const owners = [...members.values()].filter(({ leaving }) => !leaving);
      const floor = Math.min(
        ...owners.map(({ handledUpTo }) => handledUpTo),
        orphanedFrom ?? (owners.length === 0 ? event.handledUpTo : Number.POSITIVE_INFINITY),
      );
      const joined = { ...memberOf(event, revision), joinedAt: revision, handledUpTo: floor };
      return { revision, members: new Map(members).set(event.node, joined), orphanedFrom: undefined };
    }
    case 'NodeRenewed': {
      const known = state.members.get(event.node);
      const { joinedAt = revision } = known ?? {};
      const renewed = { ...memberOf(event, revision), joinedAt };
      if (known?.leaving === true) {
        // What it leaves behind was passed on already.
        return { ...state, revision, members: new Map(state.members).set(event.node, renewed) };
      }
      const members = new Map(state.members).set(event.node, renewed);
      return event.leaving
        ? { revision, ...passOn(members, state.orphanedFrom, renewed) }
        : { revision, members, orphanedFrom: undefined };
    }
    case 'NodeLeft':
    case 'NodeExpired':
      return { ...without(state, event.node), revision };
  }
};

const memberOf = (event: NodeJoined | NodeRenewed, seen: number): Omit<Member, 'joinedAt'> => {
  const { type: _type, atMs, ...report } = event;
  return { ...report, seen, renewedAtMs: atMs };
};

const without = (state: ClusterState, node: string): ClusterState => {
  const gone = state.members.get(node);
  if (gone === undefined) return state;
  const members = new Map(state.members);
  members.delete(node);
  return gone.leaving ? { ...state, members } : { ...state, ...passOn(members, state.orphanedFrom, gone) };
};

/** Whoever owns something may have got a part of it: until they say otherwise they are no further than it was. */
const passOn = (
  members: Map<string, Member>,
  orphanedFrom: Position | undefined,
  { node, handledUpTo }: Member,
): Pick<ClusterState, 'members' | 'orphanedFrom'> => {
  let heirs = 0;
  for (const [name, member] of members) {
    if (member.leaving || name === node) continue;
    heirs += 1;
    members.set(name, { ...member, handledUpTo: Math.min(member.handledUpTo, handledUpTo) });
  }
  return {
    members,
    orphanedFrom: heirs > 0 ? undefined : Math.min(orphanedFrom ?? handledUpTo, handledUpTo),
  };
};

/** Whether somebody may still work on what this node is to have: one who was there before it and has not seen it yet. */
export const waitsForOthers = ({ members }: ClusterState, node: string): boolean => {
  const me = members.get(node);
  if (me === undefined) return true;
  return [...members.values()].some(
    (other) => !other.leaving && other.joinedAt < me.joinedAt && other.seen < me.joinedAt,
  );
};

/** Whether others wait for a word of this node: somebody joined after its newest one. */
export const isAwaited = ({ members }: ClusterState, node: string): boolean => {
  const me = members.get(node);
  return me !== undefined && [...members.values()].some((other) => other.joinedAt > me.seen);
};

/** Everything up to there is done for all partitions: nobody says less of what is, or is to be, its own. */
export const doneByAll = ({ members, orphanedFrom }: ClusterState): Position => {
  const owners = [...members.values()].filter(({ leaving }) => !leaving);
  if (owners.length === 0) return orphanedFrom ?? 0;
  return Math.min(...owners.map(({ handledUpTo }) => handledUpTo));
};

/** The nodes among which the partitions are spread. */
export const ownersOf = ({ members }: ClusterState, without?: string): ReadonlyArray<string> =>
  [...members.values()].filter(({ node, leaving }) => !leaving && node !== without).map(({ node }) => node);

/** The partitions of each node that is not leaving, as agreed; who takes them over may still have to wait. */
export const partitionsOf = (state: ClusterState): ReadonlyMap<string, ReadonlyArray<number>> => {
  const nodes = ownersOf(state);
  const owned = new Map<string, number[]>(nodes.map((node) => [node, []]));
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const owner = ownerOf(partition, nodes);
    if (owner !== undefined) owned.get(owner)?.push(partition);
  }
  return owned;
};
