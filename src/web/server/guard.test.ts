import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { describe, it } from 'node:test';
import { isOwnHost } from './guard.js';

describe('the name that a request is for', () => {
  it('is taken if it is loopback, an address, or the name that the server listens on', () => {
    const own = ['localhost', 'localhost:8080', '127.0.0.1:1', '[::1]:8080', '[::1]', '10.0.0.7:80', 'gpu7:80', 'GPU7'];
    for (const name of [...own, hostname()]) assert.ok(isOwnHost(name, 'gpu7'), name);
  });

  it('is refused if another site could have made it lead here', () => {
    const foreign = [
      'evil.example',
      'evil.example:8080',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      'gpu7.evil',
    ];
    const odd = ['', 'localhost:', 'localhost:80:80', 'localhost@evil.example', '[::1', 'a b', '[localhost]x'];
    for (const name of [...foreign, ...odd]) assert.ok(!isOwnHost(name, 'gpu7'), name);
    assert.ok(!isOwnHost(undefined, 'gpu7'));
  });
});
