import fc from 'fast-check';
import { isLeft, left, right } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import {
  decideJob,
  evolveJob,
  initialJob,
  isOver,
  type JobCommand,
  type JobEvent,
  type JobState,
  leftOf,
  NOTHING_DONE,
  scopeKeyOf,
  withSkipped,
} from '../../src/domain/job.ts';

const CREATE = {
  type: 'CreateJob',
  guid: '10000000-0000-4000-8000-000000000001',
  kind: 'retry_failed',
  companyId: '10000000-0000-4000-8000-000000000002',
  webhook: null,
  fromMs: null,
  toMs: null,
  generation: 0,
  ratePerSecond: 50,
  cut: 100,
  counted: 7,
  askedBy: 'partner',
  atMs: 1,
} as const;

const START: JobCommand = { type: 'StartJob', atMs: 2 };
const PAUSE: JobCommand = { type: 'PauseJob', reason: 'by_request', atMs: 3 };
const RESUME: JobCommand = { type: 'ResumeJob', atMs: 4 };
const CANCEL: JobCommand = { type: 'CancelJob', reason: 'by_request', atMs: 5 };
const COUNTS = { done: 3, skipped: { moved_on: 1 }, lookedAt: 4 } as const;
const COMPLETE: JobCommand = { type: 'CompleteJob', counts: COUNTS, atMs: 6 };
const progress = (cursor: number): JobCommand => ({
  type: 'RecordProgress',
  cursor,
  counts: COUNTS,
  atMs: 7,
});

const after = (...commands: ReadonlyArray<JobCommand>): JobState =>
  commands.reduce<JobState>((state, command) => {
    const decided = decideJob(state, command);
    if (isLeft(decided)) throw new Error(JSON.stringify(decided.left));
    return decided.right.reduce(evolveJob, state);
  }, initialJob);

const types = (state: JobState, command: JobCommand) => {
  const decided = decideJob(state, command);
  return isLeft(decided) ? decided.left._tag : decided.right.map(({ type }) => type);
};

describe('a job', () => {
  it('is made once, and asked for twice is the same', () => {
    expect(types(initialJob, CREATE)).toEqual(['JobCreated']);
    expect(types(after(CREATE), { ...CREATE, ratePerSecond: 7 })).toEqual([]);
    expect(decideJob(initialJob, START)).toEqual(left({ _tag: 'JobUnknown' }));
  });

  it.each([
    ['created', [CREATE], { StartJob: 'JobStarted', PauseJob: 'JobPaused', CancelJob: 'JobCancelled' }],
    [
      'running',
      [CREATE, START],
      {
        StartJob: null,
        ResumeJob: null,
        RecordProgress: 'JobProgressed',
        PauseJob: 'JobPaused',
        CancelJob: 'JobCancelled',
        CompleteJob: 'JobCompleted',
      },
    ],
    [
      'paused',
      [CREATE, START, PAUSE],
      { PauseJob: null, ResumeJob: 'JobResumed', RecordProgress: 'JobProgressed', CancelJob: 'JobCancelled' },
    ],
    ['cancelled', [CREATE, START, CANCEL], { CancelJob: null, RecordProgress: 'JobProgressed' }],
    ['completed', [CREATE, START, COMPLETE], { CompleteJob: null }],
  ] as const)('that is %s takes what makes sense then, and nothing else', (situation, commands, takes) => {
    const state = after(...commands);
    expect(state.situation).toBe(situation);
    for (const command of [START, progress(9), PAUSE, RESUME, CANCEL, COMPLETE]) {
      const taken: string | null | undefined = (takes as Record<string, string | null>)[command.type];
      // Nothing new is noted of a progress that is behind: see below.
      const expected = taken === undefined ? 'JobIs' : taken === null ? [] : [taken];
      expect([command.type, types(state, command)]).toEqual([command.type, expected]);
    }
  });

  it('goes forwards only: progress that is behind is known already', () => {
    const state = after(CREATE, START, progress(10));
    expect(decideJob(state, progress(10))).toEqual(right([]));
    expect(decideJob(state, progress(9))).toEqual(right([]));
    expect(types(state, progress(11))).toEqual(['JobProgressed']);
    expect(after(CREATE, START, progress(10), PAUSE, RESUME)).toMatchObject({
      situation: 'running',
      facts: { cursor: 10, counts: COUNTS },
    });
  });

  it('that is over stays as it is, whatever is asked of it', () => {
    const command = fc.constantFrom(CREATE, START, progress(3), progress(8), PAUSE, RESUME, CANCEL, COMPLETE);
    fc.assert(
      fc.property(fc.array(command, { maxLength: 20 }), (commands) => {
        let state: JobState = initialJob;
        let ended: string | undefined;
        for (const one of commands) {
          const decided = decideJob(state, one);
          const events: ReadonlyArray<JobEvent> = isLeft(decided) ? [] : decided.right;
          state = events.reduce(evolveJob, state);
          if (ended !== undefined) expect(state.situation).toBe(ended);
          if (isOver(state)) ended = state.situation;
          // Asked again, it decides nothing.
          const again = decideJob(state, one);
          if (events.length > 0) expect(isLeft(again) ? again.left : again.right).toEqual([]);
        }
      }),
    );
  });

  it('tells what is left of what was counted, and never less than nothing', () => {
    const state = after(CREATE, START, progress(10));
    if (state.situation === 'unknown') throw new Error('it is known');
    expect(leftOf(state.facts, 3)).toBe(3);
    expect(leftOf(state.facts, 300)).toBe(0);
    expect(leftOf({ ...state.facts, created: { ...state.facts.created, counted: null } }, 3)).toBe(null);
    expect(withSkipped(withSkipped(NOTHING_DONE, 'removed'), 'removed').skipped).toEqual({ removed: 2 });
  });

  it('is the same as another one exactly if it is asked to do the same', () => {
    const key = scopeKeyOf(CREATE);
    expect(scopeKeyOf({ ...CREATE, kind: 'retry_failed' })).toBe(key);
    for (const other of [
      { kind: 'backfill' as const },
      { webhook: CREATE.guid },
      { companyId: CREATE.guid },
      { fromMs: 0 },
      { toMs: 0 },
    ])
      expect(scopeKeyOf({ ...CREATE, ...other })).not.toBe(key);
  });
});
