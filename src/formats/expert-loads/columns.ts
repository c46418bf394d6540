import { namePart, refuseLoads } from './recorded-loads.js';

/** What the columns of a table hold that has a row for each count, by their place. */
export interface LongColumns {
  readonly layer: number;
  readonly expert: number;
  /** Undefined where each row is one choice of a token. */
  readonly count: number | undefined;
  readonly window: number | undefined;
  readonly rank: number | undefined;
  /** Names of columns that say nothing about loads. */
  readonly unread: readonly string[];
}

const idWords = '(?:_?(?:id|idx|index|no|num|number|name))?';
const layerName = new RegExp(`^(?:moe_|model_)?(?:layers?|blk|block|l)${idWords}$`);
const expertName = new RegExp(`^(?:logical_|global_|moe_|routed_)?(?:experts?|exp|e)${idWords}$`);
const windowName = new RegExp(
  `^(?:global_)?(?:window|step|iter|iteration|forward_pass|forward|pass|batch|time|timestamp|ts|epoch|interval|dump|domain|dataset|split|phase)${idWords}$`,
);
const rankName = new RegExp(`^(?:ep_|dp_|tp_|global_|local_)?(?:rank|gpu|npu|device|worker|node|host)${idWords}$`);
const tokenName = /^(?:tok|token|token_?(?:id|idx|index|no|num|number|pos|position)|pos|position)$/;
/** What a router computes of a token's choice. */
const gateName = /weight|value|prob|gate|score|logit/;
/** Names that can mean nothing else, the likeliest first. */
const countNames = ['count', 'counts', 'token_count', 'num_tokens', 'tokens', 'load', 'loads', 'expert_load', 'n'];
const countName = /count|token|load|hits|freq|activation|selected|selection|routed|usage|calls|weight|value|total/;

/** A column's name without spaces, capitals and quotes: `LayerID` is `layer_id`. */
export function plainName(name: string): string {
  const spaced = name.trim().replace(/([a-z0-9])([A-Z])/g, '$1_$2');
  return spaced
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_|_$/g, '');
}

/** Whether a column numbers layers. */
export function isLayerName(name: string): boolean {
  return layerName.test(plainName(name));
}

/** Whether a column numbers experts. */
export function isExpertName(name: string): boolean {
  return expertName.test(plainName(name));
}

/** Whether a column numbers windows. */
export function isWindowName(name: string): boolean {
  return windowName.test(plainName(name));
}

/** Whether a column numbers ranks. */
export function isRankName(name: string): boolean {
  return rankName.test(plainName(name));
}

/** Whether a column numbers tokens, as `token`; `tokens` counts them. */
export function isTokenName(name: string): boolean {
  return tokenName.test(plainName(name));
}

/**
 * The columns of a table with a row for each count; undefined where none numbers layers or experts. `chosen` names the
 * column of counts, where several may be. Throws `InputError` where none holds counts, or several do and none is
 * chosen.
 */
export function findLongColumns(
  names: readonly string[],
  chosen: string | undefined,
  where: string,
): LongColumns | undefined {
  const placeOf = (isIt: (name: string) => boolean) => {
    const place = names.findIndex(isIt);
    return place < 0 ? undefined : place;
  };
  const [layer, expert] = [placeOf(isLayerName), placeOf(isExpertName)];
  if (layer === undefined || expert === undefined) return undefined;
  const [window, rank] = [placeOf(isWindowName), placeOf(isRankName)];
  const known = new Set([layer, expert, window, rank]);
  const isChoices = chosen === undefined && areChoices(names, { layer, expert, known }, where);
  const count = isChoices ? undefined : findCounts(names, known, chosen, where);
  known.add(count);
  return { layer, expert, count, window, rank, unread: names.filter((_, place) => !known.has(place)) };
}

/** Whether a row is one choice of a token: a column numbers tokens, and none counts them. */
function areChoices(
  names: readonly string[],
  { layer, expert, known }: Pick<LongColumns, 'layer' | 'expert'> & { readonly known: ReadonlySet<number | undefined> },
  where: string,
): boolean {
  const token = names.findIndex((name, place) => !known.has(place) && isTokenName(name));
  if (token < 0) return false;
  const others = names.filter((name, place) => !known.has(place) && !isTokenName(name)).map(plainName);
  if (others.some((name) => countNames.includes(name) || (countName.test(name) && !gateName.test(name)))) return false;
  // Where it comes last, it may as well hold counts.
  if (others.length > 0 || plainName(names[token]) !== 'token' || token < Math.max(layer, expert)) return true;
  const mend = 'name it count if it holds counts, or token_id if each row is one choice of a token';
  return refuseLoads("the column 'token' may count tokens, or number them", where, mend);
}

function findCounts(
  names: readonly string[],
  known: ReadonlySet<number | undefined>,
  chosen: string | undefined,
  where: string,
): number {
  const others = names.filter((name, place) => !known.has(place) && (chosen !== undefined || !isTokenName(name)));
  return names.indexOf(pickCounts(others, chosen, where));
}

/**
 * The one of some names that holds counts, or that a person chose. Throws `InputError` where none does, or several may.
 */
export function pickCounts(names: readonly string[], chosen: string | undefined, where: string): string {
  if (chosen !== undefined) {
    const found = names.find((name) => name === chosen || plainName(name) === plainName(chosen));
    const mend = names.length === 0 ? 'give a column with the counts' : `use one of ${listNames(names)}`;
    return found ?? refuseLoads(`it has no column '${chosen.slice(0, 40)}'`, where, mend);
  }
  const certain = countNames
    .map((name) => names.find((one) => plainName(one) === name))
    .find((one) => one !== undefined);
  const [first, ...more] = certain === undefined ? names.filter((name) => countName.test(plainName(name))) : [certain];
  if (first !== undefined && more.length === 0) return first;
  if (first === undefined && names.length === 1) return names[0];
  if (names.length === 0) return refuseLoads('it has no column of counts', where, 'give one beside layer and expert');
  const what = first === undefined ? 'no column is known to hold counts' : 'several columns may hold the counts';
  return refuseLoads(`${what}: ${listNames(names)}`, where, namePart(where, first ?? names[0]));
}

function listNames(names: readonly string[]): string {
  return names
    .slice(0, 12)
    .map((name) => name.trim().slice(0, 40))
    .join(', ');
}
