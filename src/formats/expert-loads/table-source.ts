import { type ReadOptions, refuseLoads } from './recorded-loads.js';

/** Where a value was found, and what its reader wants. */
export interface TableSource {
  readonly where: string;
  readonly options: ReadOptions;
  /** A column of counts that a person chose. */
  readonly column?: string | undefined;
  /**
   * Throws `InputError` once more numbers and entries were looked at than a file holds: values may be shared in a
   * pickle, so that a small one stands for many.
   */
  readonly spend: (numbers: number) => void;
}

const mostNumbers = 2 ** 27;

/** A source that has not spent anything. */
export function createSource(source: Omit<TableSource, 'spend'>): TableSource {
  let spent = 0;
  const spend = (numbers: number): void => {
    spent += numbers;
    if (spent > mostNumbers) refuseLoads(`it has more than ${mostNumbers} numbers`, source.where, 'record fewer steps');
  };
  return { ...source, spend };
}
