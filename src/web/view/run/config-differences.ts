import { parseToml } from '../../../formats/browser.js';

/** A key whose values differ between runs. */
export interface ConfigDifference {
  /** `optimizer.learning_rate` */
  readonly key: string;
  /** `[runs]`; undefined where a run's config does not have it. */
  readonly values: readonly (string | undefined)[];
}

const mostLetters = 60;

/**
 * `[keys]` of a config with their values as text, `model.hidden_size` and `48`, from the text of a `config.toml`.
 * Throws `InputError` for what is no TOML.
 */
export function readConfigValues(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const add = (table: object, prefix: string) => {
    for (const [key, value] of Object.entries(table) as [string, unknown][]) {
      const name = `${prefix}${key}`;
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) add(value, `${name}.`);
      else values.set(name, describeValue(value));
    }
  };
  add(parseToml(text, 'config.toml'), '');
  return values;
}

function describeValue(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > mostLetters ? `${text.slice(0, mostLetters)}…` : text;
}

/** What differs between the configs of some runs, in the order in which the configs name it. */
export function listDifferences(configs: readonly ReadonlyMap<string, string>[]): readonly ConfigDifference[] {
  const keys = new Set(configs.flatMap((config) => [...config.keys()]));
  return [...keys].flatMap((key) => {
    const values = configs.map((config) => config.get(key));
    return new Set(values).size > 1 ? [{ key, values }] : [];
  });
}
