export { fillMicrobatch, placeValidationWindows, sampleSequences } from './batches.js';
export { type Corpus, loadCorpus } from './corpus.js';
export { openTokenizer, type Tokenizer } from './tokenizer.js';
