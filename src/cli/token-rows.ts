import { InputError } from '../base/index.js';
import { readJson } from '../formats/index.js';
import type { TokenRows } from '../train/index.js';

/** What a checkpoint is measured on, and what a person should know about it. */
export interface EvalInput {
  readonly rows: TokenRows;
  /** Tokens of each row that count; without it all do. */
  readonly lengths?: readonly number[];
  readonly notes: readonly string[];
}

const MAX_INPUT_BYTES = 2 ** 28;

/** Keys that change what transformers computes of the same rows. */
const unreadKeys = ['labels', 'loss_mask', 'position_ids', 'inputs_embeds'];

/**
 * The rows of a JSON file `{"input_ids": [[...], ...]}`, and how many tokens of each its `attention_mask` lets count.
 * Throws `InputError` for what is no row of ids, and for a mask that leaves out more than the end of a row.
 */
export function readTokenRows(file: string): EvalInput {
  const json = readJson(file, { maxBytes: MAX_INPUT_BYTES });
  const table: Readonly<Record<string, unknown>> = typeof json === 'object' && json !== null ? { ...json } : {};
  const { input_ids: ids, attention_mask: mask } = table;
  const hasMask = mask !== undefined && mask !== null;
  const isId = (token: unknown): token is number =>
    Number.isInteger(token) && Number(token) >= (hasMask ? -(2 ** 31) : 0) && Number(token) < 2 ** 31;
  if (!isTable(ids, isId)) {
    throw new InputError({
      what: 'input_ids is not a list of rows of token ids',
      where: file,
      mend: 'give {"input_ids": [[1, 2, 3], [4, 5, 6]]}',
    });
  }
  const rows = ids.map((row) => Int32Array.from(row));
  const unread = unreadKeys.filter((key) => Object.hasOwn(table, key)).map((key) => `${key} in ${file} is not read`);
  return { rows, ...(hasMask && { lengths: readLengths(mask, rows, file) }), notes: unread };
}

const maskExample = 'give a row of 1 and 0 for each of input_ids, with 0 only at its end: [[1, 1, 1, 0], [1, 1, 1, 1]]';

function readLengths(mask: unknown, rows: TokenRows, file: string): number[] {
  const isFlag = (value: unknown): value is number | boolean => [0, 1, true, false].includes(value as number);
  const fits =
    isTable(mask, isFlag) &&
    mask.length === rows.length &&
    mask.every((row, index) => row.length === rows[index].length);
  if (!fits) {
    throw new InputError({ what: 'attention_mask does not fit input_ids', where: file, mend: maskExample });
  }
  return mask.map((row, index) => {
    const length = row.filter((value) => Number(value) === 1).length;
    if (row.slice(0, length).every((value) => Number(value) === 1)) return length;
    throw new InputError({
      what: 'attention_mask leaves out tokens before the end of a row, which is not computed',
      where: `${file}, row ${index}`,
      mend: 'fill rows up at their ends',
    });
  });
}

function isTable<T>(value: unknown, isCell: (cell: unknown) => cell is T): value is T[][] {
  return Array.isArray(value) && value.every((row) => Array.isArray(row) && row.every(isCell));
}
