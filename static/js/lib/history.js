/** A history stack of immutable states: undo and redo never touch the page, they only choose the state. */

/** @returns a history with `state` as its present */
export const begin = (state) => ({ past: [], present: state, future: [] });

/** A new present; what could be redone is gone. */
export const push = (history, state) => ({ past: [...history.past, history.present], present: state, future: [] });

export function undo(history) {
  if (!history.past.length) return history;
  return {
    past: history.past.slice(0, -1),
    present: history.past.at(-1),
    future: [history.present, ...history.future],
  };
}

export function redo(history) {
  if (!history.future.length) return history;
  return { past: [...history.past, history.present], present: history.future[0], future: history.future.slice(1) };
}

export const canUndo = (history) => history.past.length > 0;
export const canRedo = (history) => history.future.length > 0;

/** A store: one state, changed by pure actions `(state, ...args) -> state`, watched by renderers. */
export function createStore(initial) {
  let state = initial;
  const watchers = new Set();
  return {
    get state() {
      return state;
    },
    apply(action, ...args) {
      const next = action(state, ...args);
      if (next === state) return;
      const before = state;
      state = next;
      for (const watcher of watchers) watcher(state, before);
    },
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}
