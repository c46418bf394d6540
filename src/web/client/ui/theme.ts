import { useEffect, useState } from 'preact/hooks';

/** What the person chose; `auto` follows the system. */
export type ThemeChoice = 'auto' | 'light' | 'dark';

const key = 'doubletrack-theme';
const choices: readonly ThemeChoice[] = ['auto', 'light', 'dark'];
const system = matchMedia('(prefers-color-scheme: dark)');
/** Paper is white, whatever the screen is. */
const paper = matchMedia('print');
const listeners = new Set<() => void>();

/** A browser may refuse storage; the choice then lasts as long as the page. */
function readChoice(): ThemeChoice {
  try {
    return choices.find((choice) => choice === localStorage.getItem(key)) ?? 'auto';
  } catch {
    return 'auto';
  }
}

let choice = readChoice();
apply();
system.addEventListener('change', apply);
paper.addEventListener('change', apply);

function apply(): void {
  const onScreen = choice === 'auto' ? (system.matches ? 'dark' : 'light') : choice;
  document.documentElement.dataset.theme = paper.matches ? 'light' : onScreen;
  for (const listener of listeners) listener();
}

/** Takes the person's choice, for this and later visits. */
export function chooseTheme(next: ThemeChoice): void {
  choice = next;
  try {
    localStorage.setItem(key, next);
  } catch {
    // As in readChoice.
  }
  apply();
}

/** What was chosen, and what is shown now: what draws on a canvas draws anew when it changes. */
export function useTheme(): { readonly choice: ThemeChoice; readonly shown: 'light' | 'dark' } {
  const read = () => ({
    choice,
    shown: document.documentElement.dataset.theme === 'dark' ? ('dark' as const) : ('light' as const),
  });
  const [theme, setTheme] = useState(read);
  useEffect(() => {
    const listener = () => setTheme(read());
    listeners.add(listener);
    listener();
    return () => {
      listeners.delete(listener);
    };
  }, []);
  return theme;
}
