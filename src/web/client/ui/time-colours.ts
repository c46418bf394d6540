import { kindStyles } from '../../../draw/index.js';
import type { IdleByCause } from '../../../simulate/index.js';

/** The colours of ranks' time: computing, and idle by cause. */
export const timeColours: Readonly<Record<keyof IdleByCause | 'busy', string>> = {
  busy: 'var(--time-busy)',
  warmUp: 'var(--time-warm-up)',
  waiting: 'var(--time-waiting)',
  exposedCommunication: kindStyles.exposed.fill,
  coolDown: 'var(--time-cool-down)',
};
