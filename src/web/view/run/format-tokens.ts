import { formatCount } from '../../../base/index.js';

/** A rate of tokens for the marks of an axis: `1500`, `41.5 k`; without zeros that say nothing. */
export function formatTokens(perSecond: number): string {
  return formatCount(perSecond)
    .replace(/(\.\d*?)0+(?= |$)/, '$1')
    .replace(/\.(?= |$)/, '');
}
