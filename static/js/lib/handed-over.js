/** A file that one page hands over to the next one, such as a photo dropped on the box of the bar. */
const NAME = "mapwright";
const STORE = "handed-over";

const asked = (request) =>
  new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });

function open() {
  const request = indexedDB.open(NAME, 1);
  request.addEventListener("upgradeneeded", () => request.result.createObjectStore(STORE));
  return asked(request);
}

async function within(mode, work) {
  const base = await open();
  try {
    return await work(base.transaction(STORE, mode).objectStore(STORE));
  } finally {
    base.close();
  }
}

/** Keep a file for the next page. */
export const handOver = (file) => within("readwrite", (store) => asked(store.put(file, "file")));

/** The file that was handed over, once; null without one. */
export async function takeOver() {
  try {
    return await within("readwrite", async (store) => {
      const file = await asked(store.get("file"));
      await asked(store.delete("file"));
      return file ?? null;
    });
  } catch {
    return null; // storage is off
  }
}
