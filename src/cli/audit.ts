import { check } from './audit/check.ts';
import { conserve } from './audit/conserve.ts';
import { explain } from './audit/explain.ts';
import { exportHistory } from './audit/export.ts';
import { prove } from './audit/prove.ts';
import { root } from './audit/root.ts';
import { seal, sealKey } from './audit/seal.ts';
import { shadow } from './audit/shadow.ts';
import { timeline } from './audit/timeline.ts';
import { verify } from './audit/verify.ts';
import { type Command, group } from './command.ts';

export const audit: Command = group('audit', 'verify, account for, explain, prove and export the history', {
  verify,
  conserve,
  explain,
  timeline,
  seal,
  'seal-key': sealKey,
  root,
  prove,
  check,
  export: exportHistory,
  shadow,
});
