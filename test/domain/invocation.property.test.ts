import { isRight } from 'fp-ts/lib/Either.js';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  evolveInvocation,
  initialInvocation,
  type InvocationCommand,
  type InvocationEvent,
  type InvocationState,
  nextAction,
} from '../../src/domain/invocation.ts';
import { decided, fold, frozen } from '../support/decider-spec.ts';
import { answer, cancel, decider, failure, retry, schedule, start, supersede } from './invocation-samples.ts';
import { type Dice, dice } from './dice.ts';

const DAY_MS = 86_400_000;
const RUNS = 1_500;
/** A step uses about four. */
const NUMBERS_MAX = 160;

/** What the receiver may ask for, and when it then wants to be called again: after a time, or at a date. */
const RETRY_AFTER: Readonly<Record<string, (nowMs: number) => number>> = {
  '0': (nowMs) => nowMs,
  '30': (nowMs) => nowMs + 30_000,
  '7200': (nowMs) => nowMs + 7_200_000,
  '1000000': (nowMs) => nowMs + DAY_MS,
  'Thu, 01 Jan 1970 01:00:00 GMT': (nowMs) => Math.min(3_600_000, nowMs + DAY_MS),
};
const UNREADABLE = ['1e9', '-5', '1.5', 'soon', ''];

type Kind =
  'schedule' | 'next' | 'start' | 'answer' | 'fail' | 'interrupt' | 'cancel' | 'supersede' | 'retry';
const RARE: ReadonlyArray<Kind> = ['cancel', 'supersede', 'retry', 'start', 'schedule', 'interrupt'];
const USUAL: Readonly<Record<string, readonly [Kind, ...ReadonlyArray<Kind>]>> = {
  in_flight: ['answer', 'answer', 'answer', 'fail'],
  waiting: ['next', 'next', 'next', 'next', 'next'],
};

/** A command that makes sense in this state: mostly the next step, now and then too early, too late or out of turn. */
const commandFor = (dice: Dice, state: InvocationState, nowMs: number): InvocationCommand => {
  const retries = (): number => dice.pick(0, 0, 1, 2, 3);
  const retryBaseMs = (): number => dice.pick(10, 1_000, 30_000, 3_600_000);
  if (state.situation === 'unscheduled') {
    return dice.pick(true, true, false)
      ? schedule({ retries: retries(), retryBaseMs: retryBaseMs(), atMs: nowMs })
      : start(1, nowMs);
  }
  const attempts = state.facts.attempts.length;
  const number = (): number =>
    dice.pick(attempts, attempts, attempts, attempts, attempts + 1, attempts - 1, 1);
  const usual = USUAL[state.situation] ?? (['retry', 'answer', 'next'] as const);
  switch (dice.pick<Kind>(...usual, ...usual, ...usual, ...RARE)) {
    case 'schedule':
      return schedule({ atMs: nowMs });
    case 'next':
      return start(attempts + 1, nowMs);
    case 'start':
      return start(dice.pick(attempts, attempts + 1, attempts + 2), nowMs);
    case 'answer': {
      const status = dice.pick(200, 204, 301, 400, 410, 429, 429, 500, 500, 500, 500, 503, 503, 503);
      return answer(
        number(),
        status,
        nowMs,
        dice.pick(null, null, ...Object.keys(RETRY_AFTER), ...UNREADABLE),
      );
    }
    case 'fail':
      return failure(number(), 'failed', nowMs);
    case 'interrupt':
      return failure(number(), 'interrupted', nowMs);
    case 'cancel':
      return cancel(nowMs);
    case 'supersede':
      return supersede(nowMs);
    case 'retry':
      return retry(nowMs, retries(), retryBaseMs());
  }
};

/** The moments that matter: just before it is due, when it is, some time later, or at once. */
const later = (dice: Dice, state: InvocationState, nowMs: number): number => {
  const dueAtMs = state.situation === 'waiting' ? state.dueAtMs : nowMs;
  return Math.max(
    nowMs,
    dice.pick(dueAtMs - 1, dueAtMs, dueAtMs, dueAtMs, dueAtMs + 60_000, nowMs, nowMs + 20),
  );
};

interface Step {
  readonly before: InvocationState;
  readonly command: InvocationCommand;
  readonly refused: string | null;
  readonly events: ReadonlyArray<InvocationEvent>;
  readonly after: InvocationState;
}

const life = (dice: Dice): ReadonlyArray<Step> => {
  const steps: Step[] = [];
  let state: InvocationState = frozen(initialInvocation);
  let nowMs = 1_000;
  while (!dice.usedUp) {
    nowMs = later(dice, state, nowMs);
    const before = state;
    const command = frozen(commandFor(dice, before, nowMs));
    const decision = decider.decide(before, command);
    const events = isRight(decision) ? decision.right : [];
    state = events.reduce((folded, event) => frozen(evolveInvocation(folded, frozen(event))), before);
    steps.push({
      before,
      command,
      events,
      after: state,
      refused: isRight(decision) ? null : decision.left._tag,
    });
  }
  return steps;
};

const lives = (check: (steps: ReadonlyArray<Step>) => void, numRuns = RUNS): void => {
  fc.assert(
    fc.property(dice(NUMBERS_MAX), (thrown) => {
      check(life(thrown));
    }),
    { numRuns },
  );
};

/** The promises about a whole life, read from its log alone; none of the state under test is asked. */
const audit = (steps: ReadonlyArray<Step>): void => {
  let lastNumber = 0;
  let running = false;
  let terminal = false;
  let round = { retries: 0, baseMs: 0, attempts: 0 };
  let notBeforeMs = 0;
  for (const { command, events } of steps) {
    for (const [at, event] of events.entries()) {
      switch (event.type) {
        case 'InvocationScheduled':
        case 'RetryRequested':
          expect(running, 'no round is opened over a running attempt').toBe(false);
          round = { retries: event.retries, baseMs: event.retryBaseMs, attempts: 0 };
          notBeforeMs = event.atMs;
          terminal = false;
          break;
        case 'AttemptStarted':
          expect({ running, terminal }, 'one at a time, none after the end').toEqual({
            running: false,
            terminal: false,
          });
          expect(event.number, 'numbers have no gap').toBe(lastNumber + 1);
          expect(event.atMs, 'never early').toBeGreaterThanOrEqual(notBeforeMs);
          lastNumber = event.number;
          running = true;
          round.attempts += 1;
          expect(round.attempts, 'never more than the budget').toBeLessThanOrEqual(1 + round.retries);
          break;
        case 'AttemptFailed': {
          expect({ running, number: event.number }).toEqual({ running: true, number: lastNumber });
          running = false;
          const waitMs = Math.min(round.baseMs * 2 ** (round.attempts - 1), DAY_MS);
          const asked =
            command.type === 'RecordAnswer' && [429, 503].includes(command.result.statusCode)
              ? (RETRY_AFTER[command.retryAfter ?? '']?.(event.atMs) ?? 0)
              : 0;
          notBeforeMs = Math.max(event.atMs + waitMs, asked);
          const gone = command.type === 'RecordAnswer' && command.result.statusCode === 410;
          const last = gone || round.attempts === 1 + round.retries;
          expect(event.nextAttemptAtMs === null, 'the last of a round has no next').toBe(last);
          expect(events[at + 1]?.type, 'and ends it in the same append').toBe(
            last ? 'InvocationExhausted' : undefined,
          );
          if (event.nextAttemptAtMs !== null) {
            expect(event.nextAttemptAtMs).toBeGreaterThanOrEqual(notBeforeMs);
            expect(event.nextAttemptAtMs).toBeLessThanOrEqual(Math.max(event.atMs + waitMs * 1.1, asked));
          }
          break;
        }
        case 'InvocationDelivered':
          expect({ running, number: event.number }).toEqual({ running: true, number: lastNumber });
          expect(terminal, 'one end a round').toBe(false);
          [running, terminal] = [false, true];
          break;
        case 'InvocationExhausted':
          expect(event.gone).toBe(command.type === 'RecordAnswer' && command.result.statusCode === 410);
          expect({ running, terminal }).toEqual({ running: false, terminal: false });
          terminal = true;
          break;
        case 'InvocationCancelled':
        case 'InvocationSuperseded':
          expect({ running, terminal }).toEqual({ running: false, terminal: false });
          terminal = true;
          break;
      }
    }
  }
};

it('whole lives keep the promises about numbers, budgets, waits and ends', () => {
  const reached = new Set<string>();
  lives((steps) => {
    audit(steps);
    for (const { refused, events, after } of steps) {
      if (refused !== null) reached.add(refused);
      for (const event of events) reached.add(event.type);
      if (events.some((event) => event.type === 'InvocationExhausted' && event.gone)) reached.add('gone');
      if (after.situation !== 'unscheduled' && after.facts.attempts.length > 5) reached.add('many attempts');
    }
    if (steps.filter(({ events }) => events[0]?.type === 'RetryRequested').length > 3)
      reached.add('many rounds');
  });
  expect([...reached].sort()).toEqual([
    'AttemptFailed',
    'AttemptOutOfTurn',
    'AttemptStarted',
    'AttemptTooEarly',
    'InvocationCancelled',
    'InvocationDelivered',
    'InvocationExhausted',
    'InvocationInFlight',
    'InvocationNotWaiting',
    'InvocationScheduled',
    'InvocationSuperseded',
    'InvocationSupersededBefore',
    'InvocationUnknown',
    'RetryRequested',
    'gone',
    'many attempts',
    'many rounds',
  ]);
});

it('what is to be done next is what is accepted, and nothing else', () => {
  lives((steps) => {
    for (const { after, command } of steps) {
      if (after.situation === 'unscheduled') continue;
      const next = after.facts.attempts.length + 1;
      const accepted = (atMs: number): boolean => decided(decider, after, start(next, atMs)).length === 1;
      const action = nextAction(after, command.atMs);
      expect(action.do === 'attempt').toBe(accepted(command.atMs));
      if (action.do === 'attempt') expect(action.number).toBe(next);
      if (action.do === 'wait') {
        expect(action.untilMs).toBeGreaterThan(command.atMs);
        expect(nextAction(after, action.untilMs)).toEqual({ do: 'attempt', number: next });
        expect([accepted(action.untilMs - 1), accepted(action.untilMs)]).toEqual([false, true]);
      }
      if (action.do === 'nothing') expect(accepted(Number.MAX_SAFE_INTEGER)).toBe(false);
    }
  });
});

it('a command repeated at once decides nothing, but for a retry, which opens a round each time', () => {
  lives((steps) => {
    for (const { command, after } of steps) {
      if (command.type !== 'RequestRetry') expect(decided(decider, after, command)).toEqual([]);
    }
  });
});

it('once it is settled no outcome changes it, however late and whatever it says', () => {
  lives((steps) => {
    for (const { after, command } of steps) {
      if (['unscheduled', 'waiting', 'in_flight'].includes(after.situation)) continue;
      const attempts = after.situation === 'unscheduled' ? 0 : after.facts.attempts.length;
      for (let number = 0; number <= attempts + 1; number += 1) {
        for (const late of [answer(number, 200, command.atMs), answer(number, 410, command.atMs)]) {
          expect(decided(decider, after, late)).toEqual([]);
        }
        expect(decided(decider, after, failure(number, 'interrupted', command.atMs))).toEqual([]);
      }
    }
  }, 500);
});

it('an event leaves alone what was settled before it: what was scheduled, and every attempt that had ended', () => {
  lives((steps) => {
    for (const { before, after } of steps) {
      if (before.situation === 'unscheduled' || after.situation === 'unscheduled') continue;
      expect(after.facts.scheduled).toEqual(before.facts.scheduled);
      const ended = before.facts.attempts.filter((attempt) => attempt.ended !== null);
      expect(after.facts.attempts.slice(0, ended.length)).toEqual(ended);
    }
  }, 500);
});

it('after a crash the log folds to the same state, and so to the same next step', () => {
  lives((steps) => {
    const log: InvocationEvent[] = [];
    for (const { events, after } of steps) {
      log.push(...events);
      expect(fold(decider, log)).toEqual(after);
    }
  }, 300);
});

it('followed step by step against a dead receiver it ends exhausted after exactly 1 + retries attempts', () => {
  const base = fc.integer({ min: 10, max: 3_600_000 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 30 }), base, fc.boolean(), (retries, retryBaseMs, crashes) => {
      let state = fold(
        decider,
        decided(decider, initialInvocation, schedule({ retries, retryBaseMs, atMs: 0 })),
      );
      let nowMs = 0;
      for (let steps = 0; nextAction(state, nowMs).do !== 'nothing'; steps += 1) {
        expect(steps, 'it comes to an end').toBeLessThan(100);
        const action = nextAction(state, nowMs);
        if (action.do === 'wait') nowMs = action.untilMs;
        if (action.do !== 'attempt') continue;
        const outcome = crashes
          ? failure(action.number, 'interrupted', nowMs + 15)
          : answer(action.number, 500, nowMs + 15);
        for (const command of [start(action.number, nowMs), outcome]) {
          state = decided(decider, state, command).reduce(evolveInvocation, state);
        }
        nowMs += 15;
      }
      expect(state).toMatchObject({ situation: 'exhausted', facts: { attempts: { length: 1 + retries } } });
      let leastMs = 15 * (1 + retries);
      for (let n = 1; n <= retries; n += 1) leastMs += Math.min(retryBaseMs * 2 ** (n - 1), DAY_MS);
      expect(nowMs).toBeGreaterThanOrEqual(leastMs);
      expect(nowMs).toBeLessThanOrEqual(leastMs * 1.1);
    }),
    { numRuns: 200 },
  );
});
