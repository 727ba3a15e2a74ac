import { isRight } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import {
  type InvocationCommand,
  type InvocationEvent,
  type InvocationRejection,
  nextAction,
  statusOf,
} from '../../src/domain/invocation.ts';
import { fold, specificationOf } from '../support/decider-spec.ts';
import {
  answer,
  answered,
  cancel,
  decider,
  failed,
  failure,
  result,
  retry,
  schedule,
  scheduled,
  start,
  started,
  supersede,
} from './invocation-samples.ts';

const { given } = specificationOf(decider);

const DAY_MS = 86_400_000;
const NOW_MS = 200_000;

/** One history for every situation. */
const waiting = [scheduled];
const waitingAgain = [scheduled, started(1, 1_000), failed(1, 2_000, 12_500)];
const inFlight = [scheduled, started(1, 1_000)];
const delivered: ReadonlyArray<InvocationEvent> = [
  ...inFlight,
  { type: 'InvocationDelivered', number: 1, result: result(200), atMs: 2_000 },
];
const exhausted: ReadonlyArray<InvocationEvent> = [
  { ...scheduled, retries: 0 },
  started(1, 1_000),
  failed(1, 2_000, null),
  { type: 'InvocationExhausted', gone: false, atMs: 2_000 },
];
const cancelled: ReadonlyArray<InvocationEvent> = [
  scheduled,
  { type: 'InvocationCancelled', reason: 'webhook_deleted', atMs: 2_000 },
];
const superseded: ReadonlyArray<InvocationEvent> = [
  scheduled,
  { type: 'InvocationSuperseded', by: 'newer', atMs: 2_000 },
];
const HISTORIES = { waiting, waitingAgain, inFlight, delivered, exhausted, cancelled, superseded };

type Expected = 'nothing' | InvocationRejection['_tag'] | InvocationEvent['type'];

/** What each command comes to in each situation. Attempt 1 is the newest wherever there is one. */
const TABLE: Readonly<Record<string, Readonly<Record<keyof typeof HISTORIES, Expected>>>> = {
  schedule: {
    waiting: 'nothing',
    waitingAgain: 'nothing',
    inFlight: 'nothing',
    delivered: 'nothing',
    exhausted: 'nothing',
    cancelled: 'nothing',
    superseded: 'nothing',
  },
  'start 1': {
    waiting: 'AttemptStarted',
    waitingAgain: 'nothing',
    inFlight: 'nothing',
    delivered: 'nothing',
    exhausted: 'nothing',
    cancelled: 'InvocationNotWaiting',
    superseded: 'InvocationNotWaiting',
  },
  'start 2': {
    waiting: 'AttemptOutOfTurn',
    waitingAgain: 'AttemptStarted',
    inFlight: 'InvocationNotWaiting',
    delivered: 'InvocationNotWaiting',
    exhausted: 'InvocationNotWaiting',
    cancelled: 'InvocationNotWaiting',
    superseded: 'InvocationNotWaiting',
  },
  'answer 200 to 1': {
    waiting: 'AttemptOutOfTurn',
    waitingAgain: 'nothing',
    inFlight: 'InvocationDelivered',
    delivered: 'nothing',
    exhausted: 'nothing',
    cancelled: 'AttemptOutOfTurn',
    superseded: 'AttemptOutOfTurn',
  },
  'answer 410 to 1': {
    waiting: 'AttemptOutOfTurn',
    waitingAgain: 'nothing',
    inFlight: 'AttemptFailed',
    delivered: 'nothing',
    exhausted: 'nothing',
    cancelled: 'AttemptOutOfTurn',
    superseded: 'AttemptOutOfTurn',
  },
  'interruption of 1': {
    waiting: 'AttemptOutOfTurn',
    waitingAgain: 'nothing',
    inFlight: 'AttemptFailed',
    delivered: 'nothing',
    exhausted: 'nothing',
    cancelled: 'AttemptOutOfTurn',
    superseded: 'AttemptOutOfTurn',
  },
  'answer 200 to 2': {
    waiting: 'AttemptOutOfTurn',
    waitingAgain: 'AttemptOutOfTurn',
    inFlight: 'AttemptOutOfTurn',
    delivered: 'AttemptOutOfTurn',
    exhausted: 'AttemptOutOfTurn',
    cancelled: 'AttemptOutOfTurn',
    superseded: 'AttemptOutOfTurn',
  },
  cancel: {
    waiting: 'InvocationCancelled',
    waitingAgain: 'InvocationCancelled',
    inFlight: 'InvocationNotWaiting',
    delivered: 'InvocationNotWaiting',
    exhausted: 'InvocationNotWaiting',
    cancelled: 'nothing',
    superseded: 'InvocationNotWaiting',
  },
  supersede: {
    waiting: 'InvocationSuperseded',
    waitingAgain: 'InvocationSuperseded',
    inFlight: 'InvocationNotWaiting',
    delivered: 'InvocationNotWaiting',
    exhausted: 'InvocationNotWaiting',
    cancelled: 'InvocationNotWaiting',
    superseded: 'nothing',
  },
  retry: {
    waiting: 'RetryRequested',
    waitingAgain: 'RetryRequested',
    inFlight: 'InvocationInFlight',
    delivered: 'RetryRequested',
    exhausted: 'RetryRequested',
    cancelled: 'RetryRequested',
    superseded: 'InvocationSupersededBefore',
  },
};
const COMMANDS: Readonly<Record<string, InvocationCommand>> = {
  schedule: schedule({ body: 'another', atMs: NOW_MS }),
  'start 1': start(1, NOW_MS),
  'start 2': start(2, NOW_MS),
  'answer 200 to 1': answer(1, 200, NOW_MS),
  'answer 410 to 1': answer(1, 410, NOW_MS),
  'interruption of 1': failure(1, 'interrupted', NOW_MS),
  'answer 200 to 2': answer(2, 200, NOW_MS),
  cancel: cancel(NOW_MS),
  supersede: supersede(NOW_MS),
  retry: retry(NOW_MS),
};

describe('every command in every situation', () => {
  const cells = Object.entries(TABLE).flatMap(([command, row]) =>
    Object.entries(row).map(([situation, expected]) => ({ command, situation, expected })),
  );

  it.each(cells)('$command while $situation: $expected', ({ command, situation, expected }) => {
    const state = fold(decider, HISTORIES[situation as keyof typeof HISTORIES]);
    const decision = decider.decide(state, COMMANDS[command] ?? schedule());
    expect(isRight(decision) ? (decision.right[0]?.type ?? 'nothing') : decision.left._tag).toBe(expected);
  });

  it.each(Object.entries(COMMANDS).filter(([name]) => name !== 'schedule'))(
    '%s before it is scheduled is refused',
    (_name, command) => {
      given().when(command).refuses({ _tag: 'InvocationUnknown' });
    },
  );
});

describe('scheduling', () => {
  it('is an event that holds all of it, the rendered body too', () => {
    given().when(schedule()).decides(scheduled);
  });

  it('the first attempt is due at once', () => {
    expect(nextAction(fold(decider, waiting), 1_000)).toEqual({ do: 'attempt', number: 1 });
    expect(nextAction(fold(decider, waiting), 999)).toEqual({ do: 'wait', untilMs: 1_000 });
  });
});

describe('an attempt', () => {
  it('started is an event with its number, address and revision of the webhook', () => {
    given(...waiting)
      .when(start(1, 1_000))
      .decides(started(1, 1_000));
  });

  it('is never started early, not by a millisecond', () => {
    given(...waitingAgain)
      .when(start(2, 12_499))
      .refuses({ _tag: 'AttemptTooEarly', dueAtMs: 12_500 });
    given(...waitingAgain)
      .when(start(2, 12_500))
      .decides(started(2, 12_500));
  });

  it('is started in turn', () => {
    given(...waitingAgain)
      .when(start(3, NOW_MS))
      .refuses({ _tag: 'AttemptOutOfTurn', expected: 2, number: 3 });
  });

  it('an outcome under another number than the running one is refused', () => {
    given(...inFlight)
      .when(answer(2, 200, 2_000))
      .refuses({ _tag: 'AttemptOutOfTurn', expected: 1, number: 2 });
  });

  it('started by somebody else is not started twice', () => {
    given(...inFlight)
      .when({ ...start(1, 1_500), url: 'https://other.example/' })
      .decidesNothing();
  });
});

describe('an answer', () => {
  it.each([200, 201, 202, 204, 206, 299])('%d is success', (status) => {
    given(...inFlight)
      .when(answer(1, status, 2_000))
      .decides({ type: 'InvocationDelivered', number: 1, result: answered(status), atMs: 2_000 });
  });

  it.each([100, 199, 300, 301, 302, 304, 307, 308, 400, 404, 429, 500, 503, 599])(
    '%d is a failure',
    (status) => {
      given({ ...scheduled, retries: 0 }, started(1, 1_000))
        .when(answer(1, status, 2_000))
        .decides(failed(1, 2_000, null, status), { type: 'InvocationExhausted', gone: false, atMs: 2_000 });
    },
  );

  it('410 exhausts at once, whatever retries are left, and says that the receiver is gone', () => {
    given(...inFlight)
      .when(answer(1, 410, 2_000))
      .decides(failed(1, 2_000, null, 410), { type: 'InvocationExhausted', gone: true, atMs: 2_000 });
  });

  it('410 to the last attempt of a round says so too', () => {
    given({ ...scheduled, retries: 0 }, started(1, 1_000))
      .when(answer(1, 410, 2_000))
      .decides(failed(1, 2_000, null, 410), { type: 'InvocationExhausted', gone: true, atMs: 2_000 });
  });
});

/** When the next attempt is due after this command, which must leave the invocation waiting. */
const dueAfter = (events: ReadonlyArray<InvocationEvent>, command: InvocationCommand): number => {
  const decision = decider.decide(fold(decider, events), command);
  const state = fold(decider, [...events, ...(isRight(decision) ? decision.right : [])]);
  if (state.situation !== 'waiting') throw new Error(`it is ${state.situation}`);
  return state.dueAtMs;
};

describe('the wait after a failure', () => {
  it('counts from the end of the attempt and doubles, with at most a tenth on top', () => {
    const first = dueAfter(inFlight, answer(1, 500, 2_000));
    expect(first).toBeGreaterThanOrEqual(12_000);
    expect(first).toBeLessThanOrEqual(13_000);
    const second = dueAfter([...waitingAgain, started(2, 20_000)], failure(2, 'failed', 90_000));
    expect(second).toBeGreaterThanOrEqual(110_000);
    expect(second).toBeLessThanOrEqual(112_000);
  });

  it('starts anew with the base of a new round', () => {
    const round = [
      ...waitingAgain,
      { type: 'RetryRequested', retries: 1, retryBaseMs: 500, atMs: 3_000 } as const,
    ];
    const due = dueAfter([...round, started(2, 3_000)], answer(2, 500, 4_000));
    expect(due).toBeGreaterThanOrEqual(4_500);
    expect(due).toBeLessThanOrEqual(4_550);
  });

  it('is the same when asked again', () => {
    expect(dueAfter(inFlight, answer(1, 500, 2_000))).toBe(dueAfter(inFlight, answer(1, 500, 2_000)));
  });

  it('differs between invocations that fail at the same moment', () => {
    const dues = Array.from({ length: 20 }, (_, n) =>
      dueAfter([{ ...scheduled, guid: `${n}` }, started(1, 1_000)], answer(1, 500, 2_000)),
    );
    expect(new Set(dues).size).toBeGreaterThan(10);
  });

  const planned = dueAfter(inFlight, answer(1, 503, 2_000));

  it.each([
    ['later than planned moves it later', 503, '60', 62_000],
    ['on 429 too', 429, '60', 62_000],
    ['more than a day off, to a day', 503, '1000000', 2_000 + DAY_MS],
    ['sooner than planned changes nothing', 503, '1', planned],
    ['a date in the past changes nothing', 503, 'Thu, 01 Jan 1970 00:00:01 GMT', planned],
    ['a later date moves it later', 503, 'Thu, 01 Jan 1970 00:01:00 GMT', 60_000],
    ['that cannot be read changes nothing', 503, 'soon', planned],
    ['on another status changes nothing', 500, '60', planned],
  ])('Retry-After %s', (_what, status, header, dueAtMs) => {
    expect(dueAfter(inFlight, answer(1, status, 2_000, header))).toBe(dueAtMs);
  });
});

describe('the budget', () => {
  const exhaustedNow = { type: 'InvocationExhausted', gone: false, atMs: 60_000 } as const;
  const third = [...waitingAgain, started(2, 20_000), failed(2, 21_000, 45_000), started(3, 50_000)];

  it('is 1 + retries attempts', () => {
    given(...third)
      .when(answer(3, 500, 60_000))
      .decides(failed(3, 60_000, null), exhaustedNow);
  });

  it('an interrupted attempt counts like any failure', () => {
    given(...third)
      .when(failure(3, 'interrupted', 60_000))
      .decides(
        {
          type: 'AttemptFailed',
          number: 3,
          outcome: 'interrupted',
          result: result(null, 'connection refused'),
          nextAttemptAtMs: null,
          atMs: 60_000,
        },
        exhaustedNow,
      );
  });

  it('of a new round is what the retry brought, and attempt numbers go on', () => {
    const round = [
      ...exhausted,
      { type: 'RetryRequested', retries: 1, retryBaseMs: 500, atMs: 3_000 } as const,
    ];
    given(...round)
      .when(start(2, 3_000))
      .decides(started(2, 3_000));
    expect(dueAfter([...round, started(2, 3_000)], answer(2, 500, 4_000))).toBeGreaterThanOrEqual(4_500);
    given(...round, started(2, 3_000), failed(2, 4_000, 4_510), started(3, 5_000))
      .when(answer(3, 500, 60_000))
      .decides(failed(3, 60_000, null), exhaustedNow);
  });

  it('Retry-After on the last attempt does not bring another', () => {
    given({ ...scheduled, retries: 0 }, started(1, 1_000))
      .when(answer(1, 503, 60_000, '5'))
      .decides(failed(1, 60_000, null, 503), exhaustedNow);
  });
});

describe('a retry by hand', () => {
  it.each([
    ['waiting', waiting],
    ['waiting after a failure', waitingAgain],
    ['delivered', delivered],
    ['exhausted', exhausted],
    ['cancelled', cancelled],
  ])('of what is %s opens a round that is due at once', (_situation, events) => {
    given(...events)
      .when(retry(5_000, 4, 700))
      .decides({ type: 'RetryRequested', retries: 4, retryBaseMs: 700, atMs: 5_000 });
    const state = fold(decider, [
      ...events,
      { type: 'RetryRequested', retries: 4, retryBaseMs: 700, atMs: 5_000 },
    ]);
    const attempts = events.filter(({ type }) => type === 'AttemptStarted').length;
    expect(nextAction(state, 5_000)).toEqual({ do: 'attempt', number: attempts + 1 });
  });
});

describe('what happens next', () => {
  it('waiting until it is due, then the attempt', () => {
    expect(nextAction(fold(decider, waitingAgain), 12_499)).toEqual({ do: 'wait', untilMs: 12_500 });
    expect(nextAction(fold(decider, waitingAgain), 12_500)).toEqual({ do: 'attempt', number: 2 });
  });

  it.each([
    ['not scheduled', []],
    ['in flight', inFlight],
    ['delivered', delivered],
    ['exhausted', exhausted],
    ['cancelled', cancelled],
    ['superseded', superseded],
  ])('nothing while it is %s', (_situation, events) => {
    expect(nextAction(fold(decider, events), NOW_MS)).toEqual({ do: 'nothing' });
  });
});

describe('as partners read it', () => {
  it.each([
    ['waiting', waitingAgain],
    ['in_flight', inFlight],
    ['delivered', delivered],
    ['exhausted', exhausted],
    ['exhausted', exhausted.slice(0, -1)],
    ['cancelled', cancelled],
    ['superseded', superseded],
  ])('%s', (status, events) => {
    const state = fold(decider, events);
    expect(state.situation === 'unscheduled' ? undefined : statusOf(state)).toBe(status);
  });

  it('every attempt keeps when it ran, where to and what came of it', () => {
    const state = fold(decider, [...waitingAgain, started(2, 20_000)]);
    expect(state).toMatchObject({
      facts: {
        attempts: [
          {
            number: 1,
            startedAtMs: 1_000,
            url: 'https://example.com/receive',
            webhookRevision: 3,
            ended: { atMs: 2_000, outcome: 'failed', result: result(500) },
          },
          { number: 2, startedAtMs: 20_000, ended: null },
        ],
      },
    });
  });

  it('says why and when it was cancelled', () => {
    expect(fold(decider, cancelled)).toMatchObject({ reason: 'webhook_deleted', settledAtMs: 2_000 });
  });
});

it('an event before it is scheduled is not taken for an invocation', () => {
  expect(fold(decider, [started(1, 1_000), failed(1, 2_000, null)])).toEqual(decider.initial);
});
