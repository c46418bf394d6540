/** Words that a sentence may begin with and that name nothing: all else may be a name, whose case counts. */
const plainWords = new Set(
  'a all an and any as at by each every for from in it its no none not nothing of on only some the there these they this to two what with'.split(
    ' ',
  ),
);

/** A message as the beginning of a sentence: `the schedule …` gets a capital; `model_type is …` or `dualpipev needs …` begins with a name and keeps its case. */
export function beginSentence(message: string): string {
  const [first = ''] = message.split(' ', 1);
  return plainWords.has(first) ? `${first.charAt(0).toUpperCase()}${message.slice(1)}` : message;
}
