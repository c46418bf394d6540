import { defineConfig } from 'vite';

/** What only declares is left out of files that do not use it: views and workers share pure code, and only some need all of it. */
const rolldownOptions = {
  // That a build took long is no warning about it.
  checks: { pluginTimings: false },
  treeshake: { moduleSideEffects: (id) => !/\/node_modules\/yaml\/|\/src\/(?!web\/client\/)/.test(id) },
};

/** The page: static files that any web host can serve from any path, and that `doubletrack serve` serves. */
export default defineConfig({
  root: 'src/web/client',
  // Relative, so that the page works from a subfolder of a host.
  base: './',
  publicDir: false,
  clearScreen: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../../dist/page',
    emptyOutDir: true,
    target: 'es2023',
    // What is inlined as data: would need a weaker content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions,
  },
  worker: { format: 'es', rolldownOptions },
});
