/** Says before a job is started what would keep it waiting or make it slow: no worker, or no GPU. */
import { api } from "mapwright/lib/api.js";

/**
 * Fills every element with `data-outlook="kind of job"` (and `data-region`); it stays hidden where nothing is in the way.
 * An empty kind tells of all queues that no worker serves.
 */
export async function fillOutlooks(root = document) {
  await Promise.all([...root.querySelectorAll("[data-outlook]")].map(fill));
}

async function fill(node) {
  const { outlook: kind, region } = node.dataset;
  const query = new URLSearchParams(kind ? { kind } : {});
  if (kind && region) query.set("region", region);
  try {
    const told = await api.get(`/api/workers/?${query}`);
    node.textContent = kind ? told.outlook : unserved(told.unserved);
  } catch {
    node.textContent = ""; // the page itself tells that the server does not answer
  }
  node.hidden = !node.textContent;
}

/** Jobs that wait for the same thing, and the place where one is started, say it once: the first of them on the page. */
export function tellOnce(root) {
  const tell = () => {
    const said = new Set();
    for (const node of root.querySelectorAll("[data-outlook], .job-outlook")) {
      node.hidden = !node.textContent || said.has(node.textContent);
      said.add(node.textContent);
    }
  };
  new MutationObserver(tell).observe(root, { childList: true, characterData: true, subtree: true });
  tell();
}

function unserved(queues) {
  if (!queues.length) return "";
  const names = queues.join(", ");
  return `No worker serves the queue${queues.length > 1 ? "s" : ""} ${names}: what waits there is not begun. Start one with celery -A webapp worker -Q ${queues.join(",")}`;
}
