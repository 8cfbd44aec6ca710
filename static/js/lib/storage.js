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

export function drop(key) {
  fallback.delete(key);
  try {
    localStorage.removeItem(key);
  } catch {
    /* off */
  }
}
