import { beforeEach, expect, it } from 'vitest';
import { Pace } from '../../src/delivery/pace.ts';
import { promisesDone, VirtualClock } from '../support/virtual-clock.ts';

let clock: VirtualClock;
let pace: Pace;
beforeEach(() => {
  clock = new VirtualClock();
  pace = new Pace(clock);
});

/** Whether the fan-out may go on by now. */
const asking = (): { readonly answered: () => Promise<boolean> } => {
  let answered = false;
  void pace.room().then(() => (answered = true));
  return {
    answered: async () => {
      await promisesDone();
      return answered;
    },
  };
};

const free = (slots: number): void => {
  for (let n = 0; n < slots; n += 1) pace.slotFreed();
};

it('lets the fan-out go on while there are slots', async () => {
  expect(pace.hasRoom()).toBe(true);
  expect(await asking().answered()).toBe(true);
});

it('waits for 64 free slots once they ran short', async () => {
  free(100);
  pace.foundNoSlot();
  expect(pace.hasRoom()).toBe(false);
  const asked = asking();
  free(63);
  expect(await asked.answered()).toBe(false);
  free(1);
  expect(await asked.answered()).toBe(true);
  expect(pace.hasRoom()).toBe(true);
  expect(clock.timers).toBe(0);
});

it('waits 50 ms at most, and then has as much scheduled as ever', async () => {
  pace.foundNoSlot();
  const asked = asking();
  await clock.advance(49);
  expect(await asked.answered()).toBe(false);
  await clock.advance(1);
  expect(await asked.answered()).toBe(true);
  pace.foundNoSlot();
  expect(pace.hasRoom()).toBe(true);
});

it('holds the fan-out back again as soon as slots come back in time', async () => {
  pace.foundNoSlot();
  const inVain = asking();
  await clock.advance(50);
  expect(await inVain.answered()).toBe(true);
  pace.foundNoSlot();
  const inTime = asking();
  free(64);
  expect(await inTime.answered()).toBe(true);
  pace.foundNoSlot();
  expect(pace.hasRoom()).toBe(false);
});
