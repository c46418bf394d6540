export { fillMicrobatch, placeValidationWindows, sampleSequences } from './batches.js';
export { type Corpus, loadCorpus } from './corpus.js';
export { saveTokenizer } from './save-tokenizer.js';
export { openTokenizer, type Tokenizer } from './tokenizer.js';
