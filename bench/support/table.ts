import type { Goal, Row, Unit } from './figure.ts';
import { median, ratios, type Spread, spreadOf } from './statistics.ts';

export const HEADINGS = ['Figure', 'Callboard', 'Bare baseline', 'Ratio', 'Goal'] as const;

/** Markdown: the median of each side, and in brackets the smallest and largest of all runs. */
export const tableOf = (rows: ReadonlyArray<Row>): string =>
  [HEADINGS, HEADINGS.map(() => '---'), ...rows.map(cellsOf)]
    .map((cells) => `| ${cells.join(' | ')} |\n`)
    .join('');

const cellsOf = (row: Row): ReadonlyArray<string> => {
  const { figure, unit, runs, baseline, goal } = row;
  return [
    figure,
    withSpread(spreadOf(runs), unit),
    baseline === null ? '' : `${baseline.name}: ${withSpread(spreadOf(baseline.runs), baseline.unit)}`,
    baseline === null ? '' : withSpread(spreadOf(ratios(runs, baseline.runs)), 'ratio'),
    goal === null ? '' : `${goalText(goal, unit)}: ${isReached(row, goal) ? 'reached' : 'missed'}`,
  ];
};

export const isReached = ({ runs, baseline }: Row, goal: Goal): boolean => {
  const value = goal.of === 'value' || baseline === null ? median(runs) : median(ratios(runs, baseline.runs));
  return 'atLeast' in goal ? value >= goal.atLeast : value <= goal.atMost;
};

const goalText = (goal: Goal, unit: Unit): string => {
  const limit = 'atLeast' in goal ? `≥ ${goal.atLeast}` : `≤ ${goal.atMost}`;
  return goal.of === 'ratio' ? limit : `${limit} ${unit}`;
};

const withSpread = ({ median: middle, min, max }: Spread, unit: Unit | 'ratio'): string => {
  const shown = unit === 'ratio' ? numberText(middle) : `${numberText(middle)} ${unit}`;
  return min === max ? shown : `${shown} (${numberText(min)}–${numberText(max)})`;
};

/** Three digits that mean something, thousands apart. */
const numberText = (value: number): string => {
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
};
