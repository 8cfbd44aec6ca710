/** Small things kept in this browser; where storage is off they live as long as the page. */
const fallback = new Map();

export function load(key, otherwise = null) {
  try {
    const text = localStorage.getItem(key);
    return text === null ? (fallback.get(key) ?? otherwise) : JSON.parse(text);
  } catch {
    return fallback.get(key) ?? otherwise;
  }
}

export function save(key, value) {
  fallback.set(key, value);
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    /* full or off: the copy in memory stays */
  }
}

/** Values of all keys that begin so, in the order of the keys. */
export function loadAll(prefix) {
  const keys = new Set([...fallback.keys()].filter((key) => key.startsWith(prefix)));
  try {
    for (let index = 0; index < localStorage.length; index += 1)
      if (localStorage.key(index).startsWith(prefix)) keys.add(localStorage.key(index));
  } catch {
    /* off */
  }
  return [...keys]
    .sort()
    .map((key) => load(key))
    .filter(Boolean);
}

export function drop(key) {
  fallback.delete(key);
  try {
    localStorage.removeItem(key);
  } catch {
    /* off */
  }
}
