/** Photos that are dropped on a part of a page, or pasted. */

/** A photo that can be sent at all; else a sentence that says why not. */
export function refusal(file) {
  if (!/\.(jpe?g|png|tiff?)$/i.test(file.name))
    return `${file.name} is no photo that can be read: use a JPEG, PNG or TIFF.`;
  if (!file.size) return `${file.name} is empty: choose the photo again.`;
  return "";
}

const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

/**
 * Take the first file that is dropped on `node`; while one is over it, it carries `data-over`.
 * @param {HTMLElement} node
 * @param {(file: File, event: DragEvent) => void} onFile
 */
export function takeDrops(node, onFile) {
  let depth = 0;
  const leave = () => {
    depth = 0;
    delete node.dataset.over;
  };
  node.addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    node.dataset.over = "";
  });
  node.addEventListener("dragleave", () => {
    depth -= 1;
    if (depth <= 0) leave();
  });
  node.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  node.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    leave();
    const [file] = event.dataTransfer.files;
    if (file) onFile(file, event);
  });
}
