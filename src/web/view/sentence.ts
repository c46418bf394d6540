/** Words that a sentence may begin with and that name nothing: all else may be a name, whose case counts. */
const plainWords = new Set([
  ...['a', 'all', 'an', 'and', 'any', 'each', 'every', 'no', 'none', 'not', 'nothing', 'only', 'some', 'the', 'two'],
  ...['as', 'at', 'by', 'for', 'from', 'in', 'of', 'on', 'to', 'what', 'with'],
  ...['it', 'its', 'there', 'these', 'they', 'this'],
]);

/**
 * A message as the beginning of a sentence: `the schedule …` gets a capital, `model_type is …` and `dualpipev needs …`
 * begin with a name and keep its case.
 */
export function beginSentence(message: string): string {
  const [first = ''] = message.split(' ', 1);
  return plainWords.has(first) ? `${first.charAt(0).toUpperCase()}${message.slice(1)}` : message;
}
