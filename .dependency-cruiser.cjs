const { builtinModules } = require('node:module');

// The layers, from the top: a folder may import only from itself and from the folders after it.
const layers = [
  'cli',
  'web',
  'train',
  'runtime',
  'model',
  'comm',
  'device',
  'formats',
  'plan',
  'draw',
  'graph',
  'simulate',
  'schedule',
  'balance',
  'config',
  'base',
];
// From `plan` down the code is pure: no input or output, no engine; it runs in a browser.
const pure = layers.slice(layers.indexOf('plan'));

const onlyDown = layers.slice(1).map((layer, index) => ({
  name: `${layer}-imports-only-down`,
  comment: `src/${layer} may not import from the layers above it`,
  severity: 'error',
  from: { path: `^src/${layer}/` },
  to: { path: `^src/(${layers.slice(0, index + 1).join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...onlyDown,
    {
      name: 'only-through-index',
      comment: "a folder's index.ts is its whole public face; formats has a second one, for the browser",
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/[^/]+/.+', pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$', '^src/formats/browser\\.ts$'] },
    },
    {
      name: 'pure-layers-do-no-io',
      severity: 'error',
      from: { path: `^src/(${pure.join('|')})/`, pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'browser-reaches-no-node-module',
      comment: 'what runs in the page may not need Node, however far away',
      severity: 'error',
      from: { path: ['^src/formats/browser\\.ts$', '^src/web/(client|view)/'], pathNot: '\\.test\\.ts$' },
      to: { path: `^node:|^(${builtinModules.join('|')})$`, reachable: true },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
