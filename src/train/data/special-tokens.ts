import { asTable } from '../../formats/index.js';
/** What a tokenizer's files say about where a text begins and ends. */
export interface SpecialTokens {
  /** Ids that stand before a text. */
  readonly startIds: readonly number[];
  /** The id after a text, if there is one. */
  readonly endId: number | undefined;
}

/**
 * Reads `tokenizer_config.json` (`config`) and `tokenizer.json` (`json`), both parsed: a text begins with `bos_token`
 * where `add_bos_token` is true, and with what the template of the post-processor puts first where the key is absent,
 * as in transformers. `idOf` knows the id of a token.
 */
export function readSpecialTokens(
  json: unknown,
  config: unknown,
  idOf: (token: string) => number | undefined,
): SpecialTokens {
  const { add_bos_token, bos_token, eos_token } = asTable(config);
  const idOfKey = (token: unknown) => {
    const text = typeof token === 'string' ? token : asTable(token).content;
    return typeof text === 'string' ? idOf(text) : undefined;
  };
  const start = idOfKey(bos_token);
  const fromTemplate = add_bos_token === undefined ? readTemplateStart(asTable(json).post_processor) : [];
  return {
    startIds: add_bos_token === true && start !== undefined ? [start] : fromTemplate,
    endId: idOfKey(eos_token),
  };
}

/** The ids that a `TemplateProcessing` puts before a single text. */
function readTemplateStart(processor: unknown): number[] {
  const { type, processors, single, special_tokens } = asTable(processor);
  if (type === 'Sequence' && Array.isArray(processors)) return processors.flatMap(readTemplateStart);
  if (type !== 'TemplateProcessing' || !Array.isArray(single)) return [];
  const pieces = single.map(asTable);
  const text = pieces.findIndex((piece) => 'Sequence' in piece);
  return pieces.slice(0, Math.max(text, 0)).flatMap(({ SpecialToken }) => {
    const { ids } = asTable(asTable(special_tokens)[String(asTable(SpecialToken).id)]);
    return Array.isArray(ids) ? ids.filter((id): id is number => Number.isSafeInteger(id) && id >= 0) : [];
  });
}
