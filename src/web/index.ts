/**
 * The page: its server (`server/`), and what it shows, in pure functions (`view/`) and in the browser (`client/`, built by Vite).
 * @module
 */
export { requireFolders } from './server/run-folders.js';
export { type PageServer, type ServeOptions, servePage } from './server/serve.js';
