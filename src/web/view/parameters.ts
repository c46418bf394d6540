/** The parameters of an address, by name. */
export type Parameters = Readonly<Partial<Record<string, string>>>;

/** A parameter of an address that means nothing here. */
export interface Refusal {
  readonly name: string;
  readonly value: string;
  /**
   * What is wrong with it, and what is shown in its place, as the end of a sentence: `is no whole number from 1 to 512:
   * 8 is shown`.
   */
  readonly words: string;
}

/** Hears of a parameter that means nothing. */
export type Refuse = (name: string, words: string) => void;

/**
 * Reads parameters, and lists those that mean nothing: what `read` refuses, and what is none of the names that there
 * are.
 */
export function findRefusals(
  parameters: Parameters,
  names: readonly string[],
  read: (refuse: Refuse) => unknown,
): readonly Refusal[] {
  const refusals = new Map<string, Refusal>();
  const refuse: Refuse = (name, words) => refusals.set(name, { name, value: parameters[name] ?? '', words });
  for (const name of Object.keys(parameters))
    if (!names.includes(name)) refuse(name, 'is nothing that this view knows');
  read(refuse);
  return [...refusals.values()];
}

/**
 * A parameter with a number that is none of those there are, which `words` are said of; nothing where it is one, or no
 * whole number.
 */
export function findUnknownNumber(
  parameters: Parameters,
  name: string,
  known: readonly number[],
  words: string,
): readonly Refusal[] {
  const value = parseNumber(parameters[name]);
  return !Number.isInteger(value) || known.includes(value) ? [] : [{ name, value: parameters[name] ?? '', words }];
}

/** For who does not ask what was refused. */
export const ignoreRefusal: Refuse = () => undefined;

/** What a number of an address may be. */
export interface NumberBounds {
  readonly least: number;
  /** May be infinite. */
  readonly most: number;
  readonly isWhole?: boolean;
}

/** What a parameter is called, and who hears if it means nothing. */
export interface ParameterPlace {
  readonly name: string;
  readonly refuse: Refuse;
}

/** The number that a parameter is; `own` where it is missing, and, refused, where it is none or out of its bounds. */
export function readNumber<T>(
  parameters: Parameters,
  { name, refuse }: ParameterPlace,
  own: T,
  { least, most, isWhole = false }: NumberBounds,
): number | T {
  const text = parameters[name];
  if (text === undefined || text === '') return own;
  const value = parseNumber(text);
  if (isBetween(value, least, most) && (!isWhole || Number.isInteger(value))) return value;
  const bounds = most === Number.POSITIVE_INFINITY ? `of ${least} or more` : `from ${least} to ${most}`;
  refuse(name, `is no ${isWhole ? 'whole ' : ''}number ${bounds}: ${sayShown(own)}`);
  return own;
}

/**
 * The choice that a parameter is; `own` where it is missing, and, refused, where it is none of the choices.
 * `spell` gives the choice's own spelling of a text.
 */
export function readChoice<Choice extends string, Own>(
  parameters: Parameters,
  { name, refuse }: ParameterPlace,
  own: Own,
  choices: readonly Choice[],
  spell = (text: string): string => text,
): Choice | Own {
  const text = parameters[name];
  if (text === undefined || text === '') return own;
  const spelled = spell(text);
  const choice = choices.find((one) => one === spelled);
  if (choice !== undefined) return choice;
  refuse(name, `is ${choices.length === 1 ? 'not' : 'none of'} ${choices.join(', ')}: ${sayShown(own)}`);
  return own;
}

function sayShown(own: unknown): string {
  return typeof own === 'number' || typeof own === 'string' ? `${own} is shown` : 'it is left out';
}

/** False for what is no number. */
export function isBetween(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}

/** NaN where there is no number. */
export function parseNumber(text: string | undefined): number {
  return text === undefined || text.trim() === '' ? Number.NaN : Number(text);
}
